"""Showing, downloading and erasing personal data in a real browser; the email address is in no URL."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.office import PHONE, Window, needs_chromium, shoot_themes, stored
from tests.browser.test_markup import MARKS, assert_escaped
from tests.factories import activity_row, lead_row
from tests.live import LiveServer

pytestmark = needs_chromium


@pytest.fixture
def email(server: LiveServer, token: dict[str, str]) -> str:
    """Create a lead with an activity; return its email address."""
    email = f"zerelda-{secrets.token_hex(4)}@example.com"
    row = lead_row(first_name="Zerelda", last_name=MARKS[0], email=email)
    lead = server.send("POST", "/api/leads", row, token).json()["id"]
    assert server.send("POST", f"/api/leads/{lead}/activities", activity_row(), token).status == 201
    return email


def search(window: Window, email: str) -> Page:
    """Search for personal data; return the page."""
    page = window.page
    page.get_by_role("link", name="Personal data").click()
    page.get_by_label("Email or phone number of the person").fill(email)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Stored data")).to_be_visible()
    return page


def test_search_download_and_erase(window: Window, server: LiveServer, email: str) -> None:
    requests: list[Request] = []
    window.page.on("request", lambda request: requests.append(request))
    page = search(window, email)
    assert_escaped(page)
    expect(page.get_by_role("row", name="Activities 1")).to_be_visible()
    shoot_themes(page, "personal-data")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download all data").click()
    data: dict[str, Any] = json.loads(Path(download.value.path()).read_text())
    assert (download.value.suggested_filename, data["leads"][0]["email"]) == ("personal-data.json", email)

    page.get_by_role("button", name="Erase …").click()
    expect(page.get_by_role("heading", name="Erase permanently?")).to_be_visible()
    assert_escaped(page)
    shoot_themes(page, "personal-data-erase")
    page.get_by_label("Type the email to erase the person").fill("zerelda")
    page.get_by_role("button", name="Erase permanently").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was erased.")
    assert stored(server, "SELECT count(*) FROM leads_lead WHERE email = %s", email) == [(1,)]

    page.get_by_label("Type the email to erase the person").fill(email.upper())
    page.get_by_role("button", name="Erase permanently").click()
    expect(page.get_by_text("Erased permanently: 1 lead, with all related records.")).to_be_visible()
    assert stored(server, "SELECT count(*) FROM leads_lead WHERE email = %s", email) == [(0,)]
    assert [request.url for request in requests if email in request.url.lower() or "zerelda" in request.url] == []


def test_search_on_a_phone(window: Window, email: str) -> None:
    window.page.set_viewport_size(PHONE)
    page = window.go("personal-data/")
    page.get_by_label("Email or phone number of the person").fill("nobody@example.com")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status")).to_have_text("No data found.")
    page.get_by_label("Email or phone number of the person").fill("no address")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a valid email address")
