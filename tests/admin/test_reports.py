"""The managers' reports: the figures on the page and in the CSV file, their filters, and who may see them."""

import csv
import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from activities.models import Activity
from leads.models import Lead
from tests.admin.lists import page, visible_text
from tests.admin.people import browser_of
from tests.conftest import Api, Case
from tests.factories import make_activity, make_lead, make_user
from tests.test_query_counts import statements
from users.models import User

pytestmark = pytest.mark.django_db

REPORTS = "/admin/reports/"
KINDS = ("activities", "sources", "stages", "response-times")


def rows(browser: Client, report: str, **parameters: Any) -> list[list[str]]:
    """Return the lines of the CSV file below its header."""
    reply = browser.get(REPORTS, {"report": report, "format": "csv", **parameters})
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(reply.content.decode("utf-8-sig").splitlines()))[1:]


def created(days_ago: int, **fields: Any) -> Lead:
    return make_lead(created_at=timezone.now() - timedelta(days=days_ago), **fields)


def test_activities_by_week_agent_and_type(manager: Client) -> None:
    monday = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
    ann, bob, lead = make_user(first_name="Ann"), make_user(first_name="Bob"), make_lead()
    gone = make_lead()
    for user, kind, day in (
        (ann, "call", 0),
        (ann, "call", -1),
        (ann, "call", -7),
        (ann, "email", 0),
        (bob, "call", 0),
    ):
        make_activity(lead, user, activity_type=kind, activity_date=(monday + timedelta(days=day)).isoformat())
    make_activity(gone, bob, activity_date=monday.isoformat())
    Lead.objects.filter(pk=gone.pk).update(is_active=False)
    make_activity(lead, bob, activity_date=(monday - timedelta(days=400)).isoformat())
    before = (monday - timedelta(days=7)).isoformat()
    assert rows(manager, "activities") == [
        [monday.isoformat(), ann.name, "call", "1"],
        [monday.isoformat(), ann.name, "email", "1"],
        [monday.isoformat(), bob.name, "call", "1"],
        [before, ann.name, "call", "2"],
    ]
    assert ann.name in visible_text(page(manager, REPORTS))


def test_sources(manager: Client) -> None:
    for status in ("new", "contacted", "negotiation", "closed", "lost"):
        created(3, source="Zillow", status=status)
    created(3, source="=1+1")
    created(400, source="Zillow")
    created(3, source="Zillow", is_active=False)
    assert rows(manager, "sources") == [
        ["Zillow", "5", "4", "2", "1", "1", "20.0"],
        ["'=1+1", "1", "0", "0", "0", "0", "0.0"],
    ]
    day = (timezone.localdate() - timedelta(days=400)).isoformat()
    assert rows(manager, "sources", first=day, last=day) == [["Zillow", "1", "0", "0", "0", "0", "0.0"]]
    assert [row[:2] for row in rows(manager, "sources", source="zillow")] == [["Zillow", "5"]]


def test_stages(manager: Client, api: Api) -> None:
    for days in (10, 20):
        assert api.put(f"/api/leads/{created(days).pk}", {"status": "contacted"}).status_code == 200
    lead = created(30, status="contacted")
    for status in ("closed", "contacted"):
        assert api.put(f"/api/leads/{lead.pk}", {"status": status}).status_code == 200
    created(1)
    shown = {row[0]: row[1:] for row in rows(manager, "stages")}
    assert shown["new"] == ["3", "1", "15.0"]
    assert shown["contacted"] == ["3", "3", "30.0"]
    assert shown["closed"] == ["1", "0", "0.0"]
    assert shown["lost"] == ["0", "0", ""]


def test_response_times(manager: Client) -> None:
    ann = make_user(first_name="Ann")
    for hours in (1, 2, 9):
        lead = created(5, source="web")
        Lead.objects.filter(pk=lead.pk).update(owner=ann)
        make_activity(lead, ann, activity_type="note")
        make_activity(lead, ann)
        Activity.objects.filter(lead=lead, activity_type="call").update(created_at=_later(lead, hours))
        Activity.objects.filter(lead=lead, activity_type="note").update(created_at=_later(lead, 0))
    created(5, source="web")
    assert sorted(rows(manager, "response-times")) == sorted(
        [[ann.name, "web", "3", "3", "2.0", "7.6"], ["nobody", "web", "1", "0", "", ""]]
    )
    assert rows(manager, "response-times", owner="none") == [["nobody", "web", "1", "0", "", ""]]


def _later(lead: Lead, hours: int) -> datetime:
    return lead.created_at + timedelta(hours=hours)


def test_leads_of_who_left_can_be_chosen(manager: Client) -> None:
    ann, bob, eve = (make_user(first_name=name, last_name="Sales") for name in ("Ann", "Bob", "Eve"))
    Lead.objects.filter(pk=created(3, source="fair").pk).update(owner=bob)
    Lead.objects.filter(pk=created(3, is_active=False).pk).update(owner=eve)
    User.objects.filter(pk__in=[bob.pk, eve.pk]).update(is_active=False)
    offered = re.findall(r'<option value="\d+">\s*(\w+ Sales[^<]*?)\s*</option>', page(manager, REPORTS))
    assert offered == [ann.name, "Bob Sales (deactivated)"]
    assert [row[:2] for row in rows(manager, "sources", owner=bob.pk)] == [["fair", "1"]]


@pytest.mark.parametrize("report", KINDS)
def test_the_number_of_queries_is_constant(manager: Client, report: str) -> None:
    def grow(number: int) -> int:
        for place in range(number):
            make_activity(created(2, source=f"source {report} {number} {place}"), make_user())
        with statements() as run:
            page(manager, f"{REPORTS}?report={report}")
        return len(run)

    grow(1)
    assert grow(1) == grow(6)


def test_bad_filters_are_explained(manager: Client, case: Case) -> None:
    for parameters in [
        {"first": "2026-02-30"},
        {"first": "2024-01-01", "last": "2026-01-01"},
        {"first": "2026-02-02", "last": "2026-02-01"},
        {"first": "9999-12-31", "last": "9999-12-31", "owner": "x"},
        {"owner": "9" * 30, "source": "a\0b"},
    ]:
        with case(parameters):
            for kind in KINDS:
                reply = manager.get(REPORTS, {"report": kind, "format": "csv", **parameters})
                assert reply.status_code == 200
                assert 'role="alert"' in reply.content.decode()


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar(manager: Client, day: date) -> None:
    for kind in KINDS:
        assert manager.get(REPORTS, {"report": kind, "first": day, "last": day}).status_code == 200


def test_only_managers_see_them(agent: User) -> None:
    manager, staff = browser_of("manager"), browser_of("staff")
    assert REPORTS in page(manager, "/admin/")
    assert REPORTS not in page(staff, "/admin/")
    assert staff.get(REPORTS).status_code == 403
