"""A path with a trailing slash gets the same response as without, not a redirect."""

from urllib.parse import urlencode

from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, lead_row, make_activity, make_lead
from users.models import User


def test_every_get(api: Api, agent: User) -> None:
    lead = make_lead()
    make_activity(lead, agent)
    lead_path = f"/api/leads/{lead.pk}"
    for path in ("/api/users/me", "/api/leads", lead_path, f"{lead_path}/activities", "/api/dashboard"):
        plain, slashed = api.get(path), api.get(f"{path}/")
        assert (plain.status_code, slashed.status_code) == (200, 200)
        assert plain.json() == slashed.json()


def test_the_query_survives(api: Api) -> None:
    wanted = make_lead(first_name="Zoë")
    make_lead()
    assert [lead["id"] for lead in api.get("/api/leads/", q="zoë").json()] == [wanted.pk]


def test_writing(api: Api) -> None:
    created = api.post("/api/leads/", lead_row())
    assert created.status_code == 201
    path = f"/api/leads/{created.json()['id']}/"
    assert api.put(path, {"phone": "1"}).json()["phone"] == "1"
    assert api.patch(path, {"phone": "2"}).json()["phone"] == "2"
    assert api.post(f"{path}activities/", activity_row()).status_code == 201
    assert api.post(f"{path}activities/", [activity_row()]).status_code == 201
    assert api.delete(path).status_code == 204


def test_users(anonymous: Api) -> None:
    body = {"username": "agent1", "email": "a1@example.com", "password": PASSWORD, "first_name": "", "last_name": ""}
    assert anonymous.post("/api/users/register/", body).status_code == 201
    assert anonymous.post("/api/users/login/", body).status_code == 200
    form = urlencode({"username": "agent1", "password": PASSWORD})
    assert anonymous.send("POST", "/api/users/token/", form, "application/x-www-form-urlencoded").status_code == 200


def test_two_slashes_are_one_too_many(api: Api, case: Case) -> None:
    for path in ["/api/leads//", "/api/leads/1//", "/api//", "/api/nope/", "/api/users/me//"]:
        with case(path):
            assert api.get(path).status_code == 404


def test_a_refusal_is_the_same_too(anonymous: Api) -> None:
    for path in ("/api/leads", "/api/leads/"):
        reply = anonymous.get(path)
        assert (reply.status_code, reply.json()) == (401, {"detail": "Not authenticated"})
