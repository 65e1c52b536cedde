"""Hostile values in every field, parameter and header of the API: a 4xx or stored safely, never a 500.

``tests/api/test_hostile_bodies.py`` says what exactly becomes of some of them; here nothing is left out.
"""

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.test import Client

from activities.models import Activity
from leads.models import Lead
from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, bearer, lead_row, make_lead, make_user
from tests.security.corpus import JSON, TEXTS, in_two_tiers, sample
from users.models import User

pytestmark = pytest.mark.django_db

LEAD = {**lead_row(), "status": "new", "source": "fair", "budget_min": 1, "budget_max": 2, "property_interest": "x"}
ACTIVITY = activity_row(notes="x", duration=5)
ACCOUNT = {"username": "new", "email": "n@b.co", "password": PASSWORD, "first_name": "x", "last_name": "y"}
LOGIN = {"username": "nobody", "password": "wrong password", "scope": "offline_access"}
PASSWORDS = {"current_password": "wrong password", "new_password": "another password"}

# (method, path, a body that fits)
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/leads", LEAD),
    ("PUT", "/api/leads/{lead}", {**LEAD, "is_active": True}),
    ("POST", "/api/leads/{lead}/activities", ACTIVITY),
    ("POST", "/api/users/register", ACCOUNT),
    ("POST", "/api/users/login", LOGIN),
    ("POST", "/api/users/token/refresh", {"refresh_token": "unknown"}),
    ("POST", "/api/users/me/password", PASSWORDS),
    ("POST", "/api/users/logout", {"refresh_token": "unknown"}),
]
FIELDS = [(method, path, body, field) for method, path, body in BODIES for field in body]
REFUSED_OR_DONE = {200, 201, 204, 400, 401, 403, 404, 409, 413, 415, 422, 429}


def assert_sane(reply: Any, context: str) -> None:
    """Assert that a response follows the contract: no 500, and errors in its format."""
    assert reply.status_code in REFUSED_OR_DONE, (context, reply.status_code, reply.content[:300])
    if reply.status_code >= 400:
        assert set(reply.json()) == {"detail"}, context
    if reply.content:
        reply.content.decode()


def with_value(body: dict[str, Any], field: str, value: str) -> bytes:
    """Return the body as JSON with a literal text as one value."""
    parts = [f"{json.dumps(name)}:{value if name == field else json.dumps(own)}" for name, own in body.items()]
    return f"{{{','.join(parts)}}}".encode()


@in_two_tiers
@pytest.mark.parametrize(("method", "path", "body", "field"), FIELDS)
def test_every_field(
    api: Api, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: dict[str, Any], field: str, step: int
) -> None:
    monkeypatch.setattr("users.managers.check_password", lambda *given: False)
    lead = make_lead()
    for name, value in sample(JSON, step, method + path + field).items():
        reply = api.send(method, path.format(lead=lead.pk), with_value(body, field, value))
        assert_sane(reply, name)
        if reply.status_code == 422:
            assert all(problem["loc"][0] == "body" for problem in reply.json()["detail"]), name
        Lead.objects.filter(pk=lead.pk).update(is_active=True)
    # All that was stored is in the responses, and agrees with its derived columns.
    assert api.get("/api/leads", size=1000).status_code == 200
    assert api.get(f"/api/leads/{lead.pk}/history", size=100).status_code == 200
    assert api.get("/api/dashboard").status_code == 200
    call_command("verify")


@in_two_tiers
@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_whole_bodies(api: Api, method: str, path: str, body: dict[str, Any], step: int) -> None:
    lead = make_lead()
    before = (Lead.objects.count(), Activity.objects.count(), User.objects.count())
    for name, value in sample(JSON, step, method + path).items():
        for text in (value, f"[{value},{json.dumps(body)}]"):
            assert_sane(api.send(method, path.format(lead=lead.pk), text.encode()), name)
    assert (Lead.objects.count(), Activity.objects.count(), User.objects.count()) == before


@in_two_tiers
@pytest.mark.parametrize("field", ["q", "status", "source", "min_budget", "max_budget", "page", "size", "unknown"])
@pytest.mark.parametrize("path", ["/api/leads", "/api/leads/{lead}/activities", "/api/leads/{lead}/history"])
def test_query_parameters(api: Api, path: str, field: str, step: int) -> None:
    make_lead()
    texts = sample(TEXTS, step, path + field)
    path = path.format(lead=make_lead().pk)
    for name, text in texts.items():
        for query in (f"{field}={quote(text)}", f"{field}={quote(text)}&{field}=1", f"{field}[]={quote(text)}"):
            assert_sane(api.client.get(f"{path}?{query}"), name)
    for raw in ("%", "%ff", "%ED%A0%80", "%00", "&&&=", "=", "x" * 60_000):
        assert_sane(api.client.get(path, QUERY_STRING=f"{field}={raw}"), raw[:20])


def test_paths(api: Api, case: Case) -> None:
    for path in ["/api/leads/{}", "/api/leads/{}/activities", "/api/leads/{}/history", "/api/{}", "/{}"]:
        with case(path):
            for name, text in TEXTS.items():
                for method in ("GET", "DELETE"):
                    reply = api.client.generic(method, path.format(quote(text, safe="")))
                    assert reply.status_code in {200, 301, 302, 404, 405, 422}, name
                    assert "root:" not in reply.content.decode()


HEADERS = {  # and how a good value of them begins
    **dict.fromkeys(("Idempotency-Key", "X-Request-ID", "Origin", "Accept", "Accept-Encoding", "X-Forwarded-For"), ""),
    **dict.fromkeys(("Cookie", "User-Agent", "X-HTTP-Method-Override"), ""),
    **dict.fromkeys(("If-Match", "If-None-Match"), 'W/"'),
    "Authorization": "Bearer ",
}


@in_two_tiers
@pytest.mark.parametrize(("header", "start"), HEADERS.items())
def test_headers(agent: User, header: str, start: str, step: int) -> None:
    client, path = Client(raise_request_exception=False), f"/api/leads/{make_lead().pk}"
    for name, text in sample(TEXTS, step, header).items():
        value = start + text.encode().decode("latin-1")  # as a server hands over what came
        given = {**bearer(agent), header: value}
        for method, at in (("GET", path), ("POST", "/api/leads")):
            body = json.dumps(lead_row())
            reply = client.generic(method, at, body, content_type="application/json", headers=given)
            assert reply.status_code in REFUSED_OR_DONE | {304, 405, 412}, (name, method)
            assert not any("\n" in value or "\r" in value for value in reply.headers.values())


def test_content_types(api: Api, case: Case) -> None:
    for content_type in [*TEXTS.values(), "text/xml", "application/json; charset=utf-16", "multipart/"]:
        with case(content_type):
            reply = api.send("POST", "/api/leads", lead_row(), content_type.encode().decode("latin-1"))
            assert reply.status_code in {201, 415}


def test_tokens_that_are_forms(anonymous: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user()
    monkeypatch.setattr("users.managers.check_password", lambda *given: False)
    for name, text in TEXTS.items():
        for field in ("username", "password", "grant_type", "scope", "client_id"):
            form = f"username=nobody&password=wrong&{field}={quote(text)}".encode()
            assert_sane(anonymous.send("POST", "/api/users/token", form, "application/x-www-form-urlencoded"), name)
