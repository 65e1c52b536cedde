"""``strict``, ``times`` and ``Prefer``: options that every call knows."""

import re
from typing import Any

import orjson
import pytest

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, lead_row, make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/api/leads", None),
    ("GET", "/api/leads/{lead}", None),
    ("PUT", "/api/leads/{lead}", {"first_name": "B"}),
    ("PATCH", "/api/leads/{lead}", {"first_name": "C"}),
    ("POST", "/api/leads", lead_row()),
    ("POST", "/api/leads", [lead_row(), lead_row()]),
    ("GET", "/api/leads/{lead}/activities", None),
    ("POST", "/api/leads/{lead}/activities", activity_row()),
    ("GET", "/api/leads/{lead}/history", None),
    ("GET", "/api/dashboard", None),
    ("GET", "/api/users/me", None),
]


def call(api: Api, method: str, path: str, body: Any, lead: Lead, query: str = "", **headers: str) -> Any:
    path = f"{path.format(lead=lead.pk)}?{query}"
    return api.client.generic(
        method, path, orjson.dumps(body) if body is not None else b"", content_type="application/json", headers=headers
    )


@pytest.fixture
def lead(agent: User) -> Lead:
    lead = make_lead(first_name='"created_at":"2026-01-01T00:00:00.000000"')
    make_activity(lead, agent, notes='{"created_at":"2026-01-01T00:00:00.000000"}')
    return lead


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_zoned_times(api: Api, lead: Lead, method: str, path: str, body: Any) -> None:
    plain = call(api, method, path, body, lead)
    zoned = call(api, method, path, body, lead, "times=zoned")
    assert zoned.status_code == plain.status_code < 300, zoned.content

    def times(reply: Any) -> list[str]:
        return re.findall(r'"(?:[a-z]+_)?at":"([^"]*)"', reply.content.decode())

    assert len(times(zoned)) == len(times(plain)) > 0
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time) for time in times(zoned))
    assert not [time for time in times(plain) if time.endswith("Z")]
    if method == "GET":
        assert zoned.content.decode().replace('Z",', '",').replace('Z"}', '"}') == plain.content.decode()


def test_a_repeated_reply_has_zones_too(api: Api) -> None:
    first = api.client.post("/api/leads?times=zoned", lead_row(), "application/json", headers={"Idempotency-Key": "k"})
    assert first.json()["created_at"].endswith("Z")


def test_unknown_parameters(api: Api, lead: Lead, case: Case) -> None:
    for method, path, body in CALLS:
        with case(method, path, body):
            count = Lead.objects.count()
            assert call(api, method, path, body, lead, "colour=red&strict=false").status_code < 300
            before = Lead.objects.count()
            for query, headers in (("colour=red&strict=true", {}), ("colour=red", {"Prefer": "handling=strict"})):
                reply = call(api, method, path, body, lead, query, **headers)
                assert refused(reply) == [("extra_forbidden", ["query", "colour"])]
            assert Lead.objects.count() == before >= count
            assert call(api, method, path, body, lead, "times=zoned&strict=true").status_code < 300
            applied = call(api, method, path, body, lead, **{"Prefer": "handling=strict"})
            assert applied.status_code < 300
            assert applied.headers["Preference-Applied"] == "handling=strict"


def test_unknown_fields(api: Api, lead: Lead, case: Case) -> None:
    for method, path, body, places in [
        ("POST", "/api/leads", {**lead_row(), "colour": "red"}, [["body", "colour"]]),
        ("POST", "/api/leads", [lead_row(), {**lead_row(), "colour": "red"}], [["body", 1, "colour"]]),
        ("POST", "/api/leads", {**lead_row(), "colour": 1, "email": 5}, [["body", "colour"], ["body", "email"]]),
        ("PUT", "/api/leads/{lead}", {"colour": "red"}, [["body", "colour"]]),
        ("POST", "/api/leads/{lead}/activities", {**activity_row(), "colour": 1}, [["body", "colour"]]),
    ]:
        with case(method, path, body, places):
            before = Lead.objects.count()
            assert sorted(loc for _, loc in refused(call(api, method, path, body, lead, "strict=true"))) == places
            assert Lead.objects.count() == before


def test_fields_that_the_server_sets_are_known(api: Api, lead: Lead) -> None:
    row = call(api, "GET", "/api/leads/{lead}", None, lead, "include=version,tags,closed_at").json()
    assert call(api, "PUT", "/api/leads/{lead}", {**row, "last_name": "New"}, lead, "strict=true").status_code == 200
    assert call(api, "POST", "/api/leads", row, lead, "strict=true").status_code == 201


def test_a_login_may_be_strict(api: Api, agent: User) -> None:
    body = {"username": agent.username, "password": PASSWORD, "scope": ""}
    assert api.client.post("/api/users/login?strict=true", body, "application/json").status_code == 200
    reply = api.client.post("/api/users/login?strict=true", {**body, "colour": 1}, "application/json")
    assert refused(reply) == [("extra_forbidden", ["body", "colour"])]


@pytest.mark.parametrize(("name", "value"), [("times", "local"), ("strict", "maybe")])
def test_values_that_cannot_be_read(api: Api, lead: Lead, name: str, value: str) -> None:
    for method, path, body in CALLS:
        assert [loc for _, loc in refused(call(api, method, path, body, lead, f"{name}={value}"))] == [["query", name]]
