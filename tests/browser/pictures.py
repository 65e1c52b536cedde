"""``python -m tests.browser.pictures``: take the screenshots of the documents, with sample data."""

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
MAX_BYTES = 150_000


def main() -> None:
    """Take home.png, leads.png and lead.png."""
    with serving() as server, sync_playwright() as playwright:
        password = create_data(server)
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


def create_data(server: LiveServer) -> str:
    """Create sample data and an administrator called maria; return the password."""
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
    """Take a screenshot; exit if it is too large."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_load_state("networkidle")
    FOLDER.mkdir(exist_ok=True)
    image = page.screenshot(path=FOLDER / f"{name}.png")
    if len(image) > MAX_BYTES:
        sys.exit(f"{name}.png has {len(image):,} bytes")


if __name__ == "__main__":
    main()
