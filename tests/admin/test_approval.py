"""Accounts that wait for approval, in the back office."""

import re

import pytest
from django.test import Client

from tests.admin.people import browser_of, make_person
from tests.factories import PASSWORD, make_user
from tests.users.test_approval import waiting
from tests.users.trying import admin, log_in, statuses
from users.audit import AccountEvent
from users.models import LoginFailure, User

pytestmark = pytest.mark.django_db

LIST = "/admin/users/user/"


def act(browser: Client, action: str, *users: User) -> str:
    """Run an action on users; return the list."""
    form = {"action": action, "confirmed": "1", "_selected_action": [user.pk for user in users]}
    return str(browser.post(LIST, form, follow=True).content.decode())


def listed(browser: Client, query: str) -> set[str]:
    """Return the user names in the list."""
    return set(re.findall(r"/admin/users/user/\d+/change/[^>]*>([^<]+)<", browser.get(LIST + query).content.decode()))


def state(user: User) -> tuple[bool, bool]:
    """Return whether the account is active, and whether it waits."""
    stored = User.objects.get(pk=user.pk)
    return stored.is_active, stored.is_waiting


def test_it_works(manager: Client) -> None:
    nora = waiting(username="nora")
    page = manager.get(f"{LIST}{nora.pk}/change/").content.decode()
    assert "waiting for approval since" in page
    reply = manager.post(f"{LIST}{nora.pk}/approval/", {"decision": "approve", "confirmed": "1"}, follow=True)
    assert "1 account approved." in reply.content.decode()
    assert state(nora) == (True, False)
    assert log_in("nora", PASSWORD).status_code == 200
    entry = AccountEvent.objects.get(target_user=nora)
    assert (entry.action, entry.channel) == ("approved", "admin")
    assert entry.changes == {"is_active": [False, True], "awaiting_approval": [True, False]}
    assert "waiting for approval since" not in manager.get(f"{LIST}{nora.pk}/change/").content.decode()


def test_a_page_opened_before_the_approval_does_not_deactivate(manager: Client) -> None:
    """The page of a waiting account has no check box for "active"; a missing one means deactivation."""
    nora = waiting(username="nora", email="nora@example.com")
    page = manager.get(f"{LIST}{nora.pk}/change/").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(opened_\w+)" value="(\w+)"', page))
    assert hidden
    assert manager.post(f"{LIST}{nora.pk}/approval/", {"decision": "approve", "confirmed": "1"}).status_code == 302
    form = {"username": "nora", "email": "nora@example.com", "first_name": "Nora", "last_name": "N"}
    assert manager.post(f"{LIST}{nora.pk}/change/", {**form, **hidden}).status_code == 302
    assert state(nora) == (True, False)
    assert User.objects.get(pk=nora.pk).first_name == "Nora"
    assert "opened_waiting" not in manager.get(f"{LIST}{nora.pk}/change/").content.decode()
    assert manager.post(f"{LIST}{nora.pk}/change/", form).status_code == 302
    assert state(nora) == (False, False)


def test_declining_deactivates(manager: Client) -> None:
    nora = waiting(username="nora")
    reply = manager.post(f"{LIST}{nora.pk}/approval/", {"decision": "decline", "confirmed": "1"}, follow=True)
    assert "Account nora declined and deactivated." in reply.content.decode()
    assert state(nora) == (False, False)
    assert log_in("nora", PASSWORD).status_code == 401
    assert AccountEvent.objects.get(target_user=nora).action == "deactivated"


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_a_deactivated_account_does_not_wait(manager: Client, decision: str) -> None:
    user = make_user(is_active=False)
    reply = manager.post(f"{LIST}{user.pk}/approval/", {"decision": decision}, follow=True)
    assert "the account is not waiting for approval." in reply.content.decode()
    assert state(user) == (False, False)
    assert not AccountEvent.objects.filter(target_user=user).exists()


def test_a_request_without_decision_changes_nothing(manager: Client) -> None:
    nora = waiting(username="nora")
    for reply in (manager.get(f"{LIST}{nora.pk}/approval/"), manager.post(f"{LIST}{nora.pk}/approval/")):
        assert reply["Location"] == f"{LIST}{nora.pk}/change/"
    assert state(nora) == (False, True)
    assert manager.get(f"{LIST}999999/approval/").status_code == 404


def test_managers_cannot_approve_users_with_more_permissions(manager: Client) -> None:
    boss = waiting(username="boss", is_staff=True, is_superuser=True)
    assert manager.post(f"{LIST}{boss.pk}/approval/", {"decision": "approve", "confirmed": "1"}).status_code == 403
    act(manager, "approve", boss)
    assert state(boss) == (False, True)


def test_actions_on_waiting_and_deactivated_accounts(manager: Client) -> None:
    nora, olga, other = waiting(username="nora"), waiting(username="olga"), make_user(is_active=False)
    assert "0 users reactivated" in act(manager, "reactivate", nora)
    assert state(nora) == (False, True)
    assert "1 account approved." in act(manager, "approve", nora, other)
    assert (state(nora), state(other)) == ((True, False), (False, False))
    assert "Not approved" in act(manager, "approve", other)
    act(manager, "deactivate", olga)
    assert state(olga) == (False, False)
    act(manager, "reactivate", olga)
    assert state(olga) == (True, False)


def test_the_list_filters_and_counts_waiting_accounts(manager: Client) -> None:
    assert "waiting for approval</a>" not in manager.get(LIST).content.decode()
    waiting(username="nora")
    make_user(username="olga", is_active=False)
    assert listed(manager, "?registration=waiting") == {"nora"}
    assert {"nora", "olga"} <= listed(manager, "?registration=")
    page = manager.get(LIST).content.decode()
    assert "1 account waiting for approval" in page
    assert "Waiting for approval" in page
    waiting()
    assert "2 accounts waiting for approval" in manager.get(LIST).content.decode()


@pytest.mark.parametrize(("kind", "shown"), [("staff", False), ("manager", True), ("superuser", True)])
def test_the_home_page_counts_waiting_accounts(kind: str, shown: bool) -> None:
    waiting()
    page = browser_of(kind).get("/admin/").content.decode()
    assert ("1 account waiting for approval" in page) == shown
    assert ("/admin/users/user/?registration=waiting" in page) == shown


def test_the_login_page_reports_waiting_accounts_if_the_password_is_right() -> None:
    waiting(username="nora")
    correct, wrong, unknown = admin("nora", PASSWORD), admin("nora"), admin("nobody", PASSWORD)
    assert statuses(correct, wrong, unknown) == [200] * 3
    assert "waiting for approval by a manager" in correct.content.decode()
    for reply in (wrong, unknown):
        assert "approval" not in reply.content.decode()
        assert "Please enter the correct" in reply.content.decode()
    assert LoginFailure.objects.count() == 2


def test_the_login_page_does_not_report_deactivated_accounts() -> None:
    make_user(username="olga", is_active=False, is_staff=True)
    assert "Please enter the correct" in admin("olga", PASSWORD).content.decode()


def test_the_form_of_a_waiting_account_does_not_approve(manager: Client) -> None:
    nora = waiting(username="nora")
    form = {
        "username": "nora",
        "email": nora.email,
        "first_name": "N",
        "last_name": "",
        "is_active": "on",
    }
    assert manager.post(f"{LIST}{nora.pk}/change/", form).status_code == 302
    assert state(nora) == (False, True)
    assert User.objects.get(pk=nora.pk).first_name == "N"


def test_a_manager_logs_in() -> None:
    person = make_person("manager")
    assert admin(person.username, PASSWORD).status_code == 302
