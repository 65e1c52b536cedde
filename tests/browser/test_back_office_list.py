"""The home page and the list of leads in a real browser: mouse, keyboard, phone."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.office import DESKTOP, PHONE, Window, needs_chromium, shoot
from tests.factories import lead_row
from tests.live import LiveServer

MAX_STEPS = 120  # of the Tab key
Open = Callable[..., Page]

UNNAMED = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")]
    .filter((one) => one.checkVisibility({ checkVisibilityCSS: true }))
    .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.title || one.placeholder
        || one.value || (one.labels && one.labels.length) || one.querySelector("img[alt]")))
    .map((one) => one.outerHTML.slice(0, 120))"""
FOCUSED = """() => {
    const one = document.activeElement;
    const copy = one.cloneNode(true);
    copy.querySelectorAll("[aria-hidden]").forEach((hidden) => hidden.remove());
    const label = one.getAttribute("aria-label") || one.placeholder || copy.textContent || one.name || "";
    return `${one.tagName.toLowerCase()} ${label.trim().replace(/\\s+/g, " ").slice(0, 60)}`;
}"""

pytestmark = [needs_chromium, pytest.mark.any_database]


@pytest.fixture
def window(server: LiveServer, browser: Browser, staff: str) -> Iterator[Open]:
    """Return a function that opens windows; the test fails if the browser reports errors or warnings."""
    windows: list[Window] = []

    def open_one(path: str, viewport: ViewportSize = DESKTOP, scheme: str = "light") -> Page:
        windows.append(Window(browser, server, staff, viewport=viewport, color_scheme=scheme))
        page = windows[-1].page
        page.goto(f"{server.url}{path}")
        return page

    yield open_one
    for window in windows:
        window.context.close()
    assert [message for window in windows for message in window.errors + window.warnings] == []


@pytest.fixture
def family(server: LiveServer, token: dict[str, str]) -> str:
    """Create the leads Ada, Bob and Cy; return their last name."""
    name = f"Family{secrets.token_hex(4)}"
    rows = [lead_row(first_name=first, last_name=name, source=source) for first, source in
            (("Ada", "fair"), ("Bob", "web"), ("Cy", "web"))]  # fmt: skip
    assert server.send("POST", "/api/leads", rows, token).status == 201
    return name


def stored(server: LiveServer, token: dict[str, str], family: str) -> dict[str, dict[str, Any]]:
    """Return the leads of a family from the API, by first name."""
    return {row["first_name"]: row for row in server.send("GET", f"/api/leads?q={family}", headers=token).json()}


def row(page: Page, name: str) -> Any:
    """Return the row of the list with that name."""
    return page.locator("#result_list tr.data-row", has_text=name)


def test_home(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window("/admin/")
    stats = server.send("GET", "/api/dashboard", headers=token).json()
    expect(page.locator(".crm-card", has_text=re.compile("^Leads"))).to_have_text(
        re.compile(rf"Leads\s+{stats['total_leads']:,}$")
    )
    shoot(page, "home")
    [new] = [row["count"] for row in stats["leads_by_status"] if row["status"] == "new"]
    page.locator(".crm-bars a", has_text=re.compile("^New ")).click()
    expect(page.locator("#result-count")).to_contain_text(f"{new:,} lead")


def test_search_filter_and_change_statuses(
    server: LiveServer, window: Open, token: dict[str, str], family: str
) -> None:
    page = window("/admin/leads/lead/")
    page.locator("#searchbar").fill(family)
    page.locator("#searchbar").press("Enter")
    expect(page.locator("#result-count")).to_contain_text("3 leads")
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name="Source").select_option("web")
    shoot(page, "filters")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.locator("#result-count")).to_contain_text("2 leads")

    row(page, f"Bob {family}").get_by_role("combobox").select_option("qualified")
    row(page, f"Cy {family}").get_by_role("combobox").select_option("lost")
    expect(page.locator("#save-statuses")).to_contain_text("2 statuses changed")
    shoot(page, "statuses")
    lead_id = stored(server, token, family)["Cy"]["id"]
    assert server.send("PUT", f"/api/leads/{lead_id}", {"status": "closed"}, token).status == 200
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 lead updated.")).to_be_visible()
    expect(page.get_by_text("someone else changed this lead.")).to_be_visible()
    expect(page.locator("#result-count")).to_contain_text("2 leads")
    assert {name: lead["status"] for name, lead in stored(server, token, family).items()} == {
        "Ada": "new",
        "Bob": "qualified",
        "Cy": "closed",
    }


def test_discard(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}")
    expect(page.locator("#save-statuses")).to_be_hidden()
    row(page, f"Ada {family}").get_by_role("combobox").select_option("lost")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#save-statuses")).to_be_hidden()
    expect(row(page, f"Ada {family}").get_by_role("combobox")).to_have_value("new")
    assert stored(server, token, family)["Ada"]["status"] == "new"


def test_keyboard(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window("/admin/leads/lead/")
    expected = [
        "a Skip to the content",
        "a Home",
        "a Leads",
        "input Find a lead",
        "input Search name",
        "button Filters",
    ]
    reached = [tab(page) for _ in range(MAX_STEPS // 2)]
    places = [next((place for place, one in enumerate(reached) if one.startswith(name)), None) for name in expected]
    assert None not in places, (expected, reached)
    assert places == sorted(places, key=lambda place: place or 0)

    page.get_by_label("Find a lead").fill(family)
    page.keyboard.press("Enter")
    expect(page.locator("#result-count")).to_contain_text("3 leads")
    first = page.locator("#result_list .field-name a").first
    expect(first).to_be_focused()  # without a Tab
    expect(first).to_contain_text(f"Cy {family}")
    assert any(tab(page) == f"select Status of Cy {family}" for _ in range(5))
    page.keyboard.type("lost")
    save = "document.activeElement.name === '_statuses'"
    assert any(tab(page) == "button Save" and page.evaluate(save) for _ in range(MAX_STEPS))
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 lead updated.")).to_be_visible()
    assert stored(server, token, family)["Cy"]["status"] == "lost"


def tab(page: Page) -> str:
    """Press Tab, and return what has the focus then."""
    page.keyboard.press("Tab")
    return str(page.evaluate(FOCUSED))


def test_the_standard_columns_fit(window: Open, family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}")
    page.wait_for_function("(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.crm-leads'))")
    page.set_viewport_size(PHONE)
    page.locator(".crm-choice summary").click()
    page.get_by_label("Source", exact=True).first.check()
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.locator("#result_list thead")).to_contain_text("Source")


def test_30_leads_are_dealt_out_from_home_in_five_clicks(
    server: LiveServer, window: Open, token: dict[str, str]
) -> None:
    name = secrets.token_hex(4)
    rows = [lead_row(first_name=f"New {number}", last_name=name) for number in range(30)]
    assert server.send("POST", "/api/leads", rows, token).status == 201
    for _ in range(2):
        server.token()  # with that of the fixture, three agents at least
    page = window(f"/admin/leads/lead/?q={name}&owner=none")
    page.get_by_text("Save as a view").click()
    page.get_by_label("Name", exact=True).fill(f"To deal out {name}")
    page.get_by_role("button", name="Save view").click()

    page.goto(f"{server.url}/admin/")
    page.get_by_role("link", name=f"To deal out {name} 30").click()
    page.get_by_label("Select all objects on this page for an action").first.click()
    page.get_by_label("Select action to run").select_option("deal_out")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Deal out").click()
    expect(page.get_by_text("30 leads dealt out.")).to_be_visible()
    dealt = server.send("GET", f"/api/leads?q={name}&size=50&include=owner", headers=token).json()
    assert len(dealt) == 30
    assert len({lead["owner"]["id"] for lead in dealt}) >= 3


def test_filters_by_keyboard(window: Open, family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}")
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Status", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox", name="Status", exact=True)).to_be_hidden()
    page.reload()
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('offline')) }")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("alert")).to_have_text("The filters could not be loaded. Reload the page.")
    expect(page.get_by_role("button", name="Apply Filters")).to_have_count(0)


@pytest.mark.parametrize("path", ["/admin/", "/admin/leads/lead/", "/admin/activities/activity/"])
def test_accessible_names(window: Open, family: str, path: str) -> None:
    page = window(path)
    assert page.evaluate(UNNAMED) == []
    assert page.locator("html").get_attribute("lang")
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [("home", "/admin/"), ("leads", "/admin/leads/lead/"), ("activities", "/admin/activities/activity/")],
)
def test_pages_fit_on_a_phone(window: Open, family: str, name: str, path: str) -> None:
    page = window(path, PHONE)
    page.wait_for_load_state("networkidle")
    shoot(page, f"{name}-phone")
    page.wait_for_function(f"document.documentElement.scrollWidth <= {PHONE['width']}")
    page.get_by_role("button", name="Show the menu").click()
    expect(page.get_by_role("link", name="Leads", exact=True).first).to_be_visible()


def test_changing_a_status_on_a_phone(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}", PHONE)
    row(page, f"Ada {family}").get_by_role("combobox").select_option("contacted")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("1 lead updated.")).to_be_visible()
    assert stored(server, token, family)["Ada"]["status"] == "contacted"


def test_dark_mode(window: Open, family: str) -> None:
    page = window("/admin/", scheme="dark")
    page.wait_for_load_state("networkidle")
    shoot(page, "home-dark")
    background, text = page.evaluate(
        """() => [".crm-panel", ".crm-card strong"].map((one) => {
            const canvas = document.createElement("canvas").getContext("2d");
            const style = getComputedStyle(document.querySelector(one));
            canvas.fillStyle = one === ".crm-panel" ? style.backgroundColor : style.color;
            canvas.fillRect(0, 0, 1, 1);
            return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part, 0) / 3;
        })"""
    )
    assert background < 60
    assert text > 200
