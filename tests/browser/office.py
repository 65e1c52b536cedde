"""What tests in a real browser share: its window, pictures, and the server's database."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.live import LiveServer

CHROMIUM = shutil.which("chromium")
PASSWORD = "a long password"
SCREENSHOTS = Path(__file__).parent / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
LEADS = "leads/lead/"

needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


class Window:
    """A browser window of a member of staff who has logged in; ``complaints`` is what the browser found wrong."""

    def __init__(self, browser: Browser, server: LiveServer, staff: str, leads_to: str = LEADS, **context: Any) -> None:
        self.server = server
        self.complaints: list[str] = []
        self.warnings: list[str] = []
        self.context = browser.new_context(**{"viewport": DESKTOP, **context})
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("console", lambda said: self.warnings.append(said.text) if said.type == "warning" else None)
        self.go(f"login/?next=/admin/{LEADS}")
        self.page.locator("#id_username").fill(staff)
        self.page.locator("#id_password").fill(PASSWORD)
        self.page.locator("#id_password").press("Enter")
        expect(self.page).to_have_url(f"{server.url}/admin/{leads_to}")

    def go(self, path: str) -> Page:
        """Open a page of the back office."""
        self.page.goto(f"{self.server.url}/admin/{path}")
        return self.page

    def shoot(self, name: str) -> None:
        """Pictures of the page on a desk and on a phone, where nothing may stick out at its side."""
        for kind, size in (("phone", PHONE), ("desk", DESKTOP)):
            self.page.set_viewport_size(size)
            shoot(self.page, f"{name}-{kind}", full_page=True)
            assert fits(self.page)


def shoot(page: Page, name: str, *, full_page: bool = False) -> None:
    """A picture for whoever wants to see what the page looks like."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full_page)


def fits(page: Page) -> bool:
    """Whether nothing sticks out of the page at its side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def stored(server: LiveServer, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What the server's database says."""
    if server.database_url.startswith("sqlite"):
        with sqlite3.connect(server.database_url.removeprefix("sqlite:///")) as connection:
            return list(connection.execute(sql.replace("%s", "?"), parameters))
    with psycopg.connect(server.database_url) as postgres:
        return list(postgres.execute(sql, parameters))  # type: ignore[arg-type]
