"""axe-core finds nothing on the pages that agents use, in light and dark mode and on a phone."""

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page

from tests.browser.axe import SCRIPT, violations
from tests.browser.office import PASSWORD, Window, fits, needs_chromium, stored
from tests.factories import activity_row, lead_row
from tests.live import PROJECT, LiveServer, environment, serving

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(settings.DATABASE_URL.startswith("postgresql"), reason="same pages on either database"),
    pytest.mark.skipif(not SCRIPT.exists(), reason="no axe-core: run `make client`"),
]
FILE = "First Name,Last Name,Email,Budget,Status,Hair\nAda,Low,ada.low@example.com,1,Hot,red\nBob,B,no-address,x,New,\n"
SLOW = 120_000  # milliseconds; axe-core takes all of a processor
AGENTS = (
    "",
    "leads/lead/",
    "leads/lead/add/",
    "leads/lead/1/change/",
    "leads/importrun/add/",
    "users/user/",
    "sessions/",
    "password_change/",
    "second-factor/",
)
BEFORE_LOGIN = (
    "/admin/login/",
    "/admin/forgot-password/",
    "/admin/set-password/done/",
    "/admin/set-password/x/y/",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Return a server with an office: leads, activities, follow-ups, an import with errors."""
    mail = {"EMAIL_URL": "smtp://127.0.0.1:9", "EMAIL_FROM": "crm@example.com", "PUBLIC_URL": "http://127.0.0.1"}
    with serving(REGISTRATION_OPEN="approval", **mail) as server:
        path = tmp_path_factory.mktemp("imports") / "fair.csv"
        path.write_text(FILE)
        command = [sys.executable, "manage.py", "import_leads", str(path), "--ignore-unknown", "--on-error", "skip"]
        env = environment(DATABASE_URL=server.database_url)
        assert subprocess.run(command, cwd=PROJECT, env=env, check=False, capture_output=True).returncode == 3
        yield server


@pytest.fixture(scope="module")
def agent(server: LiveServer) -> str:
    """Create a member of the group "Office staff", and what they did; return the user name."""
    name = f"agent-{secrets.token_hex(4)}"
    account = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
    account |= {"first_name": "Alma", "last_name": "Agent"}
    assert server.send("POST", "/api/users/register", account).status in (201, 202)
    ((user,),) = stored(
        server,
        "UPDATE users_user SET is_staff = true, is_active = true, awaiting_approval_since = NULL "
        "WHERE username = %s RETURNING id",
        name,
    )
    group = (
        "INSERT INTO users_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = %s RETURNING id"
    )
    assert stored(server, group, user, "Office staff")
    login = server.send("POST", "/api/users/login", {"username": name, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    for number in range(2):
        twin = lead_row(
            first_name="Grace", last_name="Hopper", email="grace@example.com", phone=f"+1 555 010 000{number}"
        )
        assert server.send("POST", "/api/leads", twin, headers).status == 201
    assert server.send("POST", "/api/leads/1/activities", activity_row(), headers).status == 201
    plan = {"title": "Call back", "kind": "call", "due_on": "2026-01-02"}
    assert server.send("POST", "/api/leads/1/follow-ups", plan, headers).status == 201
    assert server.send("PUT", "/api/leads/1/owner", {"user_id": user}, headers).status == 200
    return name


class Audit:
    """Opens pages in a window, and collects what axe-core finds on them."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        page.set_default_timeout(SLOW)
        self.found: dict[str, list[str]] = {}

    def open(self, path: str) -> Page:
        """Open a page of the back office, or another with a leading slash, and check it."""
        self.page.goto(self.url + (path if path.startswith("/") else f"/admin/{path}"))
        self.check(path)
        return self.page

    def check(self, name: str) -> None:
        """Check the page as it is."""
        assert name not in self.found
        self.found[name] = violations(self.page) + ([] if fits(self.page) else ["wider than the window"])

    def result(self) -> dict[str, list[str]]:
        """Return the pages with something to correct."""
        return {name: texts for name, texts in self.found.items() if texts}


def test_pages_before_the_login(browser: Browser, server: LiveServer) -> None:
    with browser.new_context() as context:
        audit = Audit(context.new_page(), server.url)
        for path in BEFORE_LOGIN:
            audit.open(path)
        page = audit.open("login/?next=/admin/leads/")
        page.locator("#id_username").fill("nobody")
        page.locator("#id_password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        audit.check("a failed login")
    assert audit.result() == {}


def test_pages_of_an_agent(browser: Browser, server: LiveServer, agent: str) -> None:
    window = Window(browser, server, agent)
    audit = Audit(window.page, server.url)
    for path in AGENTS:
        audit.open(path)
    window.context.close()
    assert audit.result() == {}
