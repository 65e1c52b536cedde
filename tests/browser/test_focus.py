"""The keyboard's focus in the back office: it can be seen, it stays in what is open, and returns from it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.hands import Keyboard
from tests.browser.office import PHONE, Window, needs_chromium
from tests.factories import lead_row
from tests.live import LiveServer

MAX_TABS = 400
LISTS = ("leads/lead/", "activities/activity/", "leads/importrun/", "users/user/")  # with filters
PAGES = (
    *("", "reports/", *LISTS, "users/apikey/", "leads/lead/add/", "leads/importrun/add/", "users/user/1/change/"),
    *("personal-data/", "reminders/", "sessions/"),
)
# What has the focus, and whether it or what frames it has an outline and is not covered; "" at the end of the page.
FOCUSED = """() => {
    const one = document.activeElement;
    if (one === document.body) return ["", true];
    const frames = one.matches("input[type=text], input[type=search]") ? [one, one.parentElement] : [one];
    const isSeen = frames.some((frame) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(frame);
        return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    });
    const { left, top, width, height } = one.getBoundingClientRect();
    const above = document.elementFromPoint(left + width / 2, Math.min(top + height / 2, innerHeight - 1));
    const isCovered = !one.contains(above) && !above.contains(one) && !one.matches("[role=region]"); // which is long
    return [one.outerHTML.replace(/\\s+/g, " ").slice(0, 120), isSeen && !isCovered];
}"""
# What can be clicked, and not be pressed by the keyboard.
UNREACHED = """() => [...document.querySelectorAll("body *")]
    .filter((one) => one.hasAttribute("x-on:click") && one.checkVisibility())
    .filter((one) => !one.matches("a[href], button, input, select, summary, [tabindex]"))
    .map((one) => one.outerHTML.replace(/\\s+/g, " ").slice(0, 120))"""
IN_PANEL = "document.activeElement.closest('#changelist-filter') !== null"

pytestmark = [needs_chromium, pytest.mark.any_database]


@pytest.fixture(scope="module")
def lead(server: LiveServer, token: dict[str, str]) -> int:
    """Create a lead with an activity and a follow-up, owned by nobody; return its id."""
    number: int = server.send("POST", "/api/leads", lead_row(first_name="Grace"), token).json()["id"]
    entry = {"activity_type": "call", "title": "Reached", "activity_date": "2026-01-02"}
    plan = {"title": "Call back", "kind": "call", "due_on": "2026-01-02"}
    assert server.send("POST", f"/api/leads/{number}/log", {"activity": entry, "follow_up": plan}, token).status == 201
    return number


@pytest.fixture
def telephone(browser: Browser, server: LiveServer, staff: str) -> Iterator[Page]:
    """Return a window as narrow as a telephone."""
    window = Window(browser, server, staff, viewport=PHONE)
    yield window.page
    window.context.close()
    assert window.errors == []


def stops(page: Page) -> Iterator[tuple[str, bool]]:
    """Yield each element that Tab reaches, and whether its focus is seen."""
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        element, is_seen = page.evaluate(FOCUSED)
        if not element:
            return
        yield element, is_seen
    raise AssertionError("Tab comes to no end")


def test_the_focus_is_seen(window: Window, lead: int) -> None:
    hidden: dict[str, list[str]] = {}
    for path in (*PAGES, f"leads/lead/{lead}/change/", f"leads/lead/{lead}/log/"):
        page = window.go(path)
        found = list(stops(page))
        assert found, path
        unseen = [element for element, is_seen in found if not is_seen]
        if wrong := unseen + page.evaluate(UNREACHED):
            hidden[path] = wrong
    assert hidden == {}


@pytest.mark.parametrize("path", LISTS)
def test_the_filters_keep_the_focus_until_they_are_closed(window: Window, lead: int, path: str) -> None:
    page = window.go(path)
    opener = page.get_by_role("button", name="Filters", exact=True)
    Keyboard(page).press(opener)
    page.wait_for_function(IN_PANEL)
    for key in ("Tab", "Shift+Tab"):
        for _ in range(25):
            page.keyboard.press(key)
            assert page.evaluate(f"document.activeElement === document.body || {IN_PANEL}")
    page.evaluate("document.activeElement.blur()")  # as a click between two fields does
    page.keyboard.press("Tab")
    page.wait_for_function(IN_PANEL)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Filters")).to_be_hidden()
    expect(opener).to_be_focused()


def test_menus_close_when_the_focus_leaves_them(window: Window, lead: int) -> None:
    page = window.go("leads/lead/")
    for opener, menu in (
        (page.locator("#nav-sidebar button[aria-controls=account-menu]"), page.locator("#account-menu")),
        (page.locator(".crm-choice summary"), page.locator(".crm-menu")),
    ):
        for leave in ("Tab", "Escape"):
            opener.focus()
            page.keyboard.press("Enter")
            expect(menu).to_be_visible()
            if leave == "Escape":
                page.keyboard.press("Escape")
                expect(opener).to_be_focused()
            else:
                for _ in range(30):
                    page.keyboard.press("Tab")
            expect(menu).to_be_hidden()
            page.evaluate("document.activeElement.blur()")


def test_the_search_has_a_shortcut(window: Window, lead: int) -> None:
    page = window.go(f"leads/lead/{lead}/change/")
    page.keyboard.press("Control+K")
    expect(page.get_by_label("Find a lead")).to_be_focused()


def test_the_menu_of_a_telephone(telephone: Page) -> None:
    opener = telephone.get_by_role("button", name="Show the menu")
    Keyboard(telephone).press(opener)
    expect(telephone.get_by_role("button", name="Hide the menu")).to_be_focused()
    home = telephone.get_by_role("navigation", name="Main menu").get_by_role("link", name="Home")
    telephone.keyboard.press("Tab")
    expect(home).to_be_focused()
    telephone.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(home).to_be_hidden()


def test_entries_are_not_lost_by_the_search(window: Window, lead: int) -> None:
    page: Any = window.go(f"leads/lead/{lead}/change/")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    notes = page.locator("#log").get_by_label("Notes")
    notes.fill("not saved yet")
    page.get_by_label("Find a lead").fill("555 0100")
    page.keyboard.press("Enter")
    page.wait_for_timeout(0)
    expect(notes).to_have_value("not saved yet")
    assert asked == ["beforeunload"]
    # The same after a form came back with errors.
    page.locator("#log").get_by_label("Duration (min)").fill("an hour")
    page.locator("#log").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".lead-error").first).to_be_visible()
    page.get_by_role("link", name="Home").first.click(no_wait_after=True)
    page.wait_for_timeout(0)
    expect(notes).to_have_value("not saved yet")
    assert asked == ["beforeunload"] * 2
