"""Set-password links in a real browser."""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.office import DESKTOP, PASSWORD, Window, needs_chromium, shoot_themes
from tests.live import LiveServer, serving

pytestmark = [needs_chromium, pytest.mark.any_database]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Return a server that writes mail to its log."""
    with serving(EMAIL_URL="console:", EMAIL_FROM="crm@example.com") as running:
        yield running


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """Return a page without login; the test fails if the browser reports errors."""
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert errors == []


def test_from_the_new_user_to_the_login(window: Window, stranger: Page, server: LiveServer) -> None:
    name = f"carla-{secrets.token_hex(4)}"
    page = window.go("users/user/add/")
    for field, value in {"username": name, "email": f"{name}@example.com", "first_name": "C", "last_name": "D"}.items():
        page.locator(f"#id_{field}").fill(value)
    shoot_themes(page, "new-user")
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.get_by_label(f"Link for {name}").input_value()
    expect(page.get_by_text("also sent to the user’s email address")).to_be_visible()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == link
    shoot_themes(page, "password-link")

    stranger.goto(link)
    expect(stranger).to_have_url(re.compile("/set-password/$"))
    shoot_themes(stranger, "set-password")
    stranger.locator("#id_new_password1").fill("password123")
    stranger.locator("#id_new_password2").fill("password123")
    stranger.get_by_role("button", name="Set password").click()
    expect(stranger.get_by_text("This password is too common.")).to_be_visible()
    shoot_themes(stranger, "set-password-rejected")
    stranger.locator("#id_new_password1").fill(PASSWORD)
    stranger.locator("#id_new_password2").fill(PASSWORD)
    stranger.get_by_role("button", name="Set password").click()
    expect(stranger.get_by_text("All earlier sessions have ended.")).to_be_visible()
    shoot_themes(stranger, "set-password-done")
    stranger.goto(link)
    expect(stranger.get_by_text("Invalid link")).to_be_visible()
    shoot_themes(stranger, "set-password-used")
    assert server.send("POST", "/api/users/login", {"username": name, "password": PASSWORD}).status == 200


def test_creating_a_link(window: Window, server: LiveServer) -> None:
    server.token(name := f"dora-{secrets.token_hex(4)}")
    page = window.go(f"users/user/?q={name}")
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Set a new password").click()
    shoot_themes(page, "create-password-link")
    page.get_by_role("button", name="Create link").click()
    assert page.get_by_label(f"Link for {name}").input_value().startswith(f"{server.url}/admin/set-password/")


def test_a_forgotten_password(stranger: Page, server: LiveServer) -> None:
    stranger.goto(f"{server.url}/admin/login/")
    shoot_themes(stranger, "login")
    stranger.get_by_role("link", name="Forgot your password?").click()
    shoot_themes(stranger, "forgot-password")
    stranger.get_by_label("Email").fill("nobody@example.com")
    stranger.get_by_role("button", name="Send a link").click()
    expect(stranger.get_by_text("If there is an account with this email address")).to_be_visible()
    shoot_themes(stranger, "forgot-password-sent")
