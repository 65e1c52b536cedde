"""What tests in a real browser share: windows, screenshots, and the server's database."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect

from tests.live import LiveServer

CHROMIUM = shutil.which("chromium")
PASSWORD = "a long password"
SCREENSHOTS = Path(__file__).parent / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
LEADS = "leads/lead/"

needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


class Window:
    """A browser window of a user who has logged in; ``errors`` and ``warnings`` are those of the browser."""

    def __init__(self, browser: Browser, server: LiveServer, staff: str, leads_to: str = LEADS, **context: Any) -> None:
        self.server = server
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.context = browser.new_context(**{"viewport": DESKTOP, **context})
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on(
            "console", lambda message: self.warnings.append(message.text) if message.type == "warning" else None
        )
        self.go(f"login/?next=/admin/{LEADS}")
        self.page.locator("#id_username").fill(staff)
        self.page.locator("#id_password").fill(PASSWORD)
        self.page.locator("#id_password").press("Enter")
        expect(self.page).to_have_url(f"{server.url}/admin/{leads_to}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            (self.errors if message.type == "error" else self.warnings).append(message.text)

    def go(self, path: str) -> Page:
        """Open a page of the back office, and return it."""
        self.page.goto(f"{self.server.url}/admin/{path}")
        return self.page

    def shoot(self, name: str) -> None:
        """Take screenshots on a desktop and a phone; nothing may overflow."""
        shoot_sizes(self.page, name)


def shoot_sizes(page: Page, name: str) -> None:
    """Take screenshots on a desktop and a phone; nothing may overflow."""
    for kind, size in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(size)
        shoot(page, f"{name}-{kind}", full_page=True)
        assert fits(page)


def shoot_themes(page: Page, name: str) -> None:
    """Take screenshots in both sizes, in light and dark mode; nothing may overflow."""
    for theme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", theme == "dark")
        shoot_sizes(page, f"{name}-{theme}")
    page.evaluate("document.documentElement.classList.remove('dark')")


def shoot(page: Page, name: str, *, full_page: bool = False) -> None:
    """Take a screenshot."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full_page)


def fits(page: Page) -> bool:
    """Return whether the page has no horizontal overflow."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def stored(server: LiveServer, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return rows of the server's database."""
    if server.database_url.startswith("sqlite"):
        with sqlite3.connect(server.database_url.removeprefix("sqlite:///")) as connection:
            return list(connection.execute(sql.replace("%s", "?"), parameters))
    with psycopg.connect(server.database_url) as postgres:
        return list(postgres.execute(sql, parameters))  # type: ignore[arg-type]
