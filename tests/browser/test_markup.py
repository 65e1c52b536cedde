"""Markup and scripts in all fields are shown as text on all pages.

The content security policy also blocks inline scripts, which the browser reports as errors; here it must not have to.
The theme of the back office evaluates attributes (``x-init``, ``x-html``), so these are tested as well.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.office import Window, needs_chromium
from tests.live import PROJECT, LiveServer, environment, serving

pytestmark = [needs_chromium, pytest.mark.any_database]

MARKS = (
    "<script>window.ran=1</script>",
    "\"'></textarea></title></script><img src=x onerror=window.ran=1>",
    "<svg/onload=window.ran=1><i class=evil>x</i>",
    '<b x-data x-init="window.ran=1" x-html="1" class=evil>x</b>',
    "{{constructor.constructor('window.ran=1')()}}${window.ran=1}{% now %}",
    "[a](javascript:window.ran=1)<a class=evil href=javascript:window.ran=1>x</a>",
)
LONG = "".join(MARKS)
SHORT = "<svg/onload=ran=1><i class=evil>"  # 32 characters, as a status may have
FILE_NAME = "<img src=x onerror=ran=1><i class=evil>.csv"
PASSWORD = "pass123456"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Return a server for this module, because of the names."""
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def author(server: LiveServer) -> dict[str, str]:
    """Create an agent with such names; return the headers."""
    account = {"username": MARKS[3], "password": PASSWORD, "email": "<svg/onload=ran=1>@evil.example"}
    account |= {"first_name": LONG[:150], "last_name": MARKS[1]}
    assert server.send("POST", "/api/users/register", account).status == 201
    reply = server.send("POST", "/api/users/login", {"username": account["username"], "password": PASSWORD})
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


def row(number: int) -> dict[str, str]:
    """Return the row of a lead with such values."""
    names = {"first_name": LONG[:150], "last_name": MARKS[number % len(MARKS)][:150], "phone": MARKS[2][:64]}
    return {
        **names,
        "email": f'"<script>ran={number}</script>"@evil.example',
        "source": MARKS[2][:64],
        "status": SHORT,
        "property_interest": LONG,
    }


@pytest.fixture(scope="module")
def lead(server: LiveServer, author: dict[str, str], staff: str, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Create leads, activities, changes and an import with such values; return the id of a lead."""
    reply = server.send("POST", "/api/leads", [row(number) for number in range(len(MARKS))], author)
    assert reply.status == 201, reply.body
    lead_id = int(reply.json()[0]["id"])
    activity = {"activity_type": SHORT, "title": LONG[:255], "notes": LONG, "activity_date": "2026-11-01"}
    assert server.send("POST", f"/api/leads/{lead_id}/activities", activity, author).status == 201
    changed = {"first_name": MARKS[0], "property_interest": MARKS[1], "email": row(1)["email"]}
    assert server.send("PUT", f"/api/leads/{lead_id}", changed, author).status == 200
    path = tmp_path_factory.mktemp("evil") / FILE_NAME
    path.write_text(f'Name,Email,Budget,"{SHORT}"\n{SHORT},{SHORT},{SHORT},{SHORT}\n{MARKS[0]},a@evil.example,1,\n')
    command = [sys.executable, "manage.py", "import_leads", str(path), "--ignore-unknown", "--on-error", "skip"]
    env = environment(DATABASE_URL=server.database_url)
    assert subprocess.run(command, cwd=PROJECT, env=env, check=False, capture_output=True).returncode == 3
    return lead_id


@pytest.fixture
def window(browser: Any, server: LiveServer, staff: str) -> Iterator[Window]:
    """Return a superuser's window; the test fails if the browser reports errors, also of the policy."""
    window = Window(browser, server, staff)
    window.page.on("dialog", lambda dialog: window.errors.append(f"a dialog: {dialog.message}"))
    yield window
    window.context.close()
    assert window.errors == []


def assert_escaped(page: Page, *, shows: bool = True) -> None:
    """Check that no script ran and no element was created, and that the text is shown."""
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.ran") is None
    assert page.locator(".evil").count() == 0
    assert page.locator("[onerror], [onload], a[href^=javascript]").count() == 0
    if shows:
        assert re.search(r"&lt;(svg|script|b x-data|img)", page.content())


PAGES = [
    "",
    "leads/lead/",
    "leads/lead/?q=script",
    "leads/lead/{lead}/change/",
    "leads/lead/{lead}/history/",
    "leads/lead/{lead}/log/",
    "leads/lead/merge/?ids={lead},{next}",
    "activities/activity/",
    "activities/activity/1/change/",
    "leads/importrun/",
    "leads/importrun/1/change/",
    "users/user/",
    "users/user/{user}/change/",
    "users/user/{user}/password/",
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_the_back_office(window: Window, author: dict[str, str], lead: int, path: str) -> None:
    user = window.server.send("GET", "/api/users/me", headers=author).json()["id"]
    page = window.go(path.format(lead=lead, next=lead + 1, user=user))
    assert_escaped(page)
    for button in page.locator("main [x-on\\:click], main [\\@click]").all()[:8]:
        if button.is_visible():
            button.click(force=True, no_wait_after=True)
    assert page.evaluate("window.ran") is None


def test_filters_and_search(window: Window, lead: int) -> None:
    marks = MARKS[1].replace("#", "").replace("&", "")
    for query in (
        f"?q={marks}",
        f"?status={SHORT}",
        f"?source={marks}",
        f"?page={marks}",
        f"?o={marks}",
        f"?{marks}=1",
    ):
        assert_escaped(window.go(f"leads/lead/{query}"), shows=False)
    window.errors[:] = [error for error in window.errors if "status of 400" not in error]  # unknown filters


def test_the_login_page(window: Window) -> None:
    window.context.clear_cookies()
    page = window.go(f"login/?next=javascript:ran=1//{MARKS[0]}")
    page.locator("#id_username").fill(LONG)
    page.locator("#id_password").fill("x")
    page.locator("#id_password").press("Enter")
    expect(page.locator("#id_username")).to_be_visible()
    assert_escaped(page, shows=False)


def test_messages(window: Window, lead: int) -> None:
    page = window.go(f"leads/lead/{lead}/change/")
    form = page.locator("#log")
    form.get_by_label("Subject").fill(MARKS[1])
    form.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Activity logged.")).to_be_visible()
    assert_escaped(page)


def test_a_reply_in_swagger(window: Window, author: dict[str, str], lead: int) -> None:
    page = window.page
    page.set_extra_http_headers(author)
    page.goto(f"{window.server.url}/docs")
    call = page.locator("#operations-Leads-list_leads")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(call.locator(".live-responses-table")).to_contain_text("window.ran=1")
    assert_escaped(page)


def test_a_reply_opened_as_a_page(window: Window, author: dict[str, str], lead: int) -> None:
    window.page.set_extra_http_headers(author)
    window.page.goto(f"{window.server.url}/api/leads/{lead}")
    assert window.page.evaluate("document.contentType") == "application/json"
    assert window.page.evaluate("window.ran") is None
    window.page.goto(f"{window.server.url}/api/<script>window.ran=1</script>")
    assert window.page.evaluate("document.contentType") == "application/json"
    window.errors.clear()  # the browser reports the 404
