"""CORS: requests and responses of browsers on other origins."""

from itertools import product

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from pytest_django import Settings

from leads.querysets import LeadQuerySet
from tests.conftest import Api, Case
from tests.factories import lead_row, make_lead

ORIGINS = ["http://localhost:5173", "http://localhost:3000"]
ORIGIN = ORIGINS[0]
STRANGERS = [
    "null",
    "http://evil.example",
    "http://localhost",
    "http://localhost:5174",
    "https://localhost:5173",
    "http://localhost:5173.evil.example",
    "http://evil.example:5173",
    "http://127.0.0.1:5173",
    "http://testserver",
    "http://localhost:5173/",
    "http://localhost:5173/leads?x=1",
    "http://user@localhost:5173",
    "HTTP://LOCALHOST:5173",
    "",
    "*",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
REQUEST_HEADERS = [
    # django-cors-headers' own list
    *("accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with"),
    # what apps use besides
    *("if-match", "if-none-match", "idempotency-key", "prefer", "x-request-id", "cache-control", "pragma", "range"),
    # what Sentry and OpenTelemetry send with every request
    *("traceparent", "tracestate", "baggage", "sentry-trace"),
]
EXPOSED = {
    *("ETag", "Retry-After", "Idempotent-Replayed", "X-Request-ID"),
    *("Location", "Link", "X-Total-Count", "Content-Range", "X-Synced-Until", "Preference-Applied"),
    "WWW-Authenticate",
}
PATHS = [
    "/api/leads",
    "/api/leads/1",
    "/api/users/token",
    "/api/users/me",
    "/api/dashboard",
    "/api/leads/1/activities/",
]


def preflight(api: Api, path: str, origin: str, method: str = "GET", headers: str = "") -> HttpResponse:
    """Send a preflight request."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return api.client.options(path, headers=asked)


def listed(reply: HttpResponse, name: str) -> set[str]:
    """Return the comma-separated values of a header."""
    return {value.strip() for value in reply.headers[name].split(",")}


def assert_readable(reply: HttpResponse, origin: str = ORIGIN) -> None:
    """Assert that a browser shows this response to the app."""
    assert reply["Access-Control-Allow-Origin"] == origin
    assert reply["Access-Control-Allow-Credentials"] == "true"
    assert listed(reply, "Access-Control-Expose-Headers") == EXPOSED
    assert "origin" in reply["Vary"].lower()


def assert_bare(reply: HttpResponse) -> None:
    """Assert that a browser hides this response from apps of other origins."""
    assert [name for name in reply.headers if name.lower().startswith("access-control-")] == []


def test_a_listed_origin_may_use_every_method_and_header(anonymous: Api, case: Case) -> None:
    for path, origin in product(PATHS, ORIGINS):
        with case(path, origin):
            for method in METHODS:
                reply = preflight(anonymous, path, origin, method, ",".join(REQUEST_HEADERS))
                assert reply.status_code == 200
                assert reply.content == b""
                assert reply["Access-Control-Allow-Origin"] == origin
                assert reply["Access-Control-Allow-Credentials"] == "true"
                assert listed(reply, "Access-Control-Allow-Methods") == {*METHODS, "OPTIONS"}
                assert listed(reply, "Access-Control-Allow-Headers") == set(REQUEST_HEADERS)
                assert "origin" in reply["Vary"].lower()


def test_another_origin_gets_nothing(api: Api, case: Case) -> None:
    for origin in STRANGERS:
        with case(origin):
            assert_bare(preflight(api, "/api/leads", origin, "POST", "authorization"))
            assert_bare(api.client.get("/api/leads", headers={"Origin": origin}))
            assert_bare(api.client.get("/api/leads/0", headers={"Origin": origin}))


@pytest.mark.parametrize("origin", ORIGINS)
def test_replies_are_readable(api: Api, origin: str) -> None:
    for path in ("/api/leads", "/api/dashboard", "/api/users/me", "/"):
        assert_readable(api.client.get(path, headers={"Origin": origin}), origin)


def test_a_reply_without_a_body_is_readable(api: Api) -> None:
    reply = api.client.delete(f"/api/leads/{make_lead().pk}", headers={"Origin": ORIGIN})
    assert reply.status_code == 204
    assert_readable(reply)


def test_without_an_origin_there_are_no_headers_but_caches_know(api: Api) -> None:
    reply = api.get("/api/leads")
    assert_bare(reply)
    assert "origin" in reply["Vary"].lower()


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        (400, "POST", "/api/leads", []),
        (404, "GET", "/api/leads/0", None),
        (404, "GET", "/api/nope", None),
        (405, "PUT", "/api/leads", {}),
        (405, "POST", "/", {}),
        (413, "POST", "/api/leads", [{}] * 4),
        (413, "POST", "/api/leads", {"property_interest": "x" * 3000}),
        (415, "POST", "/api/users/token", {}),
        (422, "POST", "/api/leads", {}),
        (422, "POST", "/api/leads", b"{"),
        (422, "GET", "/api/leads/abc", None),
        (422, "GET", "/api/leads?page=0", None),
    ],
)
def test_error_replies_are_readable(
    api: Api, settings: Settings, status: int, method: str, path: str, body: object
) -> None:
    settings.BULK_MAX_ROWS = 3
    settings.BODY_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    api.client.defaults["HTTP_ORIGIN"] = ORIGIN
    reply = api.send(method, path, body)
    assert reply.status_code == status
    assert_readable(reply)


def test_refusals_for_want_of_a_token_are_readable(anonymous: Api) -> None:
    for headers in ({}, {"Authorization": "Bearer rubbish"}):
        reply = anonymous.client.get("/api/leads", headers={"Origin": ORIGIN, **headers})
        assert reply.status_code == 401
        assert_readable(reply)


def test_errors_have_cors_headers(anonymous: Api, settings: Settings) -> None:
    anonymous.client.defaults["HTTP_ORIGIN"] = ORIGIN
    body = {"username": "agent1", "email": "a@b.c", "password": "12345678", "first_name": "", "last_name": ""}
    for status in (201, 409):
        reply = anonymous.post("/api/users/register", body)
        assert reply.status_code == status
        assert_readable(reply)
    settings.REGISTRATION_OPEN = False
    reply = anonymous.post("/api/users/register", body)
    assert reply.status_code == 403
    assert_readable(reply)


def test_failures_are_readable(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError

    with connection.execute_wrapper(away):
        reply = api.client.get("/api/leads", headers={"Origin": ORIGIN})
    assert reply.status_code == 503
    assert_readable(reply)
    monkeypatch.setattr(LeadQuerySet, "update_lead", lambda *_: 1 / 0)
    reply = api.client.delete("/api/leads/1", headers={"Origin": ORIGIN})
    assert reply.status_code == 500
    assert_readable(reply)


def test_a_forbidden_host_is_readable(api: Api) -> None:
    reply = api.client.get("/api/leads", headers={"Origin": ORIGIN, "Host": "evil.example"})
    assert reply.status_code == 400
    assert_readable(reply)


def test_a_preflight_needs_no_token_and_changes_nothing(anonymous: Api, api: Api) -> None:
    path = f"/api/leads/{make_lead().pk}"
    assert preflight(anonymous, path, ORIGIN, "DELETE", "authorization").status_code == 200
    assert api.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/leads/lead/", "/admin/nope/"])
def test_the_admin_is_for_its_own_site_alone(anonymous: Api, path: str) -> None:
    assert_bare(preflight(anonymous, path, ORIGIN, "POST", "x-csrftoken"))
    assert_bare(anonymous.client.get(path, headers={"Origin": ORIGIN}))


def test_the_list_of_origins_is_the_settings(api: Api, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://crm.example"]
    assert_readable(api.client.get("/api/leads", headers={"Origin": "https://crm.example"}), "https://crm.example")
    assert_bare(api.client.get("/api/leads", headers={"Origin": ORIGIN}))


def test_a_write_from_a_listed_origin_works(api: Api) -> None:
    api.client.defaults["HTTP_ORIGIN"] = ORIGIN
    reply = api.post("/api/leads", lead_row())
    assert reply.status_code == 201
    assert_readable(reply)
