"""Permissions: every route and method of the API with every kind of user."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from leads.models import Lead
from tests.conftest import Api, Case
from tests.factories import (
    PASSWORD,
    activity_row,
    bearer,
    lead_row,
    make_activity,
    make_follow_up,
    make_lead,
    make_user,
)
from users.models import User

REGISTRATION = {"username": "new", "email": "n@b.c", "password": "12345678", "first_name": "", "last_name": ""}
PASSWORDS = {"current_password": PASSWORD, "new_password": "another password"}
FOLLOW_UP = {"title": "Call back", "kind": "call", "due_on": "2026-12-03"}
CREDENTIALS = {"username": "nobody", "password": "wrong password"}

# (method, route as in the URL map, body, status for an agent)
PROTECTED: list[tuple[str, str, Any, int]] = [
    ("GET", "api/users/me", None, 200),
    ("POST", "api/users/me/password", PASSWORDS, 200),
    ("POST", "api/users/logout", None, 409),
    ("POST", "api/users/logout-all", None, 204),
    ("GET", "api/leads", None, 200),
    ("POST", "api/leads", lead_row(), 201),
    ("GET", "api/leads/<lead_id>", None, 200),
    ("PUT", "api/leads/<lead_id>", {"phone": "1"}, 200),
    ("PATCH", "api/leads/<lead_id>", {"phone": "1"}, 200),
    ("DELETE", "api/leads/<lead_id>", None, 204),
    ("GET", "api/leads/<lead_id>/activities", None, 200),
    ("POST", "api/leads/<lead_id>/activities", activity_row(), 201),
    ("GET", "api/leads/<lead_id>/history", None, 200),
    ("PATCH", "api/users/me", {"first_name": "x"}, 200),
    ("GET", "api/users", None, 200),
    ("GET", "api/users/me/keys", None, 200),
    ("POST", "api/users/me/keys", {"name": "Zapier", "scopes": ["read"]}, 201),
    ("DELETE", "api/users/me/keys/<key_id>", None, 404),  # another user's
    ("GET", "api/users/me/calendar", None, 404),
    ("POST", "api/users/me/calendar", None, 201),
    ("DELETE", "api/users/me/calendar", None, 404),
    ("GET", "api/leads/duplicates", None, 200),
    ("POST", "api/leads/import", None, 403),
    ("GET", "api/leads/imports", None, 403),
    ("GET", "api/leads/imports/<import_id>", None, 403),
    ("GET", "api/leads/imports/<import_id>/rejects", None, 403),
    ("POST", "api/leads/imports/<import_id>/undo", None, 403),
    ("GET", "api/leads/export", None, 403),
    ("GET", "api/leads/<lead_id>/duplicates", None, 200),
    ("POST", "api/leads/<lead_id>/merge", {"merge": [2**40]}, 403),
    ("PATCH", "api/leads", [{"id": 2**40}], 404),
    ("DELETE", "api/leads", None, 422),
    ("POST", "api/leads/delete", {"ids": [2**40]}, 404),
    ("POST", "api/leads/<lead_id>/restore", None, 200),
    ("PUT", "api/leads/<lead_id>/owner", {"user_id": None}, 200),
    ("PUT", "api/leads/<lead_id>/tags", [], 200),
    ("POST", "api/leads/tags", {"ids": [2**40], "add": ["x"]}, 404),
    ("POST", "api/leads/assign", {"ids": [2**40], "user_ids": [2**40]}, 422),
    ("GET", "api/leads/vocabulary", None, 200),
    ("GET", "api/activities", None, 200),
    ("GET", "api/activities/<activity_id>", None, 200),
    ("PUT", "api/activities/<activity_id>", {"title": "x"}, 403),  # another user's
    ("PATCH", "api/activities/<activity_id>", {"title": "x"}, 403),
    ("DELETE", "api/activities/<activity_id>", None, 403),
    ("GET", "api/leads/<lead_id>/follow-ups", None, 200),
    ("POST", "api/leads/<lead_id>/follow-ups", FOLLOW_UP, 201),
    ("GET", "api/leads/<lead_id>/consents", None, 200),
    ("POST", "api/leads/<lead_id>/consents", {"channel": "call", "state": "revoked"}, 201),
    ("POST", "api/leads/<lead_id>/log", {"activity": activity_row()}, 201),
    ("GET", "api/activities/follow-ups", None, 200),
    ("GET", "api/activities/follow-ups/<follow_up_id>", None, 200),
    ("PATCH", "api/activities/follow-ups/<follow_up_id>", {"title": "x"}, 403),  # another user's
    ("DELETE", "api/activities/follow-ups/<follow_up_id>", None, 403),
    ("POST", "api/activities/follow-ups/<follow_up_id>/done", None, 403),
    ("GET", "api/dashboard", None, 200),
]
# (method, route, body, status for anybody)
PUBLIC: list[tuple[str, str, Any, int]] = [
    ("POST", "api/users/register", REGISTRATION, 201),
    ("POST", "api/users/login", CREDENTIALS, 401),
    ("POST", "api/users/token", b"username=nobody&password=wrong", 401),
    ("GET", "api/users/calendar/<secret>.ics", None, 404),
    ("POST", "api/users/token/refresh", {"refresh_token": "unknown"}, 401),
    ("GET", "", None, 200),
    ("GET", "health/live", None, 200),
    ("GET", "health/ready", None, 200),
    ("GET", "docs", None, 200),
    ("GET", "redoc", None, 200),
    ("GET", "openapi.json", None, 200),
]
UNKNOWN = "999999999"  # an id that no row has
WHO = ["anonymous", "bad token", "no scheme", "deactivated", "logged out", "agent", "staff"]
NOT_AUTHENTICATED = ("anonymous", "no scheme")
LET_IN = ("agent", "staff")


@pytest.fixture
def headers_of(agent: User) -> Callable[[str], dict[str, str]]:
    """Return the headers of each kind of user."""

    def headers(who: str) -> dict[str, str]:
        user = make_user(is_staff=who == "staff")
        token = bearer(user)
        if who == "deactivated":
            user.is_active = False
            user.save()
        if who == "logged out":
            User.objects.filter(pk=user.pk).update(token_version=user.token_version + 1)
        other = {
            "anonymous": {},
            "bad token": {"Authorization": "Bearer rubbish"},
            "no scheme": {"Authorization": token["Authorization"].removeprefix("Bearer ")},
        }
        return other.get(who, token)

    return headers


def ask(headers: dict[str, str], method: str, path: str, body: Any) -> Any:
    """Return the response to a request with the content type of its route."""
    form = "application/x-www-form-urlencoded" if isinstance(body, bytes) else "application/json"
    return Api(headers).send(method, path, body, form)


def path_to(route: str, lead: Lead) -> str:
    """Return the path of a route: of ``lead``, of an activity or a follow-up of another user's with it, or of ids that
    are unknown.
    """
    if "<follow_up_id>" in route:
        route = route.replace("<follow_up_id>", str(make_follow_up(lead, make_user()).pk))
    if "<activity_id>" in route:
        route = route.replace("<activity_id>", str(make_activity(lead, make_user()).pk))
    for name in ("<key_id>", "<import_id>"):
        route = route.replace(name, UNKNOWN)
    return "/" + route.replace("<lead_id>", str(lead.pk))


@pytest.mark.parametrize("who", LET_IN)
def test_protected_routes(headers_of: Callable[[str], dict[str, str]], who: str, case: Case) -> None:
    headers, lead = headers_of(who), make_lead()
    for method, route, body, status in PROTECTED:
        with case(method, route):
            assert ask(headers, method, path_to(route, lead), body).status_code == status


@pytest.mark.parametrize("who", [who for who in WHO if who not in LET_IN])
def test_protected_routes_refuse_others(headers_of: Callable[[str], dict[str, str]], who: str, case: Case) -> None:
    headers, lead = headers_of(who), make_lead()
    detail = "Not authenticated" if who in NOT_AUTHENTICATED else "Could not validate credentials"
    why = "malformed" if who == "bad token" else "revoked"
    challenge = "Bearer" if who in NOT_AUTHENTICATED else f'Bearer error="invalid_token", error_description="{why}"'
    for method, route, body, _ in PROTECTED:
        with case(method, route):
            reply = ask(headers, method, path_to(route, lead), body)
            assert (reply.status_code, reply.json(), reply["WWW-Authenticate"]) == (401, {"detail": detail}, challenge)
            stored = Lead.objects.get(pk=lead.pk)
            assert (stored.is_active, stored.version, stored.activity_count) == (True, 1, "<activity_id>" in route)


@pytest.mark.parametrize("who", WHO)
def test_public_routes_stay_public(headers_of: Callable[[str], dict[str, str]], who: str, case: Case) -> None:
    headers = headers_of(who)
    for method, route, body, status in PUBLIC:
        with case(method, route):
            assert ask(headers, method, f"/{route}", body).status_code == status


@pytest.mark.parametrize("path", ["/api/leads/999999999", "/api/leads/abc", "/api/leads/999999999/activities"])
def test_a_stranger_learns_nothing_about_which_leads_there_are(anonymous: Api, path: str) -> None:
    for method in ("GET", "POST" if path.endswith("activities") else "PUT"):
        assert anonymous.send(method, path, b"{").status_code == 401


def served(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Return every (method, route) of the API."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from served(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            for method in pattern.callback.actions:  # type: ignore[attr-defined]
                if method != "head":
                    yield method.upper(), route


def test_the_tables_name_every_route_of_the_api() -> None:
    tables = {(method, route) for method, route, _, _ in PROTECTED + PUBLIC if route.startswith("api/")}
    routes = set(served(get_resolver().url_patterns))
    assert sorted(routes - tables) == [], "Add these routes to PROTECTED, or to PUBLIC if they need no token."
    assert sorted(tables - routes) == [], "Remove these routes from PROTECTED and PUBLIC."
