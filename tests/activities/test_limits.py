"""A lead can have so many activities and so much text in them, through whatever entrance they come."""

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from activities.limits import FEW, MAX_ACTIVITIES, MAX_TOTAL_TEXT, TOO_LONG, TOO_MANY
from activities.models import Activity
from leads.merge import FIELDS
from leads.models import Lead
from tests.activities.command import assert_counted, errors_of, import_activities, write_activities
from tests.admin.conftest import boss as boss
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import activity_row, bearer, make_lead, make_user
from users.models import User

NOTES = "é" * 20_000  # 40,000 bytes
LONG = MAX_TOTAL_TEXT // 40_010  # activities with such notes that a lead has room for, and for 10,000 bytes more
ROOM = MAX_TOTAL_TEXT - LONG * 40_010


def fill(lead: Lead, user: User, count: int, notes: str | None = None) -> None:
    """Give a lead activities with titles of ten bytes, by one statement: thousands of model instances take seconds."""
    values = [
        count,
        lead.pk,
        user.pk,
        date(2026, 10, 3),
        connection.ops.adapt_datetimefield_value(timezone.now()),
        notes,
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)
            INSERT INTO activities_activity
                (lead_id, user_id, activity_date, created_at, notes, activity_type, title, user_name)
            SELECT %s, %s, %s, %s, %s, 'call', 'Intro call', 'Agent One' FROM numbers
            """,
            values,
        )
    Lead.objects.filter(pk=lead.pk).update(activity_count=Activity.objects.filter(lead=lead).count())


@pytest.fixture
def full(db: None, agent: User) -> Lead:
    """Return a lead with room for one activity."""
    lead = make_lead()
    fill(lead, agent, MAX_ACTIVITIES - 1)
    return lead


@pytest.fixture
def long(db: None, agent: User) -> Lead:
    """Return a lead with room for ``ROOM`` bytes of text."""
    lead = make_lead()
    fill(lead, agent, LONG, NOTES)
    return lead


def path(lead: Lead) -> str:
    return f"/api/leads/{lead.pk}/activities"


def test_activities_up_to_the_limit(api: Api, full: Lead) -> None:
    too_many = api.post(path(full), [activity_row(), activity_row()])
    assert (too_many.status_code, too_many.json()) == (409, {"detail": f"{TOO_MANY}; nothing was stored"})
    assert api.post(path(full), activity_row()).status_code == 201
    for body in (activity_row(), [activity_row()]):
        reply = api.post(path(full), body)
        assert (reply.status_code, reply.json()) == (409, {"detail": f"{TOO_MANY}; nothing was stored"})
    assert Lead.objects.get().activity_count == Activity.objects.count() == MAX_ACTIVITIES


@pytest.mark.parametrize("many", [False, True])
def test_text_up_to_the_limit(api: Api, long: Lead, many: bool) -> None:
    fits, too_long = (activity_row(title="Intro call", notes="x" * size) for size in (ROOM - 10, ROOM - 9))
    refused = api.post(path(long), [too_long] if many else too_long)
    assert (refused.status_code, refused.json()) == (409, {"detail": f"{TOO_LONG}; nothing was stored"})
    assert api.post(path(long), [fits] if many else fits).status_code == 201
    assert api.post(path(long), activity_row()).status_code == 409
    assert Lead.objects.get().activity_count == Activity.objects.count() == LONG + 1


@pytest.mark.django_db
def test_around_the_number_that_fits_whatever_the_text(api: Api) -> None:
    lead = make_lead()
    notes = "😀" * 200
    for body in ([activity_row(notes=notes)] * (FEW - 1), *[activity_row(notes=notes)] * 3):
        assert api.post(path(lead), body).status_code == 201
    assert Lead.objects.get().activity_count == Activity.objects.count() == FEW + 2


def test_a_lead_that_is_deleted_is_a_404_though_it_is_full(api: Api, full: Lead) -> None:
    Lead.objects.update(is_active=False)
    assert api.post(path(full), activity_row()).status_code == 404
    assert api.post(path(full), [activity_row()] * 2).status_code == 404


def test_an_import_reports_rows_that_find_no_room(full: Lead, agent: User, tmp_path: Path) -> None:
    other, fixed = make_lead(), tmp_path / "fixed.csv"
    row = ",,{user},call,Intro call,,,2026-10-03,"
    lines = [f"{lead.pk}{row.format(user=agent.username)}" for lead in (full, other, full, full, other)]
    file = write_activities(tmp_path, *lines)
    report = import_activities(file, code=1)
    assert errors_of(report) == [(line, "lead_id", TOO_MANY) for line in (4, 5)]
    import_activities(file, "--on-error", "skip", "--rejects", fixed, code=3)
    full.refresh_from_db()
    assert full.activity_count == MAX_ACTIVITIES
    assert fixed.read_text().count(TOO_MANY) == 2
    assert_counted()


def test_an_import_adds_its_own_text_up(long: Lead, agent: User, tmp_path: Path) -> None:
    size = ROOM // 3 - 10
    rows = [activity_row(title="Intro call", notes="x" * size, user=agent.username) for _ in range(1_200)]
    file = tmp_path / "leads.jsonl"  # the export of leads with their activities, in more than one batch
    empty = make_lead()
    leads = [{"id": empty.pk, "activities": [activity_row(user=agent.username)] * 1_000}]
    file.write_text("\n".join(json.dumps(lead) for lead in [*leads, {"id": long.pk, "activities": rows}]))
    report = import_activities(file, "--on-error", "skip", code=3)
    assert (report["created"], report["rejected"]) == (1_003, 1_197)
    assert {problem["reason"] for problem in report["problems"]} == {TOO_LONG}
    assert_counted()


def test_the_form_of_the_back_office_keeps_what_was_typed(boss: Client, full: Lead, agent: User) -> None:
    fill(full, agent, 1)
    form = activity_row(title="Called back", notes="left a message", duration="")
    reply = boss.post(reverse("admin:leads_lead_log", args=[full.pk]), form)
    shown = reply.content.decode()
    assert reply.status_code == 200
    for text in (TOO_MANY, "Please correct the errors below", "Called back", "left a message"):
        assert text in shown
    assert Activity.objects.count() == MAX_ACTIVITIES


def merge(browser: Client, survivor: Lead, other: Lead) -> str:
    """Merge two leads; what the page says then."""
    form: dict[str, Any] = {"ids": f"{survivor.pk},{other.pk}", "survivor": survivor.pk}
    form |= {f"version-{lead.pk}": lead.version for lead in (survivor, other)}
    form |= {f"from-{field}": survivor.pk for field in FIELDS}
    return browser.post(reverse("admin:leads_lead_merge"), form, follow=True).content.decode()


@pytest.mark.parametrize("kind", ["many", "long"])
def test_a_merge_that_would_be_too_much_is_refused(boss: Client, agent: User, kind: str) -> None:
    first, second, empty = make_lead(), make_lead(), make_lead()
    fill(first, agent, *(6_000,) if kind == "many" else (LONG // 2 + 1, NOTES))
    fill(second, agent, *(4_001,) if kind == "many" else (LONG // 2 + 1, NOTES))
    shown = merge(boss, first, second)
    assert "Nothing was merged" in shown
    assert (TOO_MANY if kind == "many" else TOO_LONG) in shown
    assert Lead.objects.active().count() == 3
    assert "merged into" in merge(boss, first, empty)
    assert_counted()


def test_a_lead_that_has_too_many_from_the_earlier_server_can_be_merged(boss: Client, agent: User) -> None:
    full, empty = make_lead(), make_lead()
    fill(full, agent, MAX_ACTIVITIES + 5)
    assert "merged into" in merge(boss, empty, full)
    empty.refresh_from_db()
    assert empty.activity_count == MAX_ACTIVITIES + 5


@pytest.mark.django_db
def test_a_large_reply_is_streamed_and_the_same(api: Api, agent: User, case: Case) -> None:
    for count, notes in [(1, "é"), (200, "é"), (201, "é\n"), (350, '"'), (205, NOTES)]:
        with case(count, notes):
            lead = make_lead()
            fill(lead, agent, count, notes)
            reply = api.get(path(lead))
            assert reply["Content-Type"] == "application/json"
            assert reply.streaming == (notes == NOTES)
            rows = json.loads(reply.getvalue())
            assert [row["id"] for row in rows] == list(Activity.objects.latest_first().values_list("pk", flat=True))
            assert {json.dumps({**row, "id": 0}) for row in rows} == {json.dumps({**rows[0], "id": 0})}
            assert rows[0]["notes"] == notes


@pytest.mark.usefixtures("concurrent_db")
@pytest.mark.parametrize("what", ["activities", "text"])
def test_writers_at_the_same_time_find_the_room_there_is(what: str) -> None:
    agent, lead = make_user(), make_lead()
    if what == "activities":
        fill(lead, agent, MAX_ACTIVITIES - 5)
        body, fitting = activity_row(), 5
    else:
        fill(lead, agent, LONG, NOTES)
        body, fitting = activity_row(title="Intro call", notes="x" * (ROOM // 3 - 10)), 3
    before = Activity.objects.count()

    def log(number: int) -> list[int]:
        api = Api(bearer(agent))
        return [api.post(path(lead), body if number % 2 else [body]).status_code for _ in range(3)]

    replies = [status for statuses in together(*(partial(log, number) for number in range(4))) for status in statuses]
    assert sorted(replies) == [201] * fitting + [409] * (12 - fitting)
    assert Lead.objects.get().activity_count == Activity.objects.count() == before + fitting
