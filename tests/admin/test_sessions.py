"""Sessions of the back office."""

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
    """Return a function that lets time pass: ``wait(minutes=61)``."""
    passed = [timedelta()]
    now = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: now() + passed[0])

    def wait(**time: float) -> None:
        passed[0] += timedelta(**time)

    return wait


@pytest.fixture
def staff(db: None) -> User:
    return make_user(username="staff", is_staff=True, is_superuser=True)


def log_in(agent: str = FIREFOX, address: str = "203.0.113.7") -> Client:
    """Return a client in which ``staff`` has logged in."""
    browser = Client(REMOTE_ADDR=address, headers={"User-Agent": agent})
    reply = browser.post("/admin/login/?next=/admin/", {"username": "staff", "password": PASSWORD})
    assert (reply.status_code, reply["Location"]) == (302, "/admin/")
    return browser


def is_logged_in(browser: Client) -> bool:
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


@pytest.mark.parametrize(
    ("limits", "times", "pause", "last_pause"),
    [
        pytest.param((), 3, 59, 61, id="idle for an hour"),
        pytest.param((), 15, 47, 20, id="twelve hours after the login"),
        pytest.param((1, 5), 14, 4, 4, id="hours of the settings"),
        pytest.param((24, 5), 3, 4, 6, id="idle minutes of the settings"),
    ],
)
def test_sessions_end(
    staff: User, wait: Wait, settings: Any, limits: tuple[int, ...], times: int, pause: int, last_pause: int
) -> None:
    if limits:
        settings.SESSION_HOURS, settings.SESSION_IDLE_MINUTES = limits
    browser = log_in()
    for _ in range(times):
        wait(minutes=pause)
        assert is_logged_in(browser)
    wait(minutes=last_pause)
    assert not is_logged_in(browser)
    assert is_logged_in(log_in())


def test_a_new_login_starts_a_new_session(staff: User, wait: Wait) -> None:
    browser = log_in()
    wait(hours=13)
    browser.post("/admin/login/", {"username": "staff", "password": PASSWORD})
    assert is_logged_in(browser)
    session = UserSession.objects.get(user=staff, expire_date__gt=timezone.now())
    assert timezone.now() - session.started_at < timedelta(hours=1)


def test_use_is_stored_once_a_minute(staff: User, wait: Wait) -> None:
    browser = log_in()

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert is_logged_in(browser)
        return sum("users_usersession" in query["sql"] and "UPDATE" in query["sql"] for query in queries)

    assert [writes(), writes()] == [0, 0]
    wait(seconds=61)
    assert [writes(), writes()] == [1, 0]
    assert UserSession.objects.get().last_used_at == pytest.approx(timezone.now(), abs=timedelta(seconds=30))


def test_other_pages_use_no_session(staff: User) -> None:
    browser = log_in()
    with CaptureQueriesContext(connection) as queries:
        browser.get("/docs")
        browser.get("/api/leads")
    assert not [query for query in queries if "session" in query["sql"]]


def test_ending_sessions(staff: User) -> None:
    here, phone, office = log_in(), log_in(IPHONE, "198.51.100.9"), log_in(EDGE)
    page = here.get(PAGE)
    html = page.content.decode()
    assert "198.51.100.9" in html
    assert "Edge on Windows" in html
    phone_id = next(row["id"] for row in page.context["rows"] if row["session"].browser == "Safari on iPhone")
    assert "1 session ended." in here.post(PAGE, {"end": phone_id}, follow=True).content.decode()
    assert [is_logged_in(here), is_logged_in(phone), is_logged_in(office)] == [True, False, True]
    assert "already ended" in here.post(PAGE, {"end": phone_id}, follow=True).content.decode()
    here.post(PAGE, {"others": "1"})
    assert [is_logged_in(here), is_logged_in(office)] == [True, False]
    ended = AccountEvent.objects.filter(action="session_ended", actor=staff, target_user=staff)
    assert [entry.changes for entry in ended] == [{"sessions": [None, 1]}] * 2


def test_the_current_session_ends_by_logging_out(staff: User) -> None:
    browser = log_in()
    page = browser.get(PAGE)
    browser.post(PAGE, {"end": page.context["rows"][0]["id"]})
    assert is_logged_in(browser)
    browser.post("/admin/logout/")
    assert not UserSession.objects.filter(user=staff).exists()


def test_sessions_of_others_are_neither_shown_nor_ended(staff: User) -> None:
    browser = log_in()
    session_id = browser.get(PAGE).context["rows"][0]["id"]
    other = Client()
    other.force_login(make_user(is_staff=True, is_superuser=True))
    assert "203.0.113.7" not in other.get(PAGE).content.decode()
    other.post(PAGE, {"end": session_id})
    other.post(PAGE, {"others": "1"})
    assert is_logged_in(browser)


@pytest.mark.parametrize("event", ["logout-all", "password", "deactivated", "own password"])
def test_events_that_end_all_sessions(staff: User, event: str) -> None:
    browser, other = log_in(), log_in()
    api = Api(bearer(staff))
    if event == "logout-all":
        api.post("/api/users/logout-all")
    elif event == "password":
        body = {"current_password": PASSWORD, "new_password": "another long password"}
        assert api.post("/api/users/me/password", body).status_code == 200
    elif event == "deactivated":
        staff.is_active = False
        staff.save()
    else:
        new = "another long password"
        form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        assert other.post("/admin/password_change/", form).status_code == 302
        assert "This session" in other.get(PAGE).content.decode()
        assert len(other.get(PAGE).context["rows"]) == 1, "ended sessions are not listed"
    assert [is_logged_in(browser), is_logged_in(other)] == [False, event == "own password"]


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


def test_an_ended_session_redirects_to_the_login(staff: User) -> None:
    browser = log_in()
    UserSession.objects.all().delete()
    assert browser.get(PAGE)["Location"].startswith("/admin/login/")
