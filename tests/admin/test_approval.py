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


@pytest.fixture
def manager() -> Client:
    """A manager's browser."""
    return browser_of("manager")


def act(browser: Client, action: str, *users: User) -> str:
    """An action on ticked users; the text of the list that comes after."""
    form = {"action": action, "_selected_action": [user.pk for user in users]}
    return str(browser.post(LIST, form, follow=True).content.decode())


def listed(browser: Client, query: str) -> set[str]:
    """The user names in the list."""
    return set(re.findall(r"/admin/users/user/\d+/change/[^>]*>([^<]+)<", browser.get(LIST + query).content.decode()))


def state(user: User) -> tuple[bool, bool]:
    """Whether it is active, and whether it waits."""
    stored = User.objects.get(pk=user.pk)
    return stored.is_active, stored.is_waiting


def test_it_works(manager: Client) -> None:
    nora = waiting(username="nora")
    page = manager.get(f"{LIST}{nora.pk}/change/").content.decode()
    assert "waiting for approval since" in page
    reply = manager.post(f"{LIST}{nora.pk}/approval/", {"decision": "approve"}, follow=True)
    assert "1 account approved." in reply.content.decode()
    assert state(nora) == (True, False)
    assert log_in("nora", PASSWORD).status_code == 200
    entry = AccountEvent.objects.get(target_user=nora)
    assert (entry.action, entry.channel) == ("approved", "admin")
    assert entry.changes == {"is_active": [False, True], "awaiting_approval": [True, False]}
    assert "waiting for approval since" not in manager.get(f"{LIST}{nora.pk}/change/").content.decode()


def test_a_page_from_before_the_approval_does_not_deactivate(manager: Client) -> None:
    """Such a page has no check box for "active"; without one, a form says that it was cleared."""
    nora = waiting(username="nora", email="nora@example.com")
    page = manager.get(f"{LIST}{nora.pk}/change/").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(shown_\w+)" value="(\w+)"', page))
    assert hidden
    assert manager.post(f"{LIST}{nora.pk}/approval/", {"decision": "approve"}).status_code == 302
    form = {"username": "nora", "email": "nora@example.com", "first_name": "Nora", "last_name": "N"}
    assert manager.post(f"{LIST}{nora.pk}/change/", {**form, **hidden}).status_code == 302
    assert state(nora) == (True, False)
    assert User.objects.get(pk=nora.pk).first_name == "Nora"
    assert "shown_waiting" not in manager.get(f"{LIST}{nora.pk}/change/").content.decode()
    assert manager.post(f"{LIST}{nora.pk}/change/", form).status_code == 302
    assert state(nora) == (False, False)


def test_declining_deactivates(manager: Client) -> None:
    nora = waiting(username="nora")
    reply = manager.post(f"{LIST}{nora.pk}/approval/", {"decision": "decline"}, follow=True)
    assert "was declined" in reply.content.decode()
    assert state(nora) == (False, False)
    assert log_in("nora", PASSWORD).status_code == 401
    assert AccountEvent.objects.get(target_user=nora).action == "deactivated"


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_a_deactivated_account_is_not_decided(manager: Client, decision: str) -> None:
    gone = make_user(is_active=False)
    reply = manager.post(f"{LIST}{gone.pk}/approval/", {"decision": decision}, follow=True)
    assert "waiting for approval any more" in reply.content.decode()
    assert state(gone) == (False, False)
    assert not AccountEvent.objects.filter(target_user=gone).exists()


def test_looking_decides_nothing(manager: Client) -> None:
    nora = waiting(username="nora")
    for reply in (manager.get(f"{LIST}{nora.pk}/approval/"), manager.post(f"{LIST}{nora.pk}/approval/")):
        assert reply["Location"] == f"{LIST}{nora.pk}/change/"
    assert state(nora) == (False, True)
    assert manager.get(f"{LIST}999999/approval/").status_code == 404


def test_nobody_approves_who_may_do_more_than_they(manager: Client) -> None:
    boss = waiting(username="boss", is_staff=True, is_superuser=True)
    assert manager.post(f"{LIST}{boss.pk}/approval/", {"decision": "approve"}).status_code == 403
    act(manager, "approve", boss)
    assert state(boss) == (False, True)


def test_actions_tell_waiting_and_deactivated_accounts_apart(manager: Client) -> None:
    nora, olga, gone = waiting(username="nora"), waiting(username="olga"), make_user(is_active=False)
    assert "0 users let in again" in act(manager, "reactivate", nora)
    assert state(nora) == (False, True)
    assert "1 account approved." in act(manager, "approve", nora, gone)
    assert (state(nora), state(gone)) == ((True, False), (False, False))
    assert "No account was approved" in act(manager, "approve", gone)
    act(manager, "deactivate", olga)
    assert state(olga) == (False, False)
    act(manager, "reactivate", olga)
    assert state(olga) == (True, False)


def test_the_list_filters_and_counts_them(manager: Client) -> None:
    assert "waiting for approval</a>" not in manager.get(LIST).content.decode()
    waiting(username="nora")
    make_user(username="gone", is_active=False)
    assert listed(manager, "?registration=waiting") == {"nora"}
    assert {"nora", "gone"} <= listed(manager, "?registration=")
    page = manager.get(LIST).content.decode()
    assert "1 account waiting for approval" in page
    assert "Waiting for approval" in page
    waiting()
    assert "2 accounts waiting for approval" in manager.get(LIST).content.decode()


@pytest.mark.parametrize(("kind", "told"), [("staff", False), ("manager", True), ("superuser", True)])
def test_the_home_page_counts_them_for_whoever_may_approve(kind: str, told: bool) -> None:
    waiting()
    page = browser_of(kind).get("/admin/").content.decode()
    assert ("1 account waiting for approval" in page) == told
    assert ("/admin/users/user/?registration=waiting" in page) == told


def test_the_log_in_page_says_it_where_the_password_is_right() -> None:
    waiting(username="nora")
    right, wrong, unknown = admin("nora", PASSWORD), admin("nora"), admin("nobody", PASSWORD)
    assert statuses(right, wrong, unknown) == [200] * 3
    assert "waiting for a manager&#x27;s approval" in right.content.decode()
    for refused in (wrong, unknown):
        assert "approval" not in refused.content.decode()
        assert "Please enter the correct" in refused.content.decode()
    assert LoginFailure.objects.count() == 2


def test_a_deactivated_one_gets_the_ordinary_sentence() -> None:
    make_user(username="gone", is_active=False, is_staff=True)
    assert "Please enter the correct" in admin("gone", PASSWORD).content.decode()


def test_its_form_changes_names_and_approves_nobody(manager: Client) -> None:
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


def test_a_manager_who_logs_in_is_no_exception() -> None:
    person = make_person("manager")
    assert admin(person.username, PASSWORD).status_code == 302
