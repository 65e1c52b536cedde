"""The permissions of the back office: every page, requested by users of every kind."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLResolver

from leads.models import ImportRun, Lead
from tests.admin.people import KINDS, browser_of, ensure_groups, make_groups, make_person
from tests.conftest import Case
from tests.factories import make_activity, make_follow_up, make_lead, make_user
from users.audit import log_account_event
from users.models import ApiKey, User
from users.permissions import MANAGERS, STAFF

pytestmark = pytest.mark.django_db

LOGIN = 302  # to the login page, for users without access
LEAD, IMPORT, USER = "leads/lead/<path:object_id>", "leads/importrun", "users/user"
LOG = "users/accountevent"
UPLOAD = "leads/importrun/upload/<slug:token>/"

# (method, route): the status for staff, a manager and a superuser
PAGES: dict[tuple[str, str], tuple[int, int, int]] = {
    ("GET", ""): (200, 200, 200),
    ("GET", "search/"): (404, 404, 404),  # disabled
    ("GET", "autocomplete/"): (403, 403, 403),  # disabled
    ("GET", "jsi18n/"): (200, 200, 200),
    ("GET", "password_change/"): (200, 200, 200),
    ("GET", "password_change/done/"): (200, 200, 200),
    ("GET", "r/<path:content_type_id>/<path:object_id>/"): (404, 404, 404),
    ("GET", r"^(?P<app_label>users|auth|leads|activities)/$"): (200, 200, 200),
    ("GET", r"(?P<url>.*)$"): (404, 404, 404),
    ("GET", "leads/lead/"): (200, 200, 200),
    ("GET", "leads/lead/find/"): (302, 302, 302),  # to the list, or to the only lead found
    ("GET", "leads/lead/filters/"): (200, 200, 200),
    ("GET", "leads/lead/add/"): (200, 200, 200),
    ("POST", "leads/lead/add/"): (200, 200, 200),
    ("GET", f"{LEAD}/change/"): (200, 200, 200),
    ("POST", f"{LEAD}/change/"): (200, 200, 200),
    ("GET", f"{LEAD}/history/"): (200, 200, 200),
    ("GET", f"{LEAD}/log/"): (200, 200, 200),
    ("POST", f"{LEAD}/log/"): (200, 200, 200),
    ("GET", f"{LEAD}/activities/<int:activity_id>/"): (403, 200, 200),  # another user's
    ("POST", f"{LEAD}/activities/<int:activity_id>/"): (403, 200, 200),
    ("GET", f"{LEAD}/follow-ups/<int:follow_up_id>/"): (403, 200, 200),  # another user's
    ("POST", f"{LEAD}/follow-ups/<int:follow_up_id>/"): (403, 200, 200),
    ("GET", f"{LEAD}/"): (302, 302, 302),  # to its change page
    ("GET", f"{LEAD}/delete/"): (403, 403, 403),
    ("POST", f"{LEAD}/delete/"): (403, 403, 403),
    ("GET", "leads/lead/merge/"): (403, 302, 302),  # to the list: nothing selected
    ("POST", "leads/lead/merge/"): (403, 302, 302),
    ("GET", "activities/activity/"): (200, 200, 200),
    ("GET", "activities/activity/add/"): (403, 403, 403),
    ("GET", "activities/activity/<path:object_id>/change/"): (200, 200, 200),
    ("POST", "activities/activity/<path:object_id>/change/"): (403, 403, 403),
    ("GET", "activities/activity/<path:object_id>/history/"): (200, 200, 200),
    ("GET", "activities/activity/<path:object_id>/delete/"): (403, 403, 403),
    ("GET", "activities/activity/<path:object_id>/"): (302, 302, 302),
    ("GET", f"{IMPORT}/"): (200, 200, 200),
    ("GET", f"{IMPORT}/add/"): (200, 200, 200),
    ("POST", f"{IMPORT}/add/"): (200, 200, 200),
    ("GET", UPLOAD): (302, 302, 302),  # to the upload page: no such upload
    ("POST", UPLOAD): (302, 302, 302),
    ("GET", f"{IMPORT}/progress/<slug:key>/"): (200, 200, 200),
    ("GET", f"{IMPORT}/<int:run_id>/rejects/"): (302, 302, 302),  # to the page of the import: no file
    ("GET", f"{IMPORT}/<int:run_id>/skipped/"): (302, 302, 302),  # the same
    ("GET", f"{IMPORT}/<int:run_id>/undo/"): (403, 405, 405),
    ("POST", f"{IMPORT}/<int:run_id>/undo/"): (403, 302, 302),
    ("GET", f"{IMPORT}/<path:object_id>/change/"): (200, 200, 200),
    ("POST", f"{IMPORT}/<path:object_id>/change/"): (403, 403, 403),
    ("GET", f"{IMPORT}/<path:object_id>/history/"): (200, 200, 200),
    ("GET", f"{IMPORT}/<path:object_id>/delete/"): (403, 403, 403),
    ("GET", f"{IMPORT}/<path:object_id>/"): (302, 302, 302),
    ("GET", "second-factor/"): (200, 200, 200),
    ("GET", "second-factor/set-up/"): (200, 200, 200),
    ("POST", "second-factor/set-up/"): (200, 200, 200),
    ("GET", "second-factor/recovery-codes/"): (302, 302, 302),  # to the overview: there is no second factor
    ("POST", "second-factor/recovery-codes/"): (302, 302, 302),
    ("GET", "second-factor/turn-off/"): (302, 302, 302),
    ("POST", "second-factor/turn-off/"): (302, 302, 302),
    ("GET", f"{USER}/<int:user_id>/second-factor/"): (403, 403, 200),
    ("POST", f"{USER}/<int:user_id>/second-factor/"): (403, 403, 302),  # to the user's page
    ("GET", f"{USER}/"): (403, 200, 200),
    ("GET", f"{USER}/unlock-address/"): (403, 302, 302),  # to the list
    ("POST", f"{USER}/unlock-address/"): (403, 302, 302),
    ("GET", f"{USER}/<int:user_id>/approval/"): (403, 302, 302),  # to the user's page
    ("POST", f"{USER}/<int:user_id>/approval/"): (403, 302, 302),
    ("GET", f"{USER}/<int:user_id>/hand-over/"): (403, 200, 200),
    ("POST", f"{USER}/<int:user_id>/hand-over/"): (403, 200, 200),
    ("GET", f"{USER}/add/"): (403, 200, 200),
    ("POST", f"{USER}/add/"): (403, 200, 200),
    ("GET", f"{USER}/<path:object_id>/change/"): (403, 200, 200),
    ("POST", f"{USER}/<path:object_id>/change/"): (403, 200, 200),
    ("GET", f"{USER}/<id>/password/"): (403, 200, 200),
    ("POST", f"{USER}/<id>/password/"): (403, 200, 200),
    ("GET", f"{USER}/<path:object_id>/history/"): (403, 200, 200),
    ("GET", f"{USER}/<path:object_id>/delete/"): (403, 403, 403),
    ("POST", f"{USER}/<path:object_id>/delete/"): (403, 403, 403),
    ("GET", f"{USER}/<path:object_id>/"): (302, 302, 302),
    ("GET", "sessions/"): (200, 200, 200),
    ("GET", "reminders/"): (200, 200, 200),
    ("POST", "reminders/"): (302, 302, 302),
    ("GET", "reminders/calendar/"): (302, 302, 302),
    ("POST", "reminders/calendar/"): (200, 200, 200),
    ("POST", "sessions/"): (302, 302, 302),
    ("GET", "confirm-password/"): (200, 200, 200),
    ("POST", "confirm-password/"): (200, 200, 200),
    ("GET", "reports/"): (403, 200, 200),
    ("GET", "personal-data/"): (403, 200, 200),
    ("POST", "personal-data/"): (403, 200, 200),
    ("GET", "personal-data/download/"): (403, 200, 200),  # the page that asks for the email
    ("POST", "personal-data/download/"): (403, 200, 200),
    ("GET", "personal-data/erase/"): (403, 200, 200),
    ("POST", "personal-data/erase/"): (403, 200, 200),
    ("GET", f"{LOG}/"): (403, 403, 200),
    ("GET", f"{LOG}/add/"): (403, 403, 403),
    ("POST", f"{LOG}/add/"): (403, 403, 403),
    ("GET", f"{LOG}/<path:object_id>/change/"): (403, 403, 200),
    ("POST", f"{LOG}/<path:object_id>/change/"): (403, 403, 403),
    ("GET", f"{LOG}/<path:object_id>/history/"): (403, 403, 200),
    ("GET", f"{LOG}/<path:object_id>/delete/"): (403, 403, 403),
    ("POST", f"{LOG}/<path:object_id>/delete/"): (403, 403, 403),
    ("GET", f"{LOG}/<path:object_id>/"): (302, 302, 302),
    ("GET", "users/apikey/"): (403, 200, 200),
    ("GET", "users/apikey/add/"): (403, 403, 403),
    ("GET", "users/apikey/<path:object_id>/change/"): (403, 200, 200),
    ("POST", "users/apikey/<path:object_id>/change/"): (403, 403, 403),
    ("GET", "users/apikey/<path:object_id>/history/"): (403, 200, 200),
    ("GET", "users/apikey/<path:object_id>/delete/"): (403, 403, 403),
    ("GET", "users/apikey/<path:object_id>/"): (302, 302, 302),
    ("GET", "auth/group/"): (403, 403, 200),
    ("GET", "auth/group/add/"): (403, 403, 200),
    ("GET", "auth/group/<path:object_id>/change/"): (403, 403, 200),
    ("POST", "auth/group/<path:object_id>/change/"): (403, 403, 200),
    ("GET", "auth/group/<path:object_id>/history/"): (403, 403, 200),
    ("GET", "auth/group/<path:object_id>/delete/"): (403, 403, 200),
    ("GET", "auth/group/<path:object_id>/"): (302, 302, 302),
}
# Without login.
OPEN = {"login/", "login/code/", "logout/", "forgot-password/", "set-password/done/", "set-password/<uidb64>/<token>/"}

# (list, action): kinds of users that have it
ACTIONS = {
    ("leads/lead", "set_status"): ("staff", "manager", "superuser"),
    **dict.fromkeys(
        (("leads/lead", action) for action in ("set_owner", "deal_out", "change_tags", "set_source")),
        ("staff", "manager", "superuser"),
    ),
    ("leads/lead", "delete_softly"): ("staff", "manager", "superuser"),
    ("leads/lead", "restore"): ("staff", "manager", "superuser"),
    ("leads/lead", "export"): ("staff", "manager", "superuser"),
    ("leads/lead", "merge"): ("manager", "superuser"),
    ("users/user", "approve"): ("manager", "superuser"),
    ("users/user", "deactivate"): ("manager", "superuser"),
    ("users/user", "reactivate"): ("manager", "superuser"),
    ("users/user", "unlock"): ("manager", "superuser"),
    ("users/apikey", "revoke"): ("manager", "superuser"),
    ("auth/group", "delete_selected"): ("superuser",),
}


@pytest.fixture
def objects(agent: User) -> dict[str, Any]:
    """Return an object of each kind that has a page, by its list."""
    ensure_groups()
    lead = make_lead()
    run = ImportRun.objects.create(file_name="fair.csv", sha256="0", state="done", read=1, created=1)
    Lead.objects.filter(pk=lead.pk).update(import_run=run)
    return {
        "leads/lead": lead,
        "leads/importrun": run,
        "activities/activity": make_activity(lead, agent),
        "users/user": agent,
        "users/apikey": ApiKey.objects.issue(agent, "Zapier", ["read"], None)[0],
        "auth/group": Group.objects.get(name=STAFF),
        LOG: log_account_event("changed", actor=None, target=agent, channel="cli"),
    }


def path_of(route: str, objects: dict[str, Any]) -> str:
    """Return an address of a route."""
    object_id = next((item.pk for prefix, item in objects.items() if route.startswith(prefix)), 1)
    if "<int:follow_up_id>" in route:
        route = route.replace("<int:follow_up_id>", str(make_follow_up(objects["leads/lead"], make_user()).pk))
    route = route.replace("<int:activity_id>", str(objects["activities/activity"].pk))
    route = route.replace(r"^(?P<app_label>users|auth|leads|activities)/$", "leads/").replace(
        "(?P<url>.*)$", "nowhere/"
    )
    return "/admin/" + re.sub(r"<[^>]+>", lambda match: "0" * 32 if "token" in match[0] else str(object_id), route)


@pytest.mark.parametrize("who", KINDS)
def test_every_page(objects: dict[str, Any], who: str, case: Case) -> None:
    browser = browser_of(who)
    for (method, route), statuses in PAGES.items():
        with case(method, route):
            reply = browser.generic(method, path_of(route, objects))
            assert reply.status_code == dict(zip(KINDS, (LOGIN, LOGIN, *statuses), strict=True))[who]
            assert who not in KINDS[:2] or reply["Location"].startswith("/admin/login/")


def all_routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield all routes of the admin site."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from all_routes(pattern.url_patterns, route)
        else:
            yield route


def test_the_table_has_every_page() -> None:
    named, served = {route for _, route in PAGES} | OPEN, set(all_routes(admin.site.get_urls()))
    assert sorted(served - named) == [], "Add rows to PAGES for these pages, with the statuses that each user gets."
    assert sorted(named - served) == [], "Remove these rows from PAGES."


@pytest.mark.parametrize("page", sorted({page for page, _ in ACTIONS}))
def test_every_action(objects: dict[str, Any], page: str) -> None:
    for who in KINDS[2:]:
        html = browser_of(who).get(f"/admin/{page}/").content.decode()
        offered = {action for name, action in ACTIONS if name == page and f'value="{action}"' in html}
        assert offered == {action for (name, action), kinds in ACTIONS.items() if name == page and who in kinds}, who


def test_the_table_has_every_action(rf: Any) -> None:
    request = rf.get("/admin/")
    request.user = make_person("superuser")
    offered = {
        (f"{model._meta.app_label}/{model._meta.model_name}", action)
        for model, page in admin.site._registry.items()
        for action in page.get_actions(request)
    }
    assert offered == set(ACTIONS)


def test_an_action_without_permission(objects: dict[str, Any]) -> None:
    other = make_lead()
    form = {"action": "merge", "_selected_action": [objects["leads/lead"].pk, other.pk]}
    reply = browser_of("staff").post("/admin/leads/lead/", form, follow=True)
    assert "merge" not in str(reply.request["PATH_INFO"])
    assert Lead.objects.active().count() == 2


def test_staff_without_a_group_see_no_leads() -> None:
    client = Client()
    client.force_login(make_user(is_staff=True))
    assert client.get("/admin/").status_code == 200
    assert {client.get(f"/admin/{page}/").status_code for page in ("leads/lead", IMPORT, USER)} == {403}


def test_creating_the_groups_again_keeps_changes() -> None:
    make_groups()
    staff = Group.objects.get(name=STAFF)
    staff.permissions.set(Permission.objects.filter(codename="view_lead"))
    Group.objects.get(name=MANAGERS).delete()
    make_groups()
    assert [permission.codename for permission in staff.permissions.all()] == ["view_lead"]
    assert Group.objects.get(name=MANAGERS).permissions.filter(codename="undo_import").exists()
    names = Permission.objects.values_list("content_type", "codename")
    assert len(names) == len(set(names))
