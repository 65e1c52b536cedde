"""Keys for programs: /api/users/me/keys, their scopes, and how they end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, lead_row, make_lead, make_user
from users.models import AccountEvent, ApiKey, User

pytestmark = pytest.mark.django_db

PATH = "/api/users/me/keys"
TODAY = datetime.now(UTC).date()


def issue(api: Api, **fields: Any) -> dict[str, Any]:
    reply = api.post(PATH, {"name": "Zapier", "scopes": ["read", "write"], **fields})
    assert reply.status_code == 201, reply.content
    key: dict[str, Any] = reply.json()
    assert reply["Location"] == f"{PATH}/{key['id']}"
    return key


def with_key(text: str) -> Api:
    return Api({"Authorization": f"Bearer {text}"})


def test_it_works(api: Api, agent: User) -> None:
    key = issue(api, expires_on=TODAY.isoformat())
    assert key["key"].startswith(f"crm_{key['id']}_")
    assert (key["name"], key["scopes"], key["expires_on"], key["last_used_on"]) == (
        "Zapier",
        ["read", "write"],
        TODAY.isoformat(),
        None,
    )
    program = with_key(key["key"])
    assert program.get("/api/users/me").json()["id"] == agent.pk
    listed = api.get(PATH).json()
    assert listed == [{**{name: key[name] for name in listed[0]}, "last_used_on": TODAY.isoformat()}]
    assert "key" not in listed[0]
    assert key["key"].split("_", 2)[2] not in str(ApiKey.objects.values())
    assert api.delete(f"{PATH}/{key['id']}").status_code == 204
    reply = program.get("/api/users/me")
    assert (reply.status_code, reply["WWW-Authenticate"]) == (
        401,
        'Bearer error="invalid_token", error_description="revoked"',
    )
    assert list(AccountEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "api_key_created",
        "api_key_revoked",
    ]


def test_what_a_program_does_has_its_name(api: Api, agent: User) -> None:
    program = with_key(issue(api)["key"])
    path = f"/api/leads/{program.post('/api/leads', lead_row()).json()['id']}"
    assert program.patch(path, {"status": "lost"}).status_code == 200
    assert program.post("/api/leads", [lead_row()]).status_code == 201
    reply = program.post(f"{path}/activities", activity_row())
    assert (reply.status_code, reply.json()["user_name"]) == (201, "Agent One")
    assert program.post(f"{path}/activities", [activity_row(), activity_row()]).status_code == 201
    assert program.post(f"{path}/log", {"activity": activity_row()}).status_code == 201
    history = program.get(f"{path}/history").json()
    assert [entry["kind"] for entry in history].count("activity") == 4
    assert {entry["user_name"] for entry in history} == {"Zapier (Agent One)"}


def test_scopes(api: Api) -> None:
    lead = make_lead()
    reader, writer = (with_key(issue(api, scopes=[scope])["key"]) for scope in ("read", "write"))
    for program in (reader, writer):
        assert program.get("/api/users/me").status_code == 200
    assert reader.get("/api/leads").status_code == 200
    assert writer.patch(f"/api/leads/{lead.pk}", {"phone": "1"}).status_code == 200
    closed: list[tuple[Api, str, str, Any]] = [
        (writer, "GET", "/api/leads", None),
        (reader, "POST", "/api/leads", lead_row()),
        (reader, "DELETE", f"/api/leads/{lead.pk}", None),
        (reader, "GET", PATH, None),
        (writer, "POST", PATH, {"name": "x", "scopes": ["read"]}),
        (writer, "PATCH", "/api/users/me", {"first_name": "x"}),
        (writer, "POST", "/api/users/me/password", {"current_password": PASSWORD, "new_password": "another password"}),
        (writer, "POST", "/api/users/logout", None),
        (writer, "POST", "/api/users/logout-all", None),
    ]
    for program, method, path, body in closed:
        reply = program.send(method, path, body)
        assert (method, path, reply.status_code) == (method, path, 403)
        assert reply["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert (Lead.objects.active().count(), ApiKey.objects.count()) == (1, 2)


def test_how_a_key_ends(api: Api, agent: User) -> None:
    key = issue(api)
    program = with_key(key["key"])
    password = {"current_password": PASSWORD, "new_password": "another password"}
    assert api.post("/api/users/me/password", password).status_code == 200
    assert program.get("/api/leads").status_code == 200, "a new password does not end it"
    ApiKey.objects.update(expires_on=TODAY - timedelta(days=1))
    reply = program.get("/api/leads")
    assert (reply.status_code, "expired" in reply["WWW-Authenticate"]) == (401, True)
    ApiKey.objects.update(expires_on=None)
    User.objects.filter(pk=agent.pk).update(is_active=False)
    assert program.get("/api/leads").status_code == 401


def test_bad_keys(api: Api) -> None:
    key = issue(api)["key"]
    for text in (
        "crm_",
        "crm_x_y",
        f"{key}x",
        key.replace("crm_", "crm_9"),
        f"crm_{10**30}_{'x' * 43}",
        key[:-1] + "é",
    ):
        assert with_key(text).get("/api/leads").status_code == 401


def test_bad_bodies(api: Api, case: Case) -> None:
    for body, problems in [
        ({}, [("missing", ["body", "name"]), ("missing", ["body", "scopes"])]),
        ({"name": " ", "scopes": []}, [("string_too_short", ["body", "name"]), ("too_short", ["body", "scopes"])]),
        ({"name": "x", "scopes": ["admin"]}, [("literal_error", ["body", "scopes"])]),
        ({"name": "x", "scopes": ["read"], "expires_on": "2020-01-01"}, [("value_error", ["body", "expires_on"])]),
        ({"name": "x", "scopes": ["read"], "colour": 1}, [("extra_forbidden", ["body", "colour"])]),
    ]:
        with case(body, problems):
            assert refused(api.post(PATH, body)) == problems


def test_keys_of_others_are_out_of_reach(api: Api, api_as: Any) -> None:
    key = issue(api)
    assert api_as(make_user()).delete(f"{PATH}/{key['id']}").status_code == 404
    assert api_as(make_user()).get(PATH).json() == []


def test_managers_revoke_keys_in_the_back_office(api: Api, client: Any) -> None:
    key = issue(api)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    page = "/admin/users/apikey/"
    assert b"Zapier" in client.get(page).content
    client.post(page, {"action": "revoke", "confirmed": "1", "_selected_action": [key["id"]]})
    assert with_key(key["key"]).get("/api/leads").status_code == 401


def test_a_login_with_a_form(anonymous: Api, agent: User) -> None:
    form = f"username={agent.username}&password={PASSWORD.replace(' ', '+')}"
    reply = anonymous.send("POST", "/api/users/login", form, "application/x-www-form-urlencoded")
    assert (reply.status_code, set(reply.json())) == (200, {"access_token", "token_type"})
