"""Sessions of the back office: how long they last, which there are, and how they end."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from users.audit import AccountEvent
from users.models import User, UserSession
from users.session_activity import browser_name

pytestmark = pytest.mark.django_db

PAGE = "/admin/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Mobile Safari/604"

Wait = Callable[..., None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Let time pass: ``wait(minutes=61)``."""
    passed = [timedelta()]
    now = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: now() + passed[0])

    def more(**time: float) -> None:
        passed[0] += timedelta(**time)

    return more


@pytest.fixture
def staff(db: None) -> User:
    return make_user(username="staff", is_staff=True, is_superuser=True)


def log_in(agent: str = FIREFOX, address: str = "203.0.113.7") -> Client:
    """A browser in which ``staff`` has logged in."""
    browser = Client(REMOTE_ADDR=address, headers={"User-Agent": agent})
    reply = browser.post("/admin/login/?next=/admin/", {"username": "staff", "password": PASSWORD})
    assert (reply.status_code, reply["Location"]) == (302, "/admin/")
    return browser


def is_in(browser: Client) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


def test_it_works(staff: User) -> None:
    browser = log_in()
    session = UserSession.objects.get()
    assert (session.user, session.address, session.browser) == (staff, "203.0.113.7", "Firefox on Linux")
    page = browser.get(PAGE).content.decode()
    assert "Firefox on Linux" in page
    assert "This session" in page
    assert session.session_key not in page
    assert "End all other sessions" not in page


def test_an_idle_session_ends(staff: User, wait: Wait) -> None:
    browser = log_in()
    for _ in range(3):
        wait(minutes=59)
        assert is_in(browser)
    wait(minutes=61)
    assert not is_in(browser)


def test_a_session_ends_twelve_hours_after_the_login(staff: User, wait: Wait) -> None:
    browser = log_in()
    for _ in range(15):
        wait(minutes=47)
        assert is_in(browser)
    wait(minutes=20)
    assert not is_in(browser)
    assert is_in(log_in())


def test_the_limits_are_settings(staff: User, wait: Wait, settings: Any) -> None:
    settings.SESSION_HOURS, settings.SESSION_IDLE_MINUTES = 1, 5
    browser = log_in()
    for _ in range(14):
        wait(minutes=4)
        assert is_in(browser)
    wait(minutes=4)
    assert not is_in(browser)


def test_a_login_that_follows_another_begins_anew(staff: User, wait: Wait) -> None:
    browser = log_in()
    wait(hours=13)
    browser.post("/admin/login/", {"username": "staff", "password": PASSWORD})
    assert is_in(browser)
    session = UserSession.objects.get(user=staff, expire_date__gt=timezone.now())
    assert timezone.now() - session.started_at < timedelta(hours=1)


def test_use_is_written_once_a_minute(staff: User, wait: Wait) -> None:
    browser = log_in()

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert is_in(browser)
        return sum("users_usersession" in query["sql"] and "UPDATE" in query["sql"] for query in queries)

    assert [writes(), writes()] == [0, 0]
    wait(seconds=61)
    assert [writes(), writes()] == [1, 0]
    assert UserSession.objects.get().last_used_at == pytest.approx(timezone.now(), abs=timedelta(seconds=30))


def test_the_api_and_other_pages_use_no_session(staff: User) -> None:
    browser = log_in()
    with CaptureQueriesContext(connection) as queries:
        browser.get("/docs")
        browser.get("/api/leads")
    assert not [query for query in queries if "session" in query["sql"]]


def test_ending_one_and_all_others(staff: User) -> None:
    here, phone, office = log_in(), log_in(IPHONE, "198.51.100.9"), log_in(EDGE)
    page = here.get(PAGE)
    html = page.content.decode()
    assert "198.51.100.9" in html
    assert "Edge on Windows" in html
    wanted = next(row["id"] for row in page.context["rows"] if row["session"].browser == "Safari on iPhone")
    assert "1 session ended." in here.post(PAGE, {"end": wanted}, follow=True).content.decode()
    assert [is_in(here), is_in(phone), is_in(office)] == [True, False, True]
    assert "already ended" in here.post(PAGE, {"end": wanted}, follow=True).content.decode()
    here.post(PAGE, {"others": "1"})
    assert [is_in(here), is_in(office)] == [True, False]
    ended = AccountEvent.objects.filter(action="session_ended", actor=staff, target_user=staff)
    assert [entry.changes for entry in ended] == [{"sessions": [None, 1]}] * 2


def test_this_session_is_ended_by_logging_out(staff: User) -> None:
    browser = log_in()
    page = browser.get(PAGE)
    browser.post(PAGE, {"end": page.context["rows"][0]["id"]})
    assert is_in(browser)
    browser.post("/admin/logout/")
    assert not UserSession.objects.filter(user=staff).exists()


def test_nobody_sees_or_ends_the_sessions_of_others(staff: User) -> None:
    theirs = log_in()
    wanted = theirs.get(PAGE).context["rows"][0]["id"]
    other = Client()
    other.force_login(make_user(is_staff=True, is_superuser=True))
    assert "203.0.113.7" not in other.get(PAGE).content.decode()
    other.post(PAGE, {"end": wanted})
    other.post(PAGE, {"others": "1"})
    assert is_in(theirs)


@pytest.mark.parametrize("how", ["logout-all", "password", "deactivated", "own password"])
def test_what_ends_all_sessions(staff: User, how: str) -> None:
    browser, other = log_in(), log_in()
    api = Api(bearer(staff))
    if how == "logout-all":
        api.post("/api/users/logout-all")
    elif how == "password":
        body = {"current_password": PASSWORD, "new_password": "another long password"}
        assert api.post("/api/users/me/password", body).status_code == 200
    elif how == "deactivated":
        staff.is_active = False
        staff.save()
    else:
        new = "another long password"
        form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        assert other.post("/admin/password_change/", form).status_code == 302
        assert "This session" in other.get(PAGE).content.decode()
        assert len(other.get(PAGE).context["rows"]) == 1, "dead sessions are not listed"
    assert [is_in(browser), is_in(other)] == [False, how == "own password"]


def test_markup_in_a_user_agent(staff: User) -> None:
    browser = log_in("<script>alert(1)</script> Firefox/1")
    assert "<script>alert" not in browser.get(PAGE).content.decode()
    assert UserSession.objects.get().browser == "Firefox"


@pytest.mark.parametrize(
    ("agent", "name"), [(IPHONE, "Safari on iPhone"), (EDGE, "Edge on Windows"), ("", "Unknown browser")]
)
def test_browsers(agent: str, name: str) -> None:
    assert browser_name(agent) == name


def test_expired_sessions_are_pruned(staff: User, wait: Wait) -> None:
    log_in()
    out = io.StringIO()
    call_command("prune", stdout=out)
    assert "sessions of the back office: 0 deleted" in out.getvalue()
    wait(minutes=61)
    call_command("prune", stdout=out)
    assert "sessions of the back office: 1 deleted" in out.getvalue()


def test_personal_data(staff: User) -> None:
    log_in()
    out = io.StringIO()
    call_command("export_person", staff.email, stdout=out)
    assert "203.0.113.7" in out.getvalue()
    call_command("erase_person", staff.email, "--yes", stdout=out)
    assert not UserSession.objects.exists()


def test_forwarding_to_the_login_keeps_working(staff: User) -> None:
    """A session that has ended sends its browser to the login."""
    browser = log_in()
    UserSession.objects.all().delete()
    assert browser.get(PAGE)["Location"].startswith("/admin/login/")
