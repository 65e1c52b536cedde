"""A set-password link from the manager's page to the login, in a real browser; and the pages on a telephone."""

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.office import DESKTOP, PASSWORD, PHONE, SCREENSHOTS, Window, needs_chromium
from tests.live import LiveServer, serving

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """A server with mail, which it writes to its log."""
    with serving(EMAIL_URL="console:", EMAIL_FROM="crm@example.com") as running:
        yield running


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A window of somebody who is not logged in, in which nothing may go wrong unseen."""
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert complaints == []


def shoot(page: Page, name: str) -> None:
    """Pictures on a desk and on a phone, in the light and in the dark; nothing may stick out at the side."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", theme == "dark")
        for kind, size in (("phone", PHONE), ("desk", DESKTOP)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.screenshot(path=SCREENSHOTS / f"{name}-{theme}-{kind}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.evaluate("document.documentElement.classList.remove('dark')")


def test_from_the_manager_s_page_to_the_login(window: Window, stranger: Page, server: LiveServer) -> None:
    name = f"carla-{secrets.token_hex(4)}"
    page = window.go("users/user/add/")
    for field, value in {"username": name, "email": f"{name}@example.com", "first_name": "C", "last_name": "D"}.items():
        page.locator(f"#id_{field}").fill(value)
    shoot(page, "new-user")
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.get_by_label(f"Link for {name}").input_value()
    expect(page.get_by_text("also sent to the user’s email address")).to_be_visible()
    window.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == link
    shoot(page, "password-link")

    stranger.goto(link)
    assert stranger.url.endswith("/set-password/")
    shoot(stranger, "set-password")
    stranger.locator("#id_new_password1").fill("password123")
    stranger.locator("#id_new_password2").fill("password123")
    stranger.get_by_role("button", name="Set the password").click()
    expect(stranger.get_by_text("This password is too common.")).to_be_visible()
    shoot(stranger, "set-password-refused")
    stranger.locator("#id_new_password1").fill(PASSWORD)
    stranger.locator("#id_new_password2").fill(PASSWORD)
    stranger.get_by_role("button", name="Set the password").click()
    expect(stranger.get_by_text("All earlier logins have ended.")).to_be_visible()
    shoot(stranger, "set-password-done")
    stranger.goto(link)
    expect(stranger.get_by_text("This link does not work")).to_be_visible()
    shoot(stranger, "set-password-used")
    assert server.send("POST", "/api/users/login", {"username": name, "password": PASSWORD}).status == 200


def test_the_page_that_makes_a_link(window: Window, server: LiveServer) -> None:
    server.token(name := f"dora-{secrets.token_hex(4)}")
    page = window.go(f"users/user/?q={name}")
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Set a new password").click()
    shoot(page, "make-password-link")
    page.get_by_role("button", name="Make a link").click()
    assert page.get_by_label(f"Link for {name}").input_value().startswith(f"{server.url}/admin/set-password/")


def test_a_forgotten_password(stranger: Page, server: LiveServer) -> None:
    stranger.goto(f"{server.url}/admin/login/")
    shoot(stranger, "login")
    stranger.get_by_role("link", name="Forgot your password?").click()
    shoot(stranger, "forgot-password")
    stranger.get_by_label("Email").fill("nobody@example.com")
    stranger.get_by_role("button", name="Send a link").click()
    expect(stranger.get_by_text("If an account of the back office has this address")).to_be_visible()
    shoot(stranger, "forgot-password-sent")
