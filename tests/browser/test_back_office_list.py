"""The home page and the list of leads in a real browser: mouse, keyboard, telephone. The API has the last word."""

import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.factories import lead_row
from tests.live import PROJECT, LiveServer, environment

CHROMIUM = shutil.which("chromium")
PASSWORD = "a long password"
SCREENSHOTS = Path(__file__).parent / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
MOST_STEPS = 120  # of the Tab key
Open = Callable[..., Page]

NAMELESS = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")]
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

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def boss(server: LiveServer) -> str:
    """A superuser's name, made as ``make admin`` does."""
    name = f"boss-{secrets.token_hex(4)}"
    given = {"USERNAME": name, "EMAIL": f"{name}@example.com", "PASSWORD": PASSWORD}
    account = {f"DJANGO_SUPERUSER_{field}": value for field, value in given.items()}
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput"]
    env = environment(DATABASE_URL=server.database_url, **account)
    subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True)
    return name


@pytest.fixture(scope="module")
def token(server: LiveServer) -> dict[str, str]:
    """An app's way in."""
    return server.token()


@pytest.fixture
def window(server: LiveServer, browser: Browser, boss: str) -> Iterator[Open]:
    """Opens a window of somebody who has logged in; none may complain, of the policy about contents least of all."""
    complaints: list[str] = []
    contexts = []

    def open_one(path: str, viewport: dict[str, int] = DESKTOP, scheme: str = "light") -> Page:
        context: Any = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page: Page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
        page.goto(f"{server.url}/admin/login/")
        page.locator("#id_username").fill(boss)
        page.locator("#id_password").fill(PASSWORD)
        page.locator("#id_password").press("Enter")
        expect(page).to_have_url(f"{server.url}/admin/")
        page.goto(f"{server.url}{path}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def family(server: LiveServer, token: dict[str, str]) -> str:
    """The last name of three new leads: Ada from a fair, Bob and Cy from the web."""
    name = f"Family{secrets.token_hex(4)}"
    rows = [lead_row(first_name=first, last_name=name, source=source) for first, source in
            (("Ada", "fair"), ("Bob", "web"), ("Cy", "web"))]  # fmt: skip
    assert server.send("POST", "/api/leads", rows, token).status == 201
    return name


def shoot(page: Page, name: str) -> None:
    """A picture for whoever wants to see what the page looks like."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def stored(server: LiveServer, token: dict[str, str], family: str) -> dict[str, dict[str, Any]]:
    """The leads of a family by first name, as the API gives them."""
    return {row["first_name"]: row for row in server.send("GET", f"/api/leads?q={family}", headers=token).json()}


def row(page: Page, name: str) -> Any:
    """The row of the list with that name in it."""
    return page.locator("#result_list tr.data-row", has_text=name)


def test_log_in_and_look_at_the_office(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window("/admin/")
    stats = server.send("GET", "/api/dashboard", headers=token).json()
    expect(page.locator(".crm-card", has_text=re.compile("^Leads"))).to_have_text(
        re.compile(rf"Leads\s+{stats['total_leads']:,}$")
    )
    shoot(page, "home")
    [new] = [row["count"] for row in stats["leads_by_status"] if row["status"] == "new"]
    page.locator(".crm-bars a", has_text=re.compile("^New ")).click()
    expect(page.locator("#result-count")).to_contain_text(f"{new:,} lead")


def test_find_filter_and_change_a_status(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window("/admin/leads/lead/")
    page.locator("#searchbar").fill(family)
    page.locator("#searchbar").press("Enter")
    expect(page.locator("#result-count")).to_contain_text("3 leads")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Source").select_option("web")
    shoot(page, "filters")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator("#result-count")).to_contain_text("2 leads")

    row(page, f"Bob {family}").get_by_role("combobox").select_option("qualified")
    row(page, f"Cy {family}").get_by_role("combobox").select_option("lost")
    expect(page.locator("#save-statuses")).to_contain_text("2 statuses changed")
    shoot(page, "statuses")
    lead_id = stored(server, token, family)["Cy"]["id"]
    assert server.send("PUT", f"/api/leads/{lead_id}", {"status": "closed"}, token).status == 200
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The status of 1 lead was saved")).to_be_visible()
    expect(page.get_by_text("somebody changed this lead meanwhile")).to_be_visible()
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


def test_by_keyboard_alone(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}")
    wanted = [
        "a Home",
        "a Leads",
        "input Words in names",
        "button Filters",
        f"a Cy {family}",
        f"select Status of Cy {family}",
    ]
    reached: list[str] = []
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1].startswith(wanted[-1]):
            break
    places = [next((place for place, one in enumerate(reached) if one.startswith(name)), None) for name in wanted]
    assert None not in places, (wanted, reached)
    assert places == sorted(places, key=lambda place: place or 0)
    page.keyboard.type("lost")
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == "button Save":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("The status of 1 lead was saved")).to_be_visible()
    assert stored(server, token, family)["Cy"]["status"] == "lost"


def test_filters_by_keyboard(window: Open, family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}")
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Status", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Status", exact=True)).to_be_hidden()


@pytest.mark.parametrize("path", ["/admin/", "/admin/leads/lead/", "/admin/activities/activity/"])
def test_everything_has_a_name(window: Open, family: str, path: str) -> None:
    page = window(path)
    assert page.evaluate(NAMELESS) == []
    assert page.locator("html").get_attribute("lang")
    assert page.locator("h1").count() == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [("home", "/admin/"), ("leads", "/admin/leads/lead/"), ("activities", "/admin/activities/activity/")],
)
def test_on_a_telephone_nothing_is_beside_the_screen(window: Open, family: str, name: str, path: str) -> None:
    page = window(path, PHONE)
    page.wait_for_load_state("networkidle")
    shoot(page, f"{name}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Show the menu").click()
    expect(page.get_by_role("link", name="Leads", exact=True).first).to_be_visible()


def test_a_status_by_telephone(server: LiveServer, window: Open, token: dict[str, str], family: str) -> None:
    page = window(f"/admin/leads/lead/?q={family}", PHONE)
    row(page, f"Ada {family}").get_by_role("combobox").select_option("contacted")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The status of 1 lead was saved")).to_be_visible()
    assert stored(server, token, family)["Ada"]["status"] == "contacted"


def test_in_the_dark(window: Open, family: str) -> None:
    page = window("/admin/", scheme="dark")
    page.wait_for_load_state("networkidle")
    shoot(page, "home-dark")
    dark, letters = page.evaluate(
        """() => [".crm-panel", ".crm-card strong"].map((one) => {
            const canvas = document.createElement("canvas").getContext("2d");
            const style = getComputedStyle(document.querySelector(one));
            canvas.fillStyle = one === ".crm-panel" ? style.backgroundColor : style.color;
            canvas.fillRect(0, 0, 1, 1);
            return canvas.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part, 0) / 3;
        })"""
    )
    assert dark < 60
    assert letters > 200
