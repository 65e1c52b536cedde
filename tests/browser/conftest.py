"""One browser for all tests of this folder, and its users."""

import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.office import CHROMIUM, PASSWORD, Window
from tests.live import PROJECT, LiveServer, environment

# Milliseconds that a page may take until it shows what is expected: it shares two processors with other tests.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def staff(server: LiveServer) -> str:
    """Create a superuser as ``make admin`` does; return the user name."""
    name = f"boss-{secrets.token_hex(4)}"
    fields = {"USERNAME": name, "EMAIL": f"{name}@example.com", "PASSWORD": PASSWORD}
    account = {f"DJANGO_SUPERUSER_{field}": value for field, value in fields.items()}
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput"]
    env = environment(DATABASE_URL=server.database_url, **account)
    subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True)
    return name


@pytest.fixture(scope="module")
def token(server: LiveServer) -> dict[str, str]:
    """Return the headers of an agent, to create leads by the API."""
    return server.token()


@pytest.fixture
def window(browser: Browser, server: LiveServer, staff: str) -> Iterator[Window]:
    """Return a window; the test fails if the browser reports errors."""
    window = Window(browser, server, staff)
    yield window
    window.context.close()
    assert window.errors == []
