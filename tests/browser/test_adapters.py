"""The adapters of clients/ with a live server: the helper in Node, react-admin and refine in a browser."""

import json
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.office import needs_chromium
from tests.client.adapters import CLIENTS, build, pages, run
from tests.client.test_client import NODE
from tests.client.test_client import pytestmark as needs_client
from tests.factories import lead_row
from tests.live import LiveServer, serving

PASSWORD = "pass123456"

pytestmark = needs_client


class Office(NamedTuple):
    """A server with an agent, and a browser's page from another origin that it knows."""

    server: LiveServer
    username: str
    token: dict[str, str]
    origin: str

    def address(self, page: str, **query: str) -> str:
        """Return the address of a page of this folder."""
        given = "&".join(f"{name}={value}" for name, value in {"server": self.server.url, **query}.items())
        return f"{self.origin}/{page}?{given}"

    def add(self, *rows: dict[str, Any]) -> list[int]:
        """Create leads, the last one newest; return their ids."""
        replies = [self.server.send("POST", "/api/leads", lead_row(**row), self.token) for row in rows]
        return [reply.json()["id"] for reply in replies]

    def lead(self, lead_id: int) -> Any:
        """Return a lead, or what the server says instead."""
        return self.server.send("GET", f"/api/leads/{lead_id}", headers=self.token).json()


@pytest.fixture
def office() -> Iterator[Office]:
    """Return a server of its own."""
    with pages(build()) as origin, serving(CORS_ORIGINS=origin) as server:
        username = f"agent-{secrets.token_hex(4)}"
        yield Office(server, username, server.token(username), origin)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page; the test fails if a script of it does."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def test_adapters_are_short() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in CLIENTS.glob("*.ts")}
    assert len(lines) == 5
    assert {name: number for name, number in lines.items() if number >= 80} == {}


def test_the_helper(office: Office) -> None:
    printed = run(str(NODE), build() / "crm.check.js", office.server.url, office.username, PASSWORD)
    assert json.loads(printed) == {
        "wrong": 401,
        "anonymous": 401,
        "replayed": "true",
        "found": [1, "1"],
        "after_two_503": 1,
        "always_503": ["busy", -6],
        "renewed": True,
        "fields": {
            "email": "value is not a valid email address",
            "phone": "Input should be a valid string",
        },
        "rows": ["1.email"],
        "deleted": None,
        "logged_out": [False, 401],
    }


@needs_chromium
def test_react_admin(office: Office, page: Page) -> None:
    statuses = ["new", "contacted", "lost", "new", "contacted", "new", "lost", "contacted"]
    office.add(*({"first_name": f"No{i}", "last_name": f"L{9 - i}", "status": s} for i, s in enumerate(statuses)))
    page.goto(office.address("react-admin.page.html"))

    def field(name: str) -> Locator:
        return page.get_by_role("textbox", name=name)

    field("Username").fill(office.username)
    field("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    rows, range_shown = page.locator("tbody tr"), page.locator(".MuiTablePagination-displayedRows")
    expect(rows).to_have_count(5)
    expect(range_shown).to_have_text("1-5 of 8")
    expect(page.get_by_text("Agent One")).to_be_visible()  # who is logged in
    expect(rows.first).to_contain_text("No7")

    page.get_by_role("button", name="Go to next page").click()  # to the end
    expect(range_shown).to_have_text("6-8 of 8")
    expect(page.get_by_role("button", name="Go to next page")).to_be_disabled()
    expect(rows.last).to_contain_text("No0")

    page.get_by_role("button", name="Sort by Last name").click()
    expect(rows.first).to_contain_text("L2")
    page.get_by_role("button", name="Sort by Last name").click()
    expect(rows.first).to_contain_text("L9")

    page.get_by_label("Status").click()
    for status in ("New", "Lost"):
        page.get_by_role("option", name=status.lower(), exact=True).click()
    page.keyboard.press("Escape")
    expect(range_shown).to_have_text("1-5 of 5")
    expect(rows.locator(".column-status")).to_have_text(["new", "lost", "new", "new", "lost"])

    # A token that has expired is renewed without a word.
    page.evaluate(
        """() => localStorage.setItem("crm-tokens",
            JSON.stringify({ ...JSON.parse(localStorage.getItem("crm-tokens")), access_token: "expired" }))"""
    )
    page.reload()
    expect(range_shown).to_have_text("1-5 of 5")

    page.get_by_role("link", name="Create").click()
    field("First name").fill("Ann")
    field("Last name").fill("Z")
    field("Email").fill("ann")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("value is not a valid email address")).to_be_visible()
    field("Email").fill("ann@example.com")
    page.get_by_role("button", name="Save").click()
    expect(rows.filter(has_text="Ann")).to_have_count(1)

    rows.filter(has_text="Ann").click()
    expect(field("First name")).to_have_value("Ann")
    lead_id = int(page.url.split("/leads/")[1].split("?")[0])
    page.get_by_label("Budget max").fill("300000")
    page.get_by_role("button", name="Save").click()
    expect(rows.filter(has_text="Ann")).to_contain_text("300,000")
    lead = office.lead(lead_id)
    assert (lead["last_name"], lead["phone"], lead["budget_max"]) == ("Z", "", 300_000)

    # Somebody else changes it while the form is open: nothing is overwritten.
    rows.filter(has_text="Ann").click()
    expect(field("First name")).to_have_value("Ann")
    assert office.server.send("PATCH", f"/api/leads/{lead_id}", {"phone": "1"}, office.token).status == 200
    field("First name").fill("Anna")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("changed")).to_be_visible()
    assert office.lead(lead_id)["first_name"] == "Ann"

    page.reload()
    expect(field("Phone")).to_have_value("1")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Confirm").click()
    expect(range_shown).to_have_text("1-5 of 5")
    assert office.lead(lead_id) == {"detail": "Lead not found"}


@needs_chromium
def test_refine(office: Office, page: Page) -> None:
    names = ["A", "B", "C", "D", "E"]
    ids = office.add(
        *(
            {"first_name": n, "last_name": f"{9 - i}", "status": ["new", "contacted"][n == "C"]}
            for i, n in enumerate(names)
        )
    )
    page.goto(office.address("refine.page.html", username=office.username, password=PASSWORD))
    rows, total = page.locator("li"), page.locator("#total")
    expect(rows).to_have_text(["E", "D"])
    expect(total).to_have_text("5")
    page.get_by_role("button", name="filter").click()
    expect(total).to_have_text("4")
    page.get_by_role("button", name="sort").click()
    expect(rows).to_have_text(["E", "D"])
    page.get_by_role("button", name="next").click()
    expect(rows).to_have_text(["B", "A"])
    page.get_by_role("button", name="refuse").click()
    expect(page.locator("#message")).to_contain_text('"email":"value is not a valid email address')
    page.get_by_role("button", name="create").click()
    expect(total).to_have_text("5")
    page.get_by_role("button", name="conflict").click()
    expect(page.locator("#message")).to_contain_text("changed")
    page.get_by_role("button", name="change").click()
    expect(rows).to_have_text(["Changed", "A"])
    page.get_by_role("button", name="delete").click()
    expect(total).to_have_text("4")
    assert office.lead(ids[1]) == {"detail": "Lead not found"}
