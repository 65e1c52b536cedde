"""The page of a lead and bulk actions in a real browser."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.office import Window, fits, needs_chromium, stored
from tests.factories import lead_row
from tests.live import LiveServer

pytestmark = [needs_chromium, pytest.mark.any_database]


@pytest.fixture
def second_window(browser: Browser, server: LiveServer, staff: str) -> Iterator[Window]:
    window = Window(browser, server, staff)
    yield window
    window.context.close()


def post(server: LiveServer, token: dict[str, str], *leads: dict[str, Any]) -> list[int]:
    """Create leads by the API; return their ids."""
    reply = server.send("POST", "/api/leads", list(leads), token)
    assert reply.status == 201, reply.body
    return [row["id"] for row in reply.json()]


def save(page: Page) -> None:
    page.locator(".lead-main").get_by_role("button", name="Save", exact=True).click()


def test_nothing_is_cut_at_400_percent(server: LiveServer, window: Window, token: dict[str, str]) -> None:
    (lead,) = post(server, token, lead_row(first_name="\u05d0" * 60, last_name="W" * 90))
    window.page.set_viewport_size({"width": 320, "height": 256})  # 1280 by 1024
    for page in ("change", "log"):
        assert fits(window.go(f"leads/lead/{lead}/{page}/"))
    window.go(f"leads/lead/{lead}/change/")
    save(window.page)
    expect(window.page.get_by_text("Nothing was changed.")).to_be_visible()
    window.page.locator("#id_phone").fill("+1 555 0199")
    window.page.get_by_role("button", name="Save and close").click()
    expect(window.page.locator(".crm-messages a")).to_contain_text("WWW")
    assert (
        window.page.evaluate("(one => one.scrollWidth - one.clientWidth)(document.querySelector('.crm-messages'))") == 0
    )


def test_log_a_call(server: LiveServer, window: Window, token: dict[str, str], staff: str) -> None:
    (lead,) = post(server, token, lead_row(first_name="Grace", property_interest="2 rooms near the park"))
    page = window.go(f"leads/lead/{lead}/change/")
    form = page.locator("#log")
    form.get_by_label("Subject").fill("Called, wants to see the flat")
    form.get_by_label("Notes").fill("Friday after five")
    form.get_by_label("Duration (min)").fill("12")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".lead-timeline")).to_contain_text("Called, wants to see the flat")
    expect(page.locator(".lead-timeline")).to_contain_text(staff)
    window.shoot("lead")
    rows = stored(
        server,
        "SELECT activity_type, title, notes, duration, user_name FROM activities_activity WHERE lead_id = %s",
        lead,
    )
    assert rows == [("call", "Called, wants to see the flat", "Friday after five", 12, staff)]
    assert stored(server, "SELECT activity_count, version FROM leads_lead WHERE id = %s", lead) == [(1, 1)]


def test_an_invalid_activity_can_be_corrected(server: LiveServer, window: Window, token: dict[str, str]) -> None:
    (lead,) = post(server, token, lead_row())
    page = window.go(f"leads/lead/{lead}/change/")
    form = page.locator("#log")
    form.get_by_label("Subject").fill("Long talk")
    form.get_by_label("Duration (min)").fill("an hour")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".lead-error").first).to_be_visible()
    window.shoot("log-again")
    form.get_by_label("Duration (min)").fill("60")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".lead-timeline")).to_contain_text("Long talk")
    assert stored(server, "SELECT title, duration FROM activities_activity WHERE lead_id = %s", lead) == [
        ("Long talk", 60)
    ]


def test_a_status_and_its_history(server: LiveServer, window: Window, token: dict[str, str], staff: str) -> None:
    (lead,) = post(server, token, lead_row())
    page = window.go(f"leads/lead/{lead}/change/")
    page.get_by_label("Status").select_option("qualified")
    save(page)
    history = page.locator("#history")
    expect(history).to_contain_text("qualified")
    expect(history).to_contain_text(staff)
    assert stored(server, "SELECT status, version FROM leads_lead WHERE id = %s", lead) == [("qualified", 2)]


def test_two_windows(server: LiveServer, window: Window, second_window: Window, token: dict[str, str]) -> None:
    (lead,) = post(server, token, lead_row(phone="1"))
    mine, other = (each.go(f"leads/lead/{lead}/change/") for each in (window, second_window))
    other.get_by_label("Phone").fill("2")
    save(other)
    expect(other.locator("#history")).to_contain_text("Phone")
    mine.get_by_label("Phone").fill("3")
    mine.get_by_label("Source").fill("Trade fair")
    save(mine)
    expect(mine.locator(".errornote", has_text="Not saved: someone else changed this lead.")).to_be_visible()
    expect(mine.get_by_label("Phone")).to_have_value("3")
    window.shoot("conflict")
    assert stored(server, "SELECT phone, source FROM leads_lead WHERE id = %s", lead) == [("2", "website")]
    save(mine)
    expect(mine.locator("#history")).to_contain_text("Trade fair")
    assert stored(server, "SELECT phone, source FROM leads_lead WHERE id = %s", lead) == [("3", "Trade fair")]


def test_delete_and_restore(server: LiveServer, window: Window, token: dict[str, str]) -> None:
    (lead,) = post(server, token, lead_row())
    page = window.go(f"leads/lead/{lead}/change/")
    page.locator(".lead-main").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{server.url}/admin/leads/lead/")
    assert not stored(server, "SELECT is_active FROM leads_lead WHERE id = %s", lead)[0][0]
    window.go(f"leads/lead/{lead}/change/")
    window.shoot("deleted")
    # The Enter key saves and does not restore.
    page.get_by_label("Phone").fill("7")
    page.get_by_label("Phone").press("Enter")
    expect(page.locator("#history")).to_contain_text("Phone")
    assert not stored(server, "SELECT is_active FROM leads_lead WHERE id = %s", lead)[0][0]
    page.get_by_role("button", name="Restore").click()
    expect(page).to_have_url(f"{server.url}/admin/leads/lead/")
    assert stored(server, "SELECT is_active, phone FROM leads_lead WHERE id = %s", lead) == [(True, "7")]


def choose(page: Page, action: str) -> None:
    page.get_by_label("Select action to run").select_option(label=action)
    page.get_by_role("button", name="Run").click()


def test_close_two_hundred(server: LiveServer, window: Window, token: dict[str, str]) -> None:
    name = f"Bulk{secrets.token_hex(4)}"
    post(server, token, *(lead_row(last_name=name) for _ in range(200)))
    page = window.go(f"leads/lead/?q={name}")
    page.locator("#action-toggle").check()
    page.get_by_role("link", name="Select all matching leads").click()
    expect(page.get_by_text("All matching leads on all pages are selected")).to_be_visible()
    window.shoot("selected")
    choose(page, "Set status…")
    expect(page.locator(".lead-card")).to_contain_text("Set the status of 200 leads?")
    page.get_by_label("New status").select_option("closed")
    window.shoot("confirm")
    page.get_by_role("button", name="Set status").click()
    expect(page.get_by_text("200 leads updated.")).to_be_visible()
    rows = stored(server, "SELECT status, version, closed_at IS NULL FROM leads_lead WHERE last_name = %s", name)
    assert rows == [("closed", 2, False)] * 200
    changes = "SELECT count(*) FROM leads_leadchange c JOIN leads_lead l ON l.id = c.lead_id WHERE l.last_name = %s"
    assert stored(server, f"{changes} AND c.kind = 'changed' AND c.channel = 'admin'", name) == [(200,)]


def test_download_a_workbook(server: LiveServer, window: Window, token: dict[str, str], tmp_path: Path) -> None:
    name = f"Export{secrets.token_hex(4)}"
    post(server, token, *(lead_row(last_name=name) for _ in range(60)))
    page = window.go(f"leads/lead/?q={name}")
    page.locator("#action-toggle").check()
    page.get_by_role("link", name="Select all matching leads").click()
    choose(page, "Export…")
    expect(page.locator(".lead-card")).to_contain_text("Export 60 leads?")
    page.get_by_label("CSV").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / "leads.csv"
    download.value.save_as(file)
    assert file.read_text().count(name) == 60
    assert os.fspath(download.value.suggested_filename).endswith(".csv")


def test_merge_two(server: LiveServer, window: Window, token: dict[str, str]) -> None:
    address = f"{secrets.token_hex(4)}@example.com"
    old, new = post(
        server, token, lead_row(email=address, first_name="Ann"), lead_row(email=address, first_name="Anne")
    )
    call = {"activity_type": "call", "title": "Viewing", "activity_date": "2026-10-03"}
    assert server.send("POST", f"/api/leads/{new}/activities", call, token).status == 201
    page = window.go(f"leads/lead/{old}/change/")
    duplicates = page.get_by_label("Possible duplicates")
    expect(duplicates).to_contain_text("Anne")
    window.shoot("duplicate")
    duplicates.get_by_role("link", name="Merge…").click()
    page.get_by_role("row", name="First name").get_by_label("Anne").check()
    window.shoot("merge")
    page.get_by_role("button", name="Merge 2 leads").click()
    expect(page.locator(".lead-timeline")).to_contain_text("Viewing")
    expect(page.get_by_label("First name")).to_have_value("Anne")
    expect(page.locator("#history")).to_contain_text(f"lead {new}")
    rows = stored(
        server,
        "SELECT first_name, is_active, activity_count, merged_into_id FROM leads_lead WHERE id IN (%s, %s) ORDER BY id",
        old,
        new,
    )
    assert rows == [("Anne", True, 1, None), ("Anne", False, 0, old)]
    window.go(f"leads/lead/{new}/change/")
    expect(page.get_by_role("status").first).to_contain_text("Merged into Anne")
    window.shoot("merged")
