"""The page on which users choose the morning mail and make the link to their calendar."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.admin.people import make_person
from users.models import AccountEvent, CalendarLink, User

pytestmark = pytest.mark.django_db

PAGE, CALENDAR = "/admin/reminders/", "/admin/reminders/calendar/"


@pytest.fixture
def user() -> User:
    return make_person("staff")


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_mail_can_be_turned_off_and_on(browser: Client, user: User) -> None:
    assert 'name="wants_reminders" checked' in browser.get(PAGE).content.decode()
    for form, wanted in (({}, False), ({"wants_reminders": "on"}, True)):
        assert browser.post(PAGE, form)["Location"] == PAGE
        user.refresh_from_db()
        assert user.wants_reminders is wanted
    first, second = AccountEvent.objects.order_by("id")
    assert (first.changes, second.changes) == ({"wants_reminders": [True, False]}, {"wants_reminders": [False, True]})
    assert f'href="{PAGE}"' in browser.get("/admin/").content.decode()


def test_managers_choose_for_others(boss: Client, user: User) -> None:
    page = f"/admin/users/user/{user.pk}/change/"
    form = {"username": user.username, "email": user.email, "is_active": "on", "is_staff": "on"}
    assert boss.post(page, form).status_code == 302
    user.refresh_from_db()
    assert not user.wants_reminders
    assert "wants_reminders" in AccountEvent.objects.latest("id").changes


def test_a_link_is_shown_once_and_can_be_ended(browser: Client) -> None:
    shown = browser.post(CALENDAR, {"renew": "1"})
    found = re.search(r'value="http://testserver(/api/users/calendar/[\w-]+\.ics)"', shown.content.decode())
    assert found
    assert shown["Cache-Control"].find("no-store") >= 0
    assert Client().get(found[1]).status_code == 200
    assert found[1] not in browser.get(PAGE).content.decode()
    assert browser.post(CALENDAR, {"revoke": "1"})["Location"] == PAGE
    assert Client().get(found[1]).status_code == 404
    assert not CalendarLink.objects.exists()


def test_making_a_link_asks_for_the_password(browser: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("users.back_office.reauthentication.password_age", lambda session: 16 * 60)
    assert browser.post(CALENDAR, {"renew": "1"})["Location"].startswith("/admin/confirm-password/")
    assert browser.get(PAGE).status_code == 200
    assert not CalendarLink.objects.exists()
