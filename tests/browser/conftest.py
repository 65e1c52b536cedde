"""One browser for all tests of this folder, and the people in front of it."""

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.office import CHROMIUM, PASSWORD, Window
from tests.live import PROJECT, LiveServer, environment


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def staff(server: LiveServer) -> str:
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
    """An app's way in, to put leads there."""
    return server.token()


@pytest.fixture
def window(browser: Browser, server: LiveServer, staff: str) -> Iterator[Window]:
    """A window in which nothing may go wrong unseen."""
    window = Window(browser, server, staff)
    yield window
    window.context.close()
    assert window.complaints == []
