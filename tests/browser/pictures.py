"""``python -m tests.browser.pictures``: take the screenshots of the documents, with sample data."""

import os
import re
import shutil
import subprocess
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from tests.live import PROJECT, LiveServer, environment, serving

FOLDER = PROJECT / "docs"
WIDTH = 1280
MAX_BYTES = 150_000


# The file of the tutorial.
FILE = re.search(r"```csv\n(.*?)```", (FOLDER / "tutorial.md").read_text(), re.DOTALL)


def main() -> None:
    """Take all pictures: of an agent's start page, and of what a manager sees."""
    with serving() as server, sync_playwright() as playwright:
        password = create_data(server)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        page = log_in(browser, server, "demo.maria", password)
        draw(page, "today", 720)
        page = log_in(browser, server, "demo.ruth", password)
        draw(page, "home", 800)
        page.goto(f"{server.url}/admin/leads/lead/")
        draw(page, "leads", 600)
        page.locator("tr.data-row", has_text="activities").locator(".field-name a").first.click()
        page.wait_for_load_state()
        draw(page, "lead", 720)
        page.goto(f"{server.url}/admin/reports/?report=sources")
        draw(page, "report", 620)
        preview_file(page, server)
        draw(page, "import", 900)
        browser.close()


def log_in(browser: Browser, server: LiveServer, username: str, password: str) -> Page:
    """Return a window on the start page of a user."""
    page = browser.new_context().new_page()
    page.goto(f"{server.url}/admin/login/")
    page.locator("#id_username").fill(username)
    page.locator("#id_password").fill(password)
    page.locator("#id_password").press("Enter")
    page.wait_for_url(f"{server.url}/admin/")
    return page


def preview_file(page: Page, server: LiveServer) -> None:
    """Upload the file of the tutorial."""
    assert FILE
    page.goto(f"{server.url}/admin/leads/importrun/add/")
    file = FilePayload(name="leads.csv", mimeType="text/csv", buffer=FILE[1].encode())
    page.locator("#id_file").set_input_files(file)
    page.get_by_role("button", name="Upload and preview").click()
    page.locator(".import-counts").wait_for()


def create_data(server: LiveServer) -> str:
    """Create sample data; return the password of its users."""
    command = [sys.executable, "manage.py", "demo"]
    env = environment(DATABASE_URL=server.database_url)
    printed = subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True, text=True).stdout
    found = re.search(r"password (\S+)", printed)
    assert found
    return found[1]


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
