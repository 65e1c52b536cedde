"""The jobs of a day in an office, as docs/back-office.md says how: by mouse with counted clicks, and by keyboard alone.

Each begins on the start page after the login. The office is that of the sample data.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.hands import Hands, Keyboard, Mouse
from tests.browser.office import DESKTOP, needs_chromium, stored
from tests.factories import activity_row, lead_row
from tests.live import PROJECT, LiveServer, environment, serving

AGENT, MANAGER = "demo.maria", "demo.ruth"
THURSDAY = date.today() + timedelta(days=(3 - date.today().weekday()) % 7 or 7)

pytestmark = [needs_chromium, pytest.mark.any_database, pytest.mark.parametrize("hand", [Mouse, Keyboard])]
Begin = Callable[[str, type[Mouse] | type[Keyboard]], Hands]


class Office:
    """A server with the sample data; ``saves`` are the forms that the browser has sent since the login."""

    def __init__(self, server: LiveServer, password: str) -> None:
        self.server, self.password, self.saves = server, password, 0
        account = {"username": AGENT, "password": password}
        reply = server.send("POST", "/api/users/login", account)
        self.token = {"Authorization": f"Bearer {reply.json()['access_token']}"}

    def add(self, path: str, row: Any) -> Any:
        """Store rows by the API, as Maria, and return them."""
        reply = self.server.send("POST", path, row, self.token)
        assert reply.status == 201, reply.body
        return reply.json()

    @contextmanager
    def window(self, browser: Browser, username: str) -> Iterator[Page]:
        """Log a user in; the start page is open."""
        context = browser.new_context(viewport=DESKTOP, locale="en-US")
        page = context.new_page()
        page.goto(f"{self.server.url}/admin/login/")
        page.locator("#id_username").fill(username)
        page.locator("#id_password").fill(self.password)
        page.locator("#id_password").press("Enter")
        expect(page).to_have_url(f"{self.server.url}/admin/")
        self.saves = 0
        page.on("request", lambda request: self._count(request.method))
        yield page
        context.close()

    def _count(self, method: str) -> None:
        self.saves += method == "POST"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Serve the sample data."""
    with serving() as server:
        command = [sys.executable, "manage.py", "demo"]
        env = environment(DATABASE_URL=server.database_url)
        printed = subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True, text=True).stdout
        found = re.search(r"password (\S+)", printed)
        assert found
        yield Office(server, found[1])


@pytest.fixture
def begin(browser: Browser, office: Office) -> Iterator[Begin]:
    """Return a function that logs a user in and returns the hands on the start page."""
    windows: list[Any] = []

    def log_in(username: str, hand: type[Mouse] | type[Keyboard]) -> Hands:
        windows.append(office.window(browser, username))
        return hand(windows[-1].__enter__())

    yield log_in
    for window in windows:
        window.__exit__(None, None, None)


def test_whom_do_i_call_today(hand: Any, begin: Begin) -> None:
    user = begin(AGENT, hand)
    due = user.page.locator(".crm-today section").first
    expect(due.locator("h2")).to_contain_text("Follow-ups: overdue and today")
    expect(due.locator("a[href^='tel:']").first).to_be_in_viewport()
    user.press(due.get_by_role("link", name=re.compile("^Log call with")).first)
    expect(user.page.get_by_role("form", name="Log an activity")).to_be_visible()
    assert user.clicks <= 1


def test_a_call_comes_in(hand: Any, begin: Begin, office: Office) -> None:
    number = f"555 01{hand is Mouse:d} 4477"
    lead = office.add("/api/leads", lead_row(first_name="Caller", phone=f"+1-{number.replace(' ', '-')}"))["id"]
    user = begin(AGENT, hand)
    user.write(user.page.get_by_label("Find a lead"), f"(555) {number[4:].replace(' ', '-')}")
    user.page.keyboard.press("Enter")
    expect(user.page).to_have_url(re.compile(f"/{lead}/change/"))
    user.choose(user.page.locator("#id_status"), "Qualified")
    log = user.page.locator("#log")
    user.write(log.get_by_label("Subject"), "Wants a second viewing")
    user.write(log.get_by_label("Next follow-up"), THURSDAY.isoformat())
    user.press(user.page.get_by_role("button", name="Save", exact=True).first)
    expect(user.page.get_by_text("Activity logged.")).to_be_visible()
    assert stored(office.server, "SELECT status, activity_count FROM leads_lead WHERE id = %s", lead) == [
        ("qualified", 1)
    ]
    due = stored(office.server, "SELECT due_on FROM activities_followup WHERE lead_id = %s", lead)
    assert [str(day) for (day,) in due] == [THURSDAY.isoformat()]
    assert user.clicks <= 6
    assert office.saves == 1


def test_30_new_leads_to_three_agents(hand: Any, begin: Begin, office: Office) -> None:
    office.add("/api/leads", [lead_row(first_name="New", last_name=str(number)) for number in range(30)])
    user = begin(MANAGER, hand)
    page = user.page
    user.press(page.get_by_role("link", name="Leads", exact=True))
    user.press(page.get_by_role("link", name="Without an owner"))
    user.press(page.get_by_role("button", name="Deal out…"))
    user.press(page.get_by_label("Lena Fischer"))  # who is on leave
    user.press(page.get_by_role("button", name="Deal out"))
    expect(page.get_by_text("leads dealt out.")).to_be_visible()
    statement = (
        "SELECT count(DISTINCT owner_id), count(owner_id) FROM leads_lead WHERE first_name = 'New'"
        " AND owner_id <> (SELECT id FROM users_user WHERE username = 'demo.lena')"
    )
    [(agents, leads)] = stored(office.server, statement)
    assert (agents, leads % 30) == (3, 0)
    assert user.clicks <= 5


def test_which_source_converts(hand: Any, begin: Begin) -> None:
    user = begin(MANAGER, hand)
    user.press(user.page.get_by_role("link", name="Reports", exact=True))
    user.press(user.page.get_by_role("link", name="Sources", exact=True))
    expect(user.page.locator("thead")).to_contain_text("Closed %")
    expect(user.page.locator("tbody")).to_contain_text("referral")
    assert user.clicks <= 2


def test_who_did_what_this_week(hand: Any, begin: Begin) -> None:
    user = begin(MANAGER, hand)
    user.press(user.page.get_by_role("link", name="Reports", exact=True))
    expect(user.page.locator("thead")).to_contain_text("Agent")
    expect(user.page.locator("tbody tr").first).to_contain_text(re.compile("Santos|Okafor|Chen|Fischer"))
    assert user.clicks <= 2


def test_a_wrong_activity_is_corrected(hand: Any, begin: Begin, office: Office) -> None:
    lead = office.add("/api/leads", lead_row(first_name="Wrongly"))["id"]
    office.add(f"/api/leads/{lead}/activities", activity_row(title="Call with somebody else"))
    user = begin(AGENT, hand)
    user.page.goto(f"{office.server.url}/admin/leads/lead/{lead}/change/")
    user.press(user.page.get_by_role("link", name="Edit Call with somebody else"))
    user.write(user.page.get_by_label("Subject"), "Call with Wrongly")
    user.press(user.page.get_by_role("button", name="Save", exact=True))
    expect(user.page.get_by_text("Call with Wrongly").first).to_be_visible()
    assert user.clicks <= 3


def test_somebody_leaves(hand: Any, begin: Begin, office: Office) -> None:
    name = "demo.lena" if hand is Mouse else "demo.wei"
    user = begin(MANAGER, hand)
    page = user.page
    user.press(page.get_by_role("link", name="Users", exact=True))
    user.press(page.get_by_role("link", name=name))
    user.press(page.get_by_label("Active", exact=True))
    user.press(page.get_by_role("button", name="Save", exact=True))
    user.choose(page.get_by_label("Who takes over?"), "James Okafor")
    user.press(page.get_by_role("button", name="Hand over", exact=True))
    expect(page.get_by_text(re.compile("Handed over: .* open leads and .* open follow-ups"))).to_be_visible()
    statement = "SELECT is_active FROM users_user WHERE username = %s"
    assert [bool(active) for (active,) in stored(office.server, statement, name)] == [False]
    statement = (
        "SELECT count(*) FROM leads_lead WHERE status NOT IN ('closed', 'lost')"
        " AND owner_id = (SELECT id FROM users_user WHERE username = %s)"
    )
    assert stored(office.server, statement, name) == [(0,)]
    assert user.clicks <= 6
