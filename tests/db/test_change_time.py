"""``change_time``: the database sets it with every write, and a reader knows up to when it has seen everything."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from crm_project.db import bulk
from crm_project.db.change_time import complete_until, drop_triggers, from_microseconds, to_microseconds
from leads.models import Lead
from tests.concurrency import shared_database, together
from tests.factories import lead_row, make_lead, make_leads

TABLE = "leads_lead"


def changed_since(time: int) -> set[int]:
    return set(Lead.objects.filter(change_time__gte=time).values_list("pk", flat=True))


def _raw(lead: Lead) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE leads_lead SET activity_count = activity_count WHERE id = %s", [lead.pk])


def _bulk_update(lead: Lead) -> None:
    lead.activity_count = 3
    bulk.update(Lead, [lead], ["activity_count"])


WRITES: dict[str, Callable[[Lead], Any]] = {
    "queryset": lambda lead: Lead.objects.filter(pk=lead.pk).update(status="lost"),
    "instance": lambda lead: lead.save(update_fields=["status"]),
    "whole instance": lambda lead: Lead.objects.get(pk=lead.pk).save(),
    "bulk update": _bulk_update,
    "addition": lambda lead: bulk.add(Lead, "activity_count", {lead.pk: 1}),
    "SQL": _raw,
    "of another table": lambda lead: Lead.objects.mark_changed([lead.pk]),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_every_change_moves_it(write: Callable[[Lead], Any]) -> None:
    lead, _ = make_lead(), make_lead()
    before = complete_until(TABLE)
    assert changed_since(before) == set()
    write(lead)
    assert changed_since(before) == {lead.pk}
    assert changed_since(complete_until(TABLE)) == set()


@pytest.mark.django_db(transaction=True)
def test_every_new_row_has_it() -> None:
    before = complete_until(TABLE)
    rows = [
        {"status": "new", "source": "", "budget_min": None, "budget_max": None, "property_interest": None, **lead_row()}
        for _ in range(3)
    ]
    made = {make_lead().pk, Lead.objects.create().pk, *(row["id"] for row in make_leads(rows))}
    assert changed_since(before) == made
    assert changed_since(complete_until(TABLE)) == set()


def test_times_are_microseconds() -> None:
    assert to_microseconds(from_microseconds(1_764_500_000_123_456)) == 1_764_500_000_123_456
    assert from_microseconds(0).isoformat() == "1970-01-01T00:00:00+00:00"


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_holds_the_time_back(tmp_path: Path) -> None:
    """What it commits later is found by whoever asks from that time on."""
    lead, other = make_lead(), make_lead()
    written, looked = Event(), Event()

    def slow() -> None:
        with transaction.atomic():
            Lead.objects.filter(pk=lead.pk).update(status="lost")
            written.set()
            assert looked.wait(30)

    def look() -> int:
        assert written.wait(30)
        if connection.vendor == "postgresql":  # SQLite lets nobody else write meanwhile
            Lead.objects.filter(pk=other.pk).update(status="lost")
        until = complete_until(TABLE)
        looked.set()
        return until

    with shared_database(tmp_path):
        _, until = together(slow, look)
        assert lead.pk in changed_since(until)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer")
def test_a_transaction_that_only_reads_does_not() -> None:
    reading, done = Event(), Event()

    def read() -> None:
        with transaction.atomic():
            Lead.objects.count()
            reading.set()
            assert done.wait(30)

    def write() -> int:
        assert reading.wait(30)
        make_lead()
        until = complete_until(TABLE)
        done.set()
        return until

    _, until = together(read, write)
    assert changed_since(until) == set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL rebuilds no table")
def test_sqlite_gets_its_triggers_back_after_a_migration() -> None:
    drop_triggers(connection, TABLE)
    call_command("migrate", verbosity=0)
    assert Lead.objects.get(pk=make_lead().pk).change_time
