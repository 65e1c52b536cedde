"""Importing with errors, download and undo, and creating and deactivating a user, in a real browser."""

import os
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.office import PASSWORD, Window, fits, needs_chromium, shoot, stored
from tests.live import LiveServer

FILE = """First Name,Last Name,E-mail,Mobile,Budget,Hair colour
Ada,Lovelace,ada-{tag}@example.com,+1-555-0100,$450k,brown
Bob,Byron,not-an-address,+1-555-0101,300000,black
Cy,Young,cy-{tag}@example.com,+1-555-0102,250k-300k,
Dee,Snider,dee-{tag},+1-555-0103,lots,blond
Eve,Arden,eve-{tag}@example.com,+1-555-0104,"1,200,000",red
"""

# Remembers, beyond the page that waits for its reply, what that page has shown of the progress.
RECORD_PROGRESS = """() => {
    const text = document.querySelector("[data-progress-text]");
    const record = () => { if (text.checkVisibility()) sessionStorage.progress = text.textContent; };
    new MutationObserver(record).observe(text, { childList: true, characterData: true, subtree: true });
}"""

pytestmark = needs_chromium


@pytest.fixture
def page(window: Window) -> Page:
    """Return the page of a user who has logged in."""
    return window.page


def shoot_all(page: Page, name: str) -> None:
    """Take a screenshot of the whole page."""
    shoot(page, name, full_page=True)


def test_import_with_errors_download_and_undo(server: LiveServer, page: Page, tmp_path: Path) -> None:
    tag = secrets.token_hex(4)
    file = tmp_path / f"fair-{tag}.csv"
    file.write_text(FILE.format(tag=tag))
    page.goto(f"{server.url}/admin/leads/importrun/")
    shoot_all(page, "imports-before")
    page.goto(f"{server.url}/admin/leads/importrun/add/")
    page.set_input_files("#id_file", file)
    expect(page.locator("[data-file-name]")).to_have_text(file.name)
    shoot_all(page, "import-upload")
    page.get_by_role("button", name="Upload and preview").click()

    expect(page.locator(".import-counts")).to_contain_text("Rows with errors")
    page.get_by_label("Source for all rows").fill("Trade fair")
    expect(page.locator("[data-changed]")).to_be_visible()
    page.get_by_role("button", name="Update preview").click()
    expect(page.locator("#rows-title ~ .import-scroll")).to_contain_text("Trade fair")
    shoot_all(page, "import-review")
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    shoot_all(page, "import-review-phone")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert stored(server, "SELECT count(*) FROM leads_lead WHERE email LIKE %s", f"%{tag}%") == [(0,)]

    page.get_by_role("button", name="Import 3 leads").click()
    expect(page.locator(".import-label").first).to_have_text("Done")
    leads = stored(server, "SELECT first_name, source FROM leads_lead WHERE email LIKE %s ORDER BY id", f"%{tag}%")
    assert leads == [("Ada", "Trade fair"), ("Cy", "Trade fair"), ("Eve", "Trade fair")]
    shoot_all(page, "import-done")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows with errors").click()
    rejects = Path(download.value.path()).read_text()
    assert "Bob" in rejects
    assert "Dee" in rejects
    assert "Ada" not in rejects

    page.get_by_text("Undo this import …").click()
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    shoot_all(page, "import-done-phone")
    page.get_by_role("button", name="Undo import").click()
    expect(page.locator(".import-label").first).to_have_text("Undone")
    shoot_all(page, "import-undone-phone")
    active = stored(server, "SELECT count(*) FROM leads_lead WHERE email LIKE %s AND is_active", f"%{tag}%")
    assert active == [(0,)]
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{server.url}/admin/leads/importrun/")
    shoot_all(page, "imports")


def test_a_double_click_imports_once(server: LiveServer, page: Page, tmp_path: Path) -> None:
    tag = secrets.token_hex(4)
    file = tmp_path / f"double-{tag}.csv"
    file.write_text(f"First Name,Email\nAda,ada-{tag}@example.com\n")
    page.goto(f"{server.url}/admin/leads/importrun/add/")
    page.set_input_files("#id_file", file)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_role("button", name="Import 1 lead").dblclick()
    expect(page.locator(".import-label").first).to_have_text("Done")
    assert stored(server, "SELECT count(*) FROM leads_importrun WHERE file_name = %s", file.name) == [(1,)]
    assert stored(server, "SELECT count(*) FROM leads_lead WHERE email LIKE %s", f"%{tag}%") == [(1,)]


def test_ten_megabytes(server: LiveServer, page: Page, tmp_path: Path) -> None:
    tag = secrets.token_hex(4)
    file = tmp_path / f"large-{tag}.csv"
    row = f"Ada,{{}}-{tag}@example.com,{'x' * 490}\n"
    file.write_text("First Name,Email,Property Interest\n" + "".join(row.format(number) for number in range(20_500)))
    assert 10 << 20 < os.path.getsize(file) < 16 << 20
    page.goto(f"{server.url}/admin/leads/importrun/add/")
    page.set_input_files("#id_file", file)
    page.evaluate(RECORD_PROGRESS)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_role("button", name="Import 20,500 leads").click(timeout=120_000)
    expect(page.locator(".import-label").first).to_have_text("Done", timeout=120_000)
    assert stored(server, "SELECT count(*) FROM leads_lead WHERE email LIKE %s", f"%{tag}%") == [(20_500,)]
    assert page.evaluate("sessionStorage.progress").endswith("rows read")


def test_a_file_above_the_limit_is_rejected_before_the_upload(server: LiveServer, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "huge.csv"
    with file.open("wb") as out:
        out.write(b"First Name,Email\n")
        out.truncate(17 << 20)
    page.goto(f"{server.url}/admin/leads/importrun/add/")
    page.set_input_files("#id_file", file)
    expect(page.locator("#file-problem")).to_contain_text("manage.py import_leads")


def test_create_and_deactivate_a_user(server: LiveServer, page: Page) -> None:
    name = f"carla-{secrets.token_hex(4)}"
    page.goto(f"{server.url}/admin/users/user/add/")
    for field, value in {"username": name, "email": f"{name}@example.com", "first_name": "Carla"}.items():
        page.locator(f"#id_{field}").fill(value)
    page.locator("#id_last_name").fill("Díaz")
    shoot_all(page, "user-add")
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.get_by_label(f"Link for {name}").input_value()
    page.get_by_role("link", name="Access and groups").click()
    expect(page.locator("#id_is_staff")).to_be_visible()
    page.locator("#id_is_staff").check()
    page.get_by_label("Office staff").check()
    shoot_all(page, "user")
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page)
    shoot_all(page, "user-phone")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(f"{server.url}/admin/users/user/")
    groups = "SELECT g.name FROM auth_group g JOIN users_user_groups u ON u.group_id = g.id JOIN users_user p"
    assert stored(server, f"{groups} ON p.id = u.user_id WHERE p.username = %s AND p.is_staff", name) == [
        ("Office staff",)
    ]
    shoot_all(page, "users-phone")
    page.goto(link)
    page.locator("#id_new_password1").fill(PASSWORD)
    page.locator("#id_new_password2").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("All earlier sessions have ended.")).to_be_visible()
    assert server.send("POST", "/api/users/login", {"username": name, "password": PASSWORD}).status == 200
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{server.url}/admin/users/user/?q={name}")
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("deactivate")
    shoot_all(page, "users")
    page.get_by_role("button", name="Run", exact=False).first.click()
    expect(page.get_by_role("heading", name="Deactivate 1 user?").last).to_be_visible()
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("1 user deactivated.")).to_be_visible()
    assert server.send("POST", "/api/users/login", {"username": name, "password": PASSWORD}).status == 401
