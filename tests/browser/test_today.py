"""The agent's day in a real browser: from Today to a logged call, a new status and the next follow-up with one save."""

from datetime import date, timedelta

from playwright.sync_api import expect

from tests.browser.office import PHONE, Window, needs_chromium, stored
from tests.factories import lead_row
from tests.live import LiveServer

pytestmark = needs_chromium


def test_a_day(server: LiveServer, window: Window, staff: str, token: dict[str, str]) -> None:
    ((user,),) = stored(server, "SELECT id FROM users_user WHERE username = %s", staff)
    lead = server.send("POST", "/api/leads", lead_row(first_name="Grace", phone="+1 555 687 0555"), token).json()["id"]
    tomorrow = (date.today() + timedelta(days=1)).isoformat()
    server.send("PUT", f"/api/leads/{lead}/owner", {"user_id": user}, token)
    page = window.go(f"?agent={user}")  # the office may have more leads than the page shows
    window.shoot("today")
    page.get_by_role("link", name="Log call with Grace").click()
    form = page.get_by_role("form", name="Log an activity")
    form.get_by_label("Subject").fill("Reached")
    form.get_by_label("Status").select_option("contacted")
    form.get_by_label("Next follow-up").fill(tomorrow)
    window.shoot("log-call")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Today", exact=True)).to_be_visible()  # back on the start page
    statement = "SELECT status, activity_count FROM leads_lead WHERE id = %s"
    assert stored(server, statement, lead) == [("contacted", 1)]
    statement = "SELECT title, kind FROM activities_followup WHERE lead_id = %s AND done_at IS NULL"
    assert stored(server, statement, lead) == [("Call", "call")]


def test_the_page_of_a_lead_on_a_telephone(server: LiveServer, window: Window, token: dict[str, str]) -> None:
    lead = server.send("POST", "/api/leads", lead_row(), token).json()["id"]
    page = window.page
    page.set_viewport_size(PHONE)
    window.go(f"leads/lead/{lead}/change/")
    box = page.locator("#log").get_by_label("Subject").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < PHONE["height"]
    page.locator("#log").get_by_label("Notes").fill("not saved yet")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("#log").get_by_label("Notes").press("Tab")
    page.evaluate("location.assign('/admin/')")
    page.wait_for_timeout(0)
    expect(page.locator("#log").get_by_label("Notes")).to_have_value("not saved yet")
    assert asked == ["beforeunload"]
