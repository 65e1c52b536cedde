"""Today on the start page, and the page that logs, moves the status and plans the next step with one save."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from activities.models import Activity, FollowUp
from dashboard import today
from leads.consents import Consent
from leads.models import Lead
from leads.sql import SearchTimeout
from tests.admin.lead_forms import fields_in, open_form
from tests.admin.lists import page, visible_text
from tests.admin.people import browser_of, make_person
from tests.factories import SOMEBODY, make_activity, make_follow_up, make_lead, make_user
from tests.test_query_counts import statements
from users.models import User

pytestmark = pytest.mark.django_db

HOME = "/admin/"


@pytest.fixture
def maria() -> User:
    """Somebody of the office's staff."""
    return make_person("staff")


@pytest.fixture
def browser(maria: User) -> Client:
    client = Client()
    client.force_login(maria)
    return client


def own(user: User, **fields: Any) -> Lead:
    lead = make_lead(**fields)
    Lead.objects.filter(pk=lead.pk).update(owner=user)
    return lead


def panels(html: str) -> list[str]:
    """Return the text of the three lists."""
    return [visible_text(part.partition("</section>")[0]) for part in html.split('<section class="crm-panel">')[1:4]]


def test_whose_turn_it_is(browser: Client, maria: User, manager: Client) -> None:
    other, now = make_user(first_name="Other", last_name="Agent"), timezone.now()
    due = own(maria, first_name="Due", status="contacted", phone="+1 555 0100")
    late, later = own(maria, first_name="Late", status="lost"), own(maria, first_name="Later", status="contacted")
    for lead, days in ((due, 0), (late, -2), (later, 1)):
        make_follow_up(lead, maria, days=days, title=f"Call {lead.first_name}")
    own(maria, first_name="Young", created_at=now - timedelta(days=1))
    own(maria, first_name="Old", created_at=now - timedelta(days=3))
    called = own(maria, first_name="Called")
    make_activity(called, maria, activity_date=timezone.localdate().isoformat())
    stuck = own(maria, first_name="Stuck", status="qualified")
    make_activity(stuck, maria, activity_date="2999-01-01")
    own(maria, first_name="Sold", status="closed")
    make_follow_up(own(other, first_name="Theirs", status="contacted"), other)
    Consent.objects.record(due.pk, {"channel": "call", "state": "revoked", "wording": None, "evidence": None}, SOMEBODY)

    html = page(browser, HOME)
    first, second, third = panels(html)
    assert first.index("Late") < first.index("Due")
    assert ("Overdue" in first, "Later" in first, "Theirs" in html) == (True, False, False)
    assert ("tel:+15550100" in html, "Consent revoked" in first) == (False, True)
    assert second.index("Old") < second.index("Young")
    assert "Called" not in second
    assert ["Called" in third, "Stuck" in third, "Sold" in third, "Old" in third, "Due" in third] == [
        *(True, True, False, False, False)
    ]
    assert "Leads by status" not in html

    office = page(manager, HOME)
    assert "Leads by status" in office
    assert "Today of" in office
    assert all(name in panels(office)[0] for name in ("Theirs", "Due", "Other Agent"))
    of_one = page(manager, f"{HOME}?agent={other.pk}")
    assert ["Theirs" in panels(of_one)[0], "Due" in panels(of_one)[0]] == [True, False]
    for wrong in ("x", "9" * 30, "-1"):
        assert "Theirs" in panels(page(manager, f"{HOME}?agent={wrong}"))[0]


def test_nothing_to_do(browser: Client) -> None:
    text = visible_text(page(browser, HOME))
    for words in ("Nothing is due.", "All new leads were contacted.", "Every open lead has a next step."):
        assert words in text


def test_the_number_of_queries_is_constant(browser: Client, maria: User) -> None:
    page(browser, HOME)
    costs = []
    for rows in (1, 10):
        for _ in range(rows):
            make_follow_up(own(maria), maria)
            own(maria)
            own(maria, status="contacted")
        with statements() as run:
            page(browser, HOME)
        costs.append(len([sql for sql in run if "statement_timeout" not in sql]))
    # session, user, second factor; the sidebar; permissions of user and groups, whether a manager; three lists and
    # counts; consents
    assert costs[0] == costs[1] <= 16


def test_one_save_finishes_logs_and_plans(browser: Client, maria: User) -> None:
    lead, tomorrow = own(maria), (timezone.localdate() + timedelta(days=1)).isoformat()
    follow_up = make_follow_up(lead, maria, kind="viewing")
    link = f"/admin/leads/lead/{lead.pk}/log/?back=today&amp;follow_up={follow_up.pk}"
    assert link in page(browser, HOME)
    form = open_form(browser, link.replace("&amp;", "&"), "log_form")
    assert (form["activity_type"], form["status"], form["back"]) == ("viewing", "new", "today")
    entries = {"title": "Reached", "notes": "Wants a garden", "status": "contacted", "next_on": tomorrow}
    reply = browser.post(f"/admin/leads/lead/{lead.pk}/log/", form | entries | {"next_time": "09:30"})
    assert (reply.status_code, reply["Location"]) == (302, HOME)
    follow_up.refresh_from_db()
    lead.refresh_from_db()
    activity, planned = Activity.objects.get(), FollowUp.objects.open().get()
    assert follow_up.done_at is not None
    assert follow_up.activity_id == activity.pk
    assert (activity.title, activity.notes, lead.status) == ("Reached", "Wants a garden", "contacted")
    assert (planned.title, planned.due_on.isoformat(), planned.due_time) == ("Call", tomorrow, "09:30")
    assert planned.assignee_id == maria.pk
    again = browser.post(f"/admin/leads/lead/{lead.pk}/log/", form | entries, follow=True)
    assert "done already" in again.content.decode()
    assert Activity.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"next_title": "Call again"}, "Enter a valid date"),
        ({"next_on": "2020-01-01"}, "That day is over."),
        ({"next_on": "2999-01-01", "next_time": "9"}, "valid time"),
        ({"activity_date": "2999-01-01"}, "Plan a follow-up instead."),
        ({"title": ""}, "This field is required."),
    ],
    ids=str,
)
def test_an_error_stores_nothing_and_loses_nothing(
    browser: Client, maria: User, changed: dict[str, str], error: str
) -> None:
    lead = own(maria)
    for path, prefix in ((f"/admin/leads/lead/{lead.pk}/log/", ""), (f"/admin/leads/lead/{lead.pk}/change/", "log-")):
        form = open_form(browser, f"/admin/leads/lead/{lead.pk}/change/") | {"phone": "999", "status": "contacted"}
        entries = {"activity_type": "call", "title": "Reached", "notes": "My words", "activity_date": "2026-11-01"}
        form |= {f"{prefix}{name}": value for name, value in {**entries, **changed}.items()}
        html = browser.post(path, form).content.decode()
        assert error in html
        assert "My words" in html
        assert ('value="999"' in html) == bool(prefix)
    lead.refresh_from_db()
    assert (lead.version, Activity.objects.count(), FollowUp.objects.count()) == (1, 0, 0)


def test_the_page_of_a_lead_saves_everything_together(browser: Client, maria: User) -> None:
    lead = own(maria)
    path = f"/admin/leads/lead/{lead.pk}/change/"
    entries = {
        **{"status": "qualified", "log-activity_type": "email", "log-title": "Sent comps", "log-next_on": "2999-01-02"},
        **{"log-activity_date": "2026-11-01", "log-next_title": "Ask for news", "log-next_kind": "email"},
        **{"consent-statement": "call:revoked", "consent-wording": "Email only"},
    }
    assert browser.post(path, open_form(browser, path) | entries | {"_save": "1"}).status_code == 302
    lead.refresh_from_db()
    assert (lead.status, lead.version, Activity.objects.get().title) == ("qualified", 2, "Sent comps")
    assert FollowUp.objects.get().kind == "email"
    html = page(browser, path)
    assert all(words in html for words in ("Ask for news", "2 Jan 2999", "Do not call", "Sent comps", maria.name))
    assert f"The lead revoked consent on {date_format(timezone.localdate())}: “Email only”" in html
    assert "Agreed to" not in html
    assert browser.post(path, open_form(browser, path) | {"_continue": "1"}).status_code == 302
    assert (Activity.objects.count(), Consent.objects.count()) == (1, 1)
    form = open_form(browser, path)
    assert "Choose what was said." in browser.post(path, form | {"consent-wording": "x"}).content.decode()
    Consent.objects.record(lead.pk, {"channel": "all", "state": "granted", "wording": None}, SOMEBODY)
    Consent.objects.record(lead.pk, {"channel": "text", "state": "revoked", "wording": None}, SOMEBODY)
    html = page(browser, path)
    assert "Agreed to: calls, emails" in html
    assert f"Do not text.</strong> The lead revoked consent on {date_format(timezone.localdate())}." in html
    last = {"log-title": "Wrong number", "log-activity_type": "call", "log-activity_date": "2026-11-02"}
    browser.post(path, form | last | {"_is_active": "False"})
    assert (Lead.objects.get(pk=lead.pk).is_active, Activity.objects.count()) == (False, 2)


def test_a_full_lead_loses_no_entries(browser: Client, maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.follow_ups.querysets.MAX_FOLLOW_UPS", 0)
    lead = own(maria)
    path = f"/admin/leads/lead/{lead.pk}/change/"
    entries = {"phone": "999", "log-activity_type": "call", "log-title": "Reached", "log-activity_date": "2026-11-01"}
    html = browser.post(path, open_form(browser, path) | entries | {"log-next_on": "2999-01-01"}).content.decode()
    assert all(words in html for words in ("at most 2,000 follow-ups", 'value="Reached"', 'value="999"'))
    assert (Activity.objects.count(), Lead.objects.get(pk=lead.pk).version) == (0, 1)


def test_a_new_lead_that_looks_like_a_stored_one(browser: Client) -> None:
    stored = make_lead(first_name="Ada", email="ada@example.com")
    path = "/admin/leads/lead/add/"
    form = open_form(browser, path) | {"first_name": "Ada", "email": "ADA@example.com"}
    html = browser.post(path, form).content.decode()
    assert "Not saved yet: there is a lead that may be the same person." in html
    assert f"/admin/leads/lead/{stored.pk}/change/" in html
    assert Lead.objects.count() == 1
    assert browser.post(path, fields_in(html) | {"_store_anyway": "1"}).status_code == 302
    assert Lead.objects.count() == 2


def test_a_follow_up_that_is_done_already_loses_no_entries(browser: Client, maria: User) -> None:
    lead = own(maria)
    follow_up = make_follow_up(lead, maria)
    path = f"/admin/leads/lead/{lead.pk}/log/?follow_up={follow_up.pk}"
    form = open_form(browser, path, "log_form") | {"title": "Second tab", "notes": "A long call"}
    assert browser.post(path, {"follow_up": follow_up.pk, "activity_type": "call"}).status_code == 302
    reply = browser.post(f"/admin/leads/lead/{lead.pk}/log/", form)
    assert "This follow-up is done already." in visible_text(reply.content.decode())
    again = fields_in(reply.content.decode(), "log_form")
    assert again["notes"] == "A long call"
    assert browser.post(f"/admin/leads/lead/{lead.pk}/log/", again).status_code == 302
    assert Activity.objects.get().title == "Second tab"


def test_moving_and_deleting_a_follow_up(browser: Client, maria: User) -> None:
    lead, other = own(maria), make_user()
    follow_up = make_follow_up(lead, maria)
    path = f"/admin/leads/lead/{lead.pk}/follow-ups/{follow_up.pk}/"
    assert path in page(browser, f"/admin/leads/lead/{lead.pk}/change/")
    form = open_form(browser, path, "follow_up_form")
    assert "Enter" in browser.post(path, form | {"due_on": "x"}).content.decode()
    changed = form | {"due_on": "2027-05-06", "due_time": "", "assignee_id": str(other.pk)}
    assert browser.post(path, changed).status_code == 302
    follow_up.refresh_from_db()
    assert (follow_up.due_on.isoformat(), follow_up.due_time, follow_up.assignee_id) == ("2027-05-06", "", other.pk)
    staff = browser_of("staff")
    assert staff.post(path, {"_delete": "1"}).status_code == 403
    assert staff.get(f"/admin/leads/lead/{lead.pk}/log/?follow_up={follow_up.pk}").status_code == 404
    for client, may in ((browser, True), (staff, False)):  # nobody is offered what is not allowed
        html = page(client, f"/admin/leads/lead/{lead.pk}/change/")
        assert "Open follow-ups" in html
        assert (path in html, f"?follow_up={follow_up.pk}" in html) == (may, may)
    assert browser.post(path, {"_delete": "1"}).status_code == 302
    assert not FollowUp.objects.exists()
    for wrong in ("999999", "x", "9" * 30):
        assert browser.get(f"/admin/leads/lead/{lead.pk}/log/?follow_up={wrong}").status_code == 404


def test_lists_that_take_too_long_are_not_shown(browser: Client, maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    make_follow_up(make_lead(first_name="Due"), maria, days=0)

    @contextmanager
    def too_long(milliseconds: int) -> Iterator[None]:
        yield
        raise SearchTimeout

    monkeypatch.setattr(today, "statement_timeout", too_long)
    text = visible_text(page(browser, HOME))
    assert text.count("There are too many to look through.") == 3
    assert "Follow-ups: overdue and today 1" in text


def test_the_list_shows_the_next_follow_up_and_filters_by_it(browser: Client, maria: User) -> None:
    leads = {name: make_lead(first_name=name) for name in ("Due", "Late", "Later", "Done", "Unplanned")}
    for name, days in (("Due", 0), ("Late", -2), ("Late", 3), ("Later", 30), ("Done", 0)):
        make_follow_up(leads[name], maria, days=days)
    FollowUp.objects.filter(lead=leads["Done"]).update(done_at=timezone.now())
    late = timezone.localdate() - timedelta(days=2)
    html = page(browser, "/admin/leads/lead/")
    assert visible_text(html).count("next: ") == 3
    assert f'<span class="crm-below crm-overdue">next: {date_format(late)}</span>' in html
    found = {
        due: {name for name in leads if f">{name} " in page(browser, f"/admin/leads/lead/?due={due}")}
        for due in ("overdue", "today", "week", "none", "never")
    }
    assert found == {
        "overdue": {"Late"},
        "today": {"Due"},
        "week": {"Due"},
        "none": {"Done", "Unplanned"},
        "never": set(),
    }
