"""Security headers of every page, also of responses by middleware and the server."""

from collections.abc import Iterator
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver

from crm_project.http.middleware import BODY_REFUSED
from leads.models import Lead
from tests.admin.people import make_person
from tests.conftest import Api, Case
from tests.factories import bearer, lead_row, make_lead, make_user
from tests.live import LiveServer, serving

pytestmark = pytest.mark.django_db


def policy_of(reply: Any) -> dict[str, list[str]]:
    """Return the content security policy, by directive."""
    parts = (part.split() for part in reply.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def assert_safe(reply: HttpResponse) -> None:
    """Assert the headers of every response."""
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert reply.headers["Referrer-Policy"] == "same-origin"
    policy = policy_of(reply)
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    scripts = policy.get("script-src", policy["default-src"])
    assert not {"'unsafe-inline'", "*", "http:", "https:", "data:", "blob:"} & set(scripts)
    known = {source for sources in policy.values() for source in sources if not source.startswith("'sha256-")}
    assert known <= {
        *("'self'", "'none'", "'unsafe-eval'", "'unsafe-inline'", "data:", "blob:"),
    }


API: list[tuple[str, str, Any, int]] = [
    ("GET", "/api/leads", None, 200),
    ("GET", "/api/leads/1", None, 404),
    ("POST", "/api/leads", [], 400),
    ("POST", "/api/leads", lead_row(), 201),
    ("POST", "/api/leads", b"{", 422),
    ("PUT", "/api/leads", None, 405),
    ("GET", "/api/nowhere", None, 404),
    ("GET", "/api/dashboard", None, 200),
    ("GET", "/api/users/me", None, 200),
    ("POST", "/api/users/logout-all", None, 204),
    ("POST", "/api/users/login", {"username": "a", "password": "b"}, 401),
    ("OPTIONS", "/api/leads", None, 405),
]


def test_replies_of_the_api(api: Api, case: Case) -> None:
    for method, path, body, status in API:
        with case(method, path, body, status):
            reply = api.send(method, path, body)
            assert reply.status_code == status
            assert_safe(reply)
            assert reply.headers["Cache-Control"] == "no-store"
            assert policy_of(reply)["default-src"] == ["'none'"]


def test_replies_that_no_view_makes(api: Api) -> None:
    preflight = Client().options(
        "/api/leads", headers={"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"}
    )
    wrong_host = Client().get("/api/leads", headers={"Host": "evil.example.com"})
    for reply, status in ((preflight, 200), (wrong_host, 400), (Client().get("/api/leads"), 401)):
        assert reply.status_code == status
        assert_safe(reply)
        assert reply.headers["Cache-Control"] == "no-store"


def test_a_host_that_is_not_ours_gets_a_400_in_json(case: Case) -> None:
    for host, path in product(
        ["evil.example.com", "testserver.evil.example", "a b", "", "testserver:x", "[::", "é"],
        ["/", "/api/leads", "/admin/", "/docs", "/nowhere"],
    ):
        with case(host, path):
            reply = Client(raise_request_exception=False).get(path, HTTP_HOST=host)
            assert (reply.status_code, reply.json()) == (400, {"detail": "Bad Request"})


def test_an_etag_works_beside_no_store(api: Api) -> None:
    path = f"/api/leads/{make_lead().pk}"
    tag = api.get(path).headers["ETag"]
    again = api.client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.headers["ETag"], again.headers["Cache-Control"]) == (304, tag, "no-store")


def test_pages_for_everybody(case: Case) -> None:
    for path in ["/", "/health/ready", "/openapi.json", "/docs", "/redoc", "/nowhere", "/favicon.ico"]:
        with case(path):
            reply = Client().get(path)
            assert_safe(reply)
            assert "'unsafe-" not in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("leads/statuses.js", 200), ("dashboard/icon.svg", 200), ("nowhere.svg", 404), ("../manage.py", 404)],
)
def test_files_of_ours_do_nothing_when_they_are_opened(path: str, status: int) -> None:
    with closing(Client().get(f"/static/{path}")) as reply:
        assert reply.status_code == status
        assert_safe(reply)
        assert policy_of(reply)["default-src"] == ["'none'"]


def pages(patterns: list[Any], prefix: str = "/admin/") -> Iterator[str]:
    """Return a path for every route of the back office."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, route)
        elif "(?P" not in route:
            yield "".join("1" if part.startswith("<") else part for part in _parts(route))


def _parts(route: str) -> list[str]:
    return [piece for part in route.split("<") for piece in _cut(part)]


def _cut(part: str) -> list[str]:
    inside, found, after = part.partition(">")
    return [f"<{inside}>", after] if found else [part]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_page_of_the_back_office(method: str, case: Case) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_person("superuser"))
    Lead.objects.create(pk=1, first_name="Ada")
    cookies = client.cookies.copy()
    for path in [*pages(admin.site.get_urls()), "/admin/nowhere/", "/admin/leads/"]:
        with case(method, path):
            client.cookies = cookies.copy()  # one of the pages logs out
            reply = client.generic(method, path)
            assert reply.status_code < 500
            assert_safe(reply)
            assert "no-store" in reply.headers["Cache-Control"]


def test_every_form_of_the_back_office_wants_its_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(is_staff=True, is_superuser=True))
    for path in pages(admin.site.get_urls()):
        assert client.post(path).status_code == 403, path


def test_the_api_takes_no_cookie_for_a_token() -> None:
    user, lead = make_user(is_staff=True, is_superuser=True), make_lead()
    client = Client()
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
    for method, path in (("GET", "/api/users/me"), ("DELETE", f"/api/leads/{lead.pk}"), ("GET", "/api/leads")):
        assert client.generic(method, path).status_code == 401
    assert Client().get("/admin/", headers=bearer(user)).status_code == 302  # nor the admin a token for a session


def test_the_api_sets_no_cookie(api: Api) -> None:
    for reply in (api.get("/api/leads"), api.post("/api/users/login", {"username": "a", "password": "b"})):
        assert not reply.cookies


@pytest.mark.slow
def test_behind_tls() -> None:
    secure = {"X-Forwarded-Proto": "https"}
    with serving(HTTPS="true") as server:
        plain = server.send("GET", "/api/leads")
        assert (plain.status, plain.headers["location"][:8]) == (301, "https://")
        for path in ("/api/leads", "/admin/login/", "/docs", "/nowhere"):
            reply = server.send("GET", path, headers=secure)
            assert reply.headers["strict-transport-security"] == "max-age=31536000"
        cookie = server.send("GET", "/admin/login/", headers=secure).headers["set-cookie"]
    assert cookie.startswith("__Host-csrftoken=")
    assert {"Secure", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "domain" not in cookie.lower(), "browsers refuse such a __Host- cookie"


def test_the_session_cookie_behind_tls(settings: Any) -> None:
    settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE = "__Host-sessionid", True
    person, client = make_person("manager"), Client()
    client.post("/admin/login/", {"username": person.username, "password": "correct horse battery"})
    session = client.cookies["__Host-sessionid"]
    assert (session["secure"], session["path"], session["domain"]) == (True, "/", "")
    assert client.get("/admin/sessions/").status_code == 200


def test_a_session_is_out_of_reach_of_scripts() -> None:
    person = make_person("manager")
    client = Client()
    client.post("/admin/login/", {"username": person.username, "password": "correct horse battery"})
    session = client.cookies["sessionid"]
    assert (session["httponly"], session["samesite"]) == (True, "Lax")


@pytest.mark.slow
def test_no_response_names_the_server(server: LiveServer) -> None:
    headers = ""
    for path in ("/", "/api/leads", "/api/nowhere", "/admin/login/", "/docs", "/static/nowhere"):
        headers += " ".join(server.send("GET", path).headers.values()).lower()
    for name in ("granian", "django", "python", "wsgi", "hyper", "whitenoise", "unfold"):
        assert name not in headers
    assert "x-powered-by" not in server.send("GET", "/").headers


@pytest.mark.parametrize("status", [400, 413, 503])
def test_a_body_that_is_refused_on_arrival(status: int) -> None:
    reply = Client().post("/api/leads", **{BODY_REFUSED: status})  # as crm_project/http/gateway.py sets it
    assert reply.status_code == status
    assert_safe(reply)
    assert reply.headers["Cache-Control"] == "no-store"
