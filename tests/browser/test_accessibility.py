"""axe-core finds nothing on any page of the back office, in light mode, and in dark mode on a phone.

The pages come from the table of permissions, which has all of them. ``/docs`` and ``/redoc`` are not among them: their
pages are those of Swagger UI and ReDoc.
"""

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.admin.second_factors import code_for
from tests.admin.test_permissions import PAGES
from tests.browser.axe import SCRIPT, Audit
from tests.browser.office import PASSWORD, Window, needs_chromium, stored
from tests.browser.test_second_factor import secret_on
from tests.factories import activity_row, lead_row
from tests.live import PROJECT, LiveServer, environment, serving

pytestmark = [
    needs_chromium,
    pytest.mark.any_database,
    pytest.mark.skipif(not SCRIPT.exists(), reason="no axe-core: run `make client`"),
]
LONG = f"{'a' * 50}@example.com"
FILE = f"First Name,Last Name,Email,Budget,Status,Hair\nAda,Low,{LONG},1,Hot,red\nBob,B,no-address,x,New,\n"
# A script, JSON, and a part of the list, which is checked there.
NO_PAGES = {"jsi18n/", "leads/importrun/progress/<slug:key>/", "leads/lead/filters/"}
FILTERED = (
    "leads/lead/?q=nobody-like-this",
    "leads/lead/?status=new&min_budget=1",
    "leads/lead/?deleted=1",
    "users/user/?registration=waiting",
    *(f"reports/?report={name}" for name in ("sources", "stages", "response-times")),
)
AGENTS = ("", "leads/lead/", "leads/lead/1/change/", "leads/lead/1/activities/1/", "users/user/")
BEFORE_LOGIN = (
    "/admin/login/?next=/admin/leads/",
    "/admin/forgot-password/",
    "/admin/set-password/done/",
    "/admin/set-password/x/y/",
)
ACTIONS = ("set_source", "set_owner", "deal_out", "change_tags", "export", "delete_softly")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Return a server with an import with errors, whose lead is the first."""
    mail = {"EMAIL_URL": "smtp://127.0.0.1:9", "EMAIL_FROM": "crm@example.com", "PUBLIC_URL": "http://127.0.0.1"}
    with serving(REGISTRATION_OPEN="approval", **mail) as server:
        path = tmp_path_factory.mktemp("imports") / "fair.csv"
        path.write_text(FILE)
        command = [sys.executable, "manage.py", "import_leads", str(path), "--ignore-unknown", "--on-error", "skip"]
        env = environment(DATABASE_URL=server.database_url)
        assert subprocess.run(command, cwd=PROJECT, env=env, check=False, capture_output=True).returncode == 3
        yield server


@pytest.fixture(scope="module")
def agent(server: LiveServer) -> tuple[str, int]:
    """Create a member of the group "Office staff" with work of every kind; return the user name and the id."""
    name = f"agent-{secrets.token_hex(4)}"
    account = {"password": PASSWORD, "first_name": "Alma", "last_name": "Agent"}
    for username in (name, "waiting"):
        row = {**account, "username": username, "email": f"{username}@example.com"}
        assert server.send("POST", "/api/users/register", row).status in (201, 202)
    is_staff = "is_staff = true, is_active = true, awaiting_approval_since = NULL"
    ((user,),) = stored(server, f"UPDATE users_user SET {is_staff} WHERE username = %s RETURNING id", name)
    group = (
        "INSERT INTO users_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = 'Office staff'"
    )
    stored(server, group, user)
    headers = headers_of(server, name)
    twin = lead_row(first_name="Grace", last_name="Hopper", email=f"{'g' * 50}@example.com")
    writes = [
        *(("POST", "/api/leads", {**twin, "phone": f"+1 555 010 000{number}"}) for number in range(2)),
        ("POST", "/api/leads/1/activities", activity_row()),
        ("POST", "/api/leads/1/follow-ups", {"title": "Call back", "kind": "call", "due_on": "2026-01-02"}),
        ("PUT", "/api/leads/1/owner", {"user_id": user}),
        ("PUT", "/api/leads/1", {"status": "qualified"}),
        ("POST", "/api/users/me/keys", {"name": "Zapier", "scopes": ["read"]}),
    ]
    for method, path, body in writes:
        assert server.send(method, path, body, headers).status in (200, 201), path
    return name, user


def headers_of(server: LiveServer, name: str) -> dict[str, str]:
    """Log in to the API; return the headers of its requests."""
    login = server.send("POST", "/api/users/login", {"username": name, "password": PASSWORD})
    return {"Authorization": f"Bearer {login.json()['access_token']}"}


def test_pages_before_the_login(browser: Browser, server: LiveServer) -> None:
    with browser.new_context() as context:
        audit = Audit(context.new_page(), server.url)
        for path in reversed(BEFORE_LOGIN):
            page = audit.open(path)
        page.locator("#id_username").fill("nobody")
        page.locator("#id_password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("Please correct the error below.")).to_be_visible()
        audit.check("a failed login")
        context.clear_cookies()
        page.locator("#id_password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("link", name="Home")).to_be_visible()
        audit.check("a login without cookies")
    assert audit.result() == {}


def test_pages_of_an_agent(browser: Browser, server: LiveServer, agent: tuple[str, int]) -> None:
    window = Window(browser, server, agent[0])
    audit = Audit(window.page, server.url)
    for path in AGENTS:
        audit.open(path)
    window.context.close()
    assert audit.result() == {}


def test_pages_of_a_manager(server: LiveServer, window: Window, agent: tuple[str, int]) -> None:
    audit = Audit(window.page, server.url)
    for path in (*pages(agent[1]), *FILTERED):
        audit.open(path)
    assert audit.result() == {}


def pages(user: int) -> list[str]:
    """Return the addresses of all pages that a superuser may open; of each list, the object with the id 1."""
    routes = {route for (method, route), statuses in PAGES.items() if method == "GET" and statuses[-1] == 200}
    routes = routes - NO_PAGES | {"users/"}
    return sorted(
        re.sub(r"<[^>]+>", str(user if route.startswith("users/user/") else 1), route)
        for route in routes
        if not route.startswith("^")
    )


def test_pages_of_an_import(server: LiveServer, window: Window, tmp_path: Path) -> None:
    audit = Audit(window.page, server.url)
    page = window.page
    for name, text in (("no-leads", "x\n"), ("fair", FILE.replace("aaa", "bbb"))):
        window.go("leads/importrun/add/")
        (tmp_path / f"{name}.csv").write_text(text)
        page.set_input_files("#id_file", tmp_path / f"{name}.csv")
        page.get_by_role("button", name="Upload and preview").click()
        expect(page.locator(".import-counts, .import-note.is-bad")).to_be_visible()
        audit.check(f"the preview of {name}")
    page.get_by_role("button", name="Import 1 lead").click()
    expect(page.locator(".import-label").first).to_have_text("Done")
    page.get_by_text("Undo this import …").click()
    audit.check("an import that is done")
    page.get_by_role("button", name="Undo import").click()
    expect(page.locator(".import-label").first).to_have_text("Undone")
    audit.check("an import that is undone")
    assert audit.result() == {}


def test_menus_and_actions(server: LiveServer, window: Window, agent: tuple[str, int]) -> None:
    audit = Audit(window.page, server.url)
    page = window.go("leads/lead/")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("combobox", name="Status", exact=True)).to_be_focused()
    audit.check("the filters")
    page = window.go("leads/lead/")
    page.locator("select.crm-status").first.select_option("qualified")
    audit.check("statuses to save")
    page = window.go("")
    page.locator("#nav-sidebar button[aria-controls=account-menu]").click()
    audit.check("the account menu")
    for action in ACTIONS:
        choose(window, "leads/lead", "input.action-select", action, audit if action == ACTIONS[0] else None)
        audit.check(action)
    (waiting,) = stored(server, "SELECT id FROM users_user WHERE username = 'waiting'")[0]
    choose(window, "users/user", f"input.action-select[value='{waiting}']", "approve")
    audit.check("approve")
    assert audit.result() == {}


def choose(window: Window, path: str, boxes: str, action: str, audit: Audit | None = None) -> None:
    """Choose an action for up to two rows of a list, and go to the page that asks."""
    page = window.go(f"{path}/")
    for box in page.locator(boxes).all()[:2]:
        box.check()
    page.locator("select[name=action]").select_option(action)
    if audit:
        audit.check("the bar of actions")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("form.lead-card")).to_be_visible()


def test_pages_of_leads_that_are_gone(server: LiveServer, window: Window, agent: tuple[str, int]) -> None:
    audit = Audit(window.page, server.url)
    page = audit.open("leads/lead/merge/?ids=2,3")
    page.get_by_role("button", name="Merge 2 leads").click()
    expect(page.locator(".lead-summary")).to_be_visible()
    audit.check("a lead with another merged into it")
    audit.open("leads/lead/3/change/")

    person = f"gone-{secrets.token_hex(4)}@example.com"
    lead = server.send("POST", "/api/leads", lead_row(email=person), headers_of(server, agent[0])).json()["id"]
    page = window.go("personal-data/")
    page.get_by_label("Email or phone number of the person").fill(person)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Stored data")).to_be_visible()
    audit.check("stored data")
    page.get_by_role("button", name="Erase …").click()
    expect(page.get_by_role("heading", name="Erase permanently?")).to_be_visible()
    audit.check("erasing")
    page.get_by_label("Type the email to erase the person").fill(person)
    page.get_by_role("button", name="Erase permanently").click()
    expect(page.get_by_text("Erased permanently: 1 lead")).to_be_visible()
    page = audit.open(f"leads/lead/{lead}/change/")
    expect(page.get_by_text("This lead is erased.")).to_be_visible()
    assert audit.result() == {}


def test_error_pages(browser: Browser, server: LiveServer, staff: str, agent: tuple[str, int]) -> None:
    window = Window(browser, server, staff)
    audit = Audit(window.page, server.url)
    audit.open("no/such/page/")
    ((statuses,),) = stored(server, "SELECT statuses FROM leads_importrun WHERE id = 1")
    stored(server, "UPDATE leads_importrun SET statuses = '5' WHERE id = 1")  # which is no list
    page = audit.open("leads/importrun/1/change/")
    expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    stored(server, "UPDATE leads_importrun SET statuses = %s WHERE id = 1", statuses)
    stored(server, "ALTER TABLE users_apikey RENAME TO away")
    page = audit.open("users/apikey/")
    expect(page.get_by_role("heading", name="Not available just now")).to_be_visible()
    stored(server, "ALTER TABLE away RENAME TO users_apikey")
    window.context.close()
    assert audit.result() == {}


def test_second_factor(server: LiveServer, window: Window, staff: str) -> None:
    audit = Audit(window.page, server.url)
    page = window.go("second-factor/set-up/")
    secret = secret_on(page)
    if (password := page.get_by_label("Your password")).count():
        password.fill(PASSWORD)
    page.get_by_label("Code from the app").fill(code_for(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".second-factor-codes code")).to_have_count(10)
    audit.check("recovery codes")
    for path in ("second-factor/?on", "second-factor/recovery-codes/", "second-factor/turn-off/"):
        audit.open(path)
    page.locator("#logout-form").evaluate("form => form.submit()")
    expect(page.get_by_text("logged out", exact=False).first).to_be_visible()
    audit.check("logged out")
    page = window.go("login/?next=/admin/leads/lead/")
    page.locator("#id_username").fill(staff)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_password").press("Enter")
    expect(page.get_by_label("Code")).to_be_visible()
    audit.check("the login's second step")
    assert audit.result() == {}
