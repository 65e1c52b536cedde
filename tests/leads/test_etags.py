"""ETag, If-Match and If-None-Match of leads."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.http import HttpResponse

from tests.conftest import Api
from tests.factories import activity_row, lead_row, make_lead

pytestmark = pytest.mark.django_db

Send = Callable[..., HttpResponse]


@pytest.fixture
def send(api: Api) -> Send:
    """Return a request with extra headers."""

    def send(method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = "application/json"
        return api.client.generic(method, path, b"" if body is None else _json(body), content_type=kind, headers=names)

    return send


def _json(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body)


def test_it_works(api: Api, send: Send) -> None:
    created = api.post("/api/leads", lead_row())
    path = f"/api/leads/{created.json()['id']}"
    assert created["ETag"] == api.get(path)["ETag"]
    changed = send("PUT", path, {"phone": "1"}, If_Match=created["ETag"])
    assert changed.status_code == 200
    assert changed["ETag"] == api.get(path)["ETag"] != created["ETag"]


@pytest.mark.parametrize(("method", "body"), [("PUT", {"phone": "2"}), ("PATCH", {"phone": "2"}), ("DELETE", None)])
def test_a_change_over_another_version_is_refused(
    api: Api, send: Send, method: str, body: dict[str, Any] | None
) -> None:
    lead = make_lead(phone="0")
    path = f"/api/leads/{lead.pk}"
    stale = api.get(path)["ETag"]
    api.put(path, {"phone": "1"})
    reply = send(method, path, body, If_Match=stale)
    assert (reply.status_code, reply["ETag"]) == (412, api.get(path)["ETag"])
    assert reply.json() == {"detail": "The lead was changed meanwhile"}
    assert api.get(path).json()["phone"] == "1"


def test_a_logged_call_moves_the_tag_and_blocks_no_edit(api: Api, send: Send) -> None:
    path = f"/api/leads/{make_lead().pk}"
    before = api.get(path)["ETag"]
    api.post(f"{path}/activities", activity_row())
    assert api.get(path)["ETag"] != before
    assert send("PUT", path, {"phone": "1"}, If_Match=before).status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 200),
        ('"9-9", "1-0"', 200),
        ('W/"1-0"', 200),
        ('"2-0"', 412),
        ("1-0", 412),
        ("", 412),
        ('"\u00e9"', 412),
        ('"' + "9" * 5000 + '-0"', 412),
    ],
)
def test_what_if_match_may_say(send: Send, header: str, status: int) -> None:
    path = f"/api/leads/{make_lead().pk}"
    assert send("PATCH", path, {"phone": "1"}, If_Match=header).status_code == status


def test_a_missing_lead_is_missing_whatever_the_tag(send: Send) -> None:
    assert send("DELETE", "/api/leads/999", If_Match='"1-0"').status_code == 404


def test_a_known_representation_is_not_sent_again(api: Api, send: Send) -> None:
    path = f"/api/leads/{make_lead().pk}"
    tag = api.get(path)["ETag"]
    reply = send("GET", path, If_None_Match=f'"0-0", {tag}')
    assert (reply.status_code, reply.content, reply["ETag"]) == (304, b"", tag)
    api.put(path, {"phone": "1"})
    assert send("GET", path, If_None_Match=tag).status_code == 200


def test_the_version_of_include_is_an_entity_tag(api: Api) -> None:
    lead = make_lead()
    version = api.get(f"/api/leads/{lead.pk}", include="version").json()["version"]
    path = f"/api/leads/{lead.pk}"
    for expected in (200, 412):
        reply = api.client.put(path, {"first_name": "B"}, "application/json", headers={"If-Match": f'"{version}"'})
        assert reply.status_code == expected
