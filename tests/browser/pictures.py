"""``python -m tests.browser.pictures``: the pictures of the documents, of a server of its own with sample data."""

import os
import secrets
import shutil
import subprocess
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

from playwright.sync_api import Page, sync_playwright

from tests.live import PROJECT, LiveServer, environment, serving

FOLDER = PROJECT / "docs"
WIDTH = 1280
LARGEST = 150_000  # bytes


def main() -> None:
    """Draw home.png, leads.png and lead.png."""
    with serving() as server, sync_playwright() as playwright:
        password = furnish(server)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        page = browser.new_page()
        page.goto(f"{server.url}/admin/login/")
        page.locator("#id_username").fill("maria")
        page.locator("#id_password").fill(password)
        page.locator("#id_password").press("Enter")
        page.wait_for_url(f"{server.url}/admin/")
        draw(page, "home", 800)
        page.goto(f"{server.url}/admin/leads/lead/")
        draw(page, "leads", 600)
        page.locator("tr.data-row", has_text="activities").locator(".field-name a").first.click()
        page.wait_for_load_state()
        draw(page, "lead", 720)
        browser.close()


def furnish(server: LiveServer) -> str:
    """Sample data, and an administrator called maria; her password."""
    password = secrets.token_urlsafe(12)
    account = {"USERNAME": "maria", "EMAIL": "maria@example.com", "PASSWORD": password}
    env = environment(
        DATABASE_URL=server.database_url,
        **{f"DJANGO_SUPERUSER_{field}": value for field, value in account.items()},
    )
    for command in (["demo"], ["createsuperuser", "--noinput"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=PROJECT, env=env, check=True, stdout=subprocess.DEVNULL
        )
    return password


def draw(page: Page, name: str, height: int) -> None:
    """Take the picture; ``SystemExit`` where it is too large for a README."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_load_state("networkidle")
    FOLDER.mkdir(exist_ok=True)
    taken = page.screenshot(path=FOLDER / f"{name}.png")
    if len(taken) > LARGEST:
        sys.exit(f"{name}.png has {len(taken):,} bytes")


if __name__ == "__main__":
    main()
