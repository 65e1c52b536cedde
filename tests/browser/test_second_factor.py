"""The second factor in a real browser: setup, login with a code and with a recovery code."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.admin.second_factors import code_for
from tests.browser.office import PASSWORD, Window, needs_chromium, shoot_themes
from tests.live import LiveServer, serving
from users.second_factor import readable_secret

pytestmark = [needs_chromium, pytest.mark.any_database]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Return a server whose superusers need a second factor."""
    with serving(REQUIRE_SECOND_FACTOR="managers") as server:
        yield server


@pytest.fixture
def window(browser: Browser, server: LiveServer, staff: str) -> Iterator[Window]:
    """Return a superuser's window after the first login."""
    window = Window(browser, server, staff, leads_to="second-factor/set-up/?next=%2Fadmin%2Fleads%2Flead%2F")
    yield window
    window.context.close()
    assert window.errors == []


def secret_on(page: Page) -> str:
    """Return the secret of the set-up page, hex-encoded, after checking that there is a QR code."""
    expect(page.locator(".second-factor-qr svg path")).not_to_have_count(0)
    text = page.locator(".second-factor-secret").inner_text()
    secret = base64.b32decode(text.replace(" ", "")).hex()
    assert readable_secret(secret) == text
    return secret


def log_out(page: Page) -> None:
    page.locator("#logout-form").evaluate("form => form.submit()")
    expect(page.get_by_text("logged out", exact=False).first).to_be_visible()


def log_in(window: Window, name: str) -> Page:
    """Enter the password; return the page that asks for the code."""
    page = window.go("login/?next=/admin/leads/lead/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_password").press("Enter")
    expect(page.get_by_label("Code")).to_be_visible()  # the theme may hide the page while it is focused
    return page


def test_from_the_first_login_to_a_recovery_code(window: Window, server: LiveServer, staff: str) -> None:
    page = window.page
    expect(page.get_by_text("Your account requires a second factor")).to_be_visible()
    secret = secret_on(page)
    shoot_themes(page, "second-factor-set-up")
    page.get_by_label("Code from the app").fill(code_for(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".second-factor-codes code")).to_have_count(10)
    codes = page.locator(".second-factor-codes code").all_inner_texts()
    assert len(set(codes)) == 10
    shoot_themes(page, "second-factor-recovery-codes")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert set(codes) < set(Path(download.value.path()).read_text().split())
    page.evaluate("window.print = () => { document.body.dataset.printed = 'yes' }")
    page.get_by_role("button", name="Print").click()
    expect(page.locator("body")).to_have_attribute("data-printed", "yes")
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(f"{server.url}/admin/leads/lead/")

    log_out(page)
    log_in(window, staff)
    shoot_themes(page, "second-factor-code")
    page.get_by_label("Code").fill(code_for(secret, drift=100))  # of almost an hour later
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Wrong or already used code.")).to_be_visible()
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0].upper())
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{server.url}/admin/leads/lead/")
    expect(page.get_by_text("You logged in with a recovery code; 9 left.")).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#nav-sidebar").get_by_text(staff).first.click()
    page.get_by_role("link", name="Second factor").click()
    expect(page.get_by_text("Your second factor is on")).to_be_visible()
    shoot_themes(page, "second-factor")
    page.get_by_role("link", name="Set up another app").click()
    expect(page.get_by_label("Your password")).to_be_visible()
    shoot_themes(page, "second-factor-replace")
