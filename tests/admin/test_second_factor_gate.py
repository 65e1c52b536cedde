"""No page of the back office opens before the second factor is verified."""

import re
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client

from leads.models import SavedView
from tests.admin.people import KINDS, make_groups, make_person
from tests.admin.second_factors import CODE, LOGIN, SET_UP, after_password, code_of, give, is_in, with_second_factor
from tests.admin.test_permissions import all_routes
from tests.conftest import Case
from tests.factories import PASSWORD, make_lead, make_user
from tests.users.trying import HERE
from users import second_factor
from users.audit import AccountEvent
from users.back_office import password_links
from users.models import LoginFailure, User
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db

OPEN = {"login/", "login/code/", "logout/", *(str(page.pattern) for page in password_links.urls())}
ROUTES = sorted(set(all_routes(admin.site.get_urls())) - OPEN)


def address_of(route: str) -> str:
    """Return an address of a route."""
    route = route.replace(r"^(?P<app_label>users|auth|leads|activities)/$", "leads/")
    return "/admin/" + re.sub(r"<[^>]+>", "1", route.replace("(?P<url>.*)$", "nowhere/"))


def logged_in(user: User) -> Client:
    """Return a client with a session that is older than the second factor."""
    client = Client()
    client.force_login(user)
    return client


def redirections(client: Client, routes: list[str]) -> set[str]:
    """Return where GET and POST requests to all routes are redirected."""
    assert len(routes) > 50
    replies = [client.generic(method, address_of(route)) for route in routes for method in ("GET", "POST")]
    assert {reply.status_code for reply in replies} == {302}
    return {reply["Location"].partition("?next=%2Fadmin%2F")[0] for reply in replies}


def test_a_session_without_the_code_opens_no_page() -> None:
    user = make_person("superuser")
    with_second_factor(user)
    assert redirections(logged_in(user), ROUTES) == {CODE}


def test_a_required_second_factor_must_be_set_up_first(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "managers"
    routes = [route for route in ROUTES if route != "second-factor/set-up/"]
    assert redirections(logged_in(make_person("superuser")), routes) == {SET_UP}


def test_a_session_without_the_code_changes_nothing() -> None:
    user = make_person("superuser")
    with_second_factor(user)
    lead = make_lead()
    client = logged_in(user)
    client.post("/admin/leads/lead/", {"action": "delete_softly", "_selected_action": [lead.pk]})
    lead.refresh_from_db()
    assert lead.is_active
    assert "Not saved: the second factor is missing." in client.get(CODE).content.decode()


def test_a_session_without_the_code_deletes_no_failures() -> None:
    user = make_person("superuser")
    with_second_factor(user)
    client = logged_in(user)
    LoginFailure.objects.add(user.username, HERE)
    new = {"new_password1": "a new passphrase", "new_password2": "a new passphrase"}
    reply = client.post("/admin/password_change/", {"old_password": PASSWORD, **new}, REMOTE_ADDR=HERE)
    assert reply["Location"].startswith(CODE)
    assert LoginFailure.objects.count() == 1
    assert not AccountEvent.objects.exists()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("required", [False, True])
def test_a_session_without_the_code_sees_no_leads(settings: Any, required: bool) -> None:
    """Neither in the search nor in the sidebar, whose saved views have counts."""
    user = make_person("superuser")
    make_lead(first_name="Grace")
    SavedView.objects.create(user=user, name="Waiting for me", query="status=new")
    if required:
        settings.REQUIRE_SECOND_FACTOR = "staff"
    else:
        with_second_factor(user)
    client = logged_in(user)
    step = SET_UP if required else CODE
    for path in ("/admin/leads/lead/find/?q=grace", "/admin/leads/lead/find/?q=", "/admin/"):
        reply = client.get(path)
        assert reply["Location"] == f"{step}?{urlencode({'next': path})}"
        html = client.get(reply["Location"]).content.decode()
        for shown in ("Waiting for me", "crm-count", 'role="search"', "Grace", "nav-sidebar"):
            assert shown not in html, (path, shown)


def test_an_older_session_needs_the_code_only() -> None:
    user = make_person("staff")
    client = logged_in(user)
    assert is_in(client)
    with_second_factor(user)
    page = client.get("/admin/leads/lead/?q=ada", follow=True)
    assert page.redirect_chain[-1][0].startswith(CODE)
    reply = client.post(page.redirect_chain[-1][0], {"code": code_of(user)})
    assert reply["Location"] == "/admin/leads/lead/?q=ada"
    assert is_in(client)


@pytest.mark.parametrize("required", [False, True])
def test_logging_out_is_always_possible(settings: Any, required: bool) -> None:
    user = make_person("manager")
    settings.REQUIRE_SECOND_FACTOR = "managers"
    if not required:
        with_second_factor(user)
    client = logged_in(user)
    assert client.post("/admin/logout/").status_code == 200
    assert "_auth_user_id" not in client.session


REQUIRED = {"nobody": (), "managers": ("manager", "superuser"), "staff": ("staff", "manager", "superuser")}


@pytest.mark.parametrize("who", KINDS[2:])
@pytest.mark.parametrize("required", REQUIRED)
def test_who_needs_a_second_factor(settings: Any, required: str, who: str) -> None:
    settings.REQUIRE_SECOND_FACTOR = required
    client = logged_in(make_person(who))
    assert is_in(client) == (who not in REQUIRED[required])


@pytest.mark.parametrize("permission", ["add_user", "change_user", "handle_personal_data"])
def test_permissions_of_managers_require_it(settings: Any, permission: str) -> None:
    settings.REQUIRE_SECOND_FACTOR = "managers"
    user = make_user(is_staff=True)
    assert is_in(logged_in(user))
    user.user_permissions.add(Permission.objects.get(codename=permission))
    assert not is_in(logged_in(user))


def test_the_group_of_managers_requires_it_even_without_permissions(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "managers"
    make_groups()
    user = make_user(is_staff=True)
    group = Group.objects.get(name=MANAGERS)
    group.permissions.clear()
    user.groups.add(group)
    assert not is_in(logged_in(user))


def test_the_pages_need_access(case: Case) -> None:
    for page, kind in product(
        [SET_UP, "/admin/second-factor/", "/admin/second-factor/turn-off/"], ["anonymous", "agent"]
    ):
        with case(page, kind):
            client = Client() if kind == "anonymous" else logged_in(make_person(kind))
            assert client.get(page)["Location"] == f"{LOGIN}?next={page}"


def test_removing_the_app_ends_the_sessions_it_verified() -> None:
    """A stolen session must not set up another app after the reset."""
    user = make_person("manager")
    with_second_factor(user)
    client = after_password(user)
    give(client, code_of(user))
    assert is_in(client)
    second_factor.remove(user)
    reply = client.get(SET_UP)
    assert reply["Location"].startswith(LOGIN)
    assert "Your second factor was changed. Log in again." in client.get(LOGIN).content.decode()
    assert "_auth_user_id" not in client.session
