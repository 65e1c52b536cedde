"""What ``export_leads --with-activities`` writes, ``import_activities`` reads back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from activities.models import Activity
from leads.models import Lead
from tests.activities.command import assert_counted, errors_of, import_activities
from tests.exporting.command import export_leads
from tests.factories import make_activity, make_lead, make_user
from tests.importing.command import counts
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["leads.jsonl", "leads.jsonl.gz", "leads.csv", "leads.csv.gz", "leads.xlsx"])
def test_our_own_export_is_read_back(tmp_path: Path, name: str) -> None:
    author = make_user(username="=odd, 'name'")
    lead, phone_only = make_lead(email="ann@example.com"), make_lead(email="")
    make_lead()
    texts = [None, "", "'", "=1+1", "'=1+1", 'two\r\n"lines"', "Zoë", "{}", "null", "0"]
    for number, notes in enumerate(texts):
        fields = {"title": f"+{notes or number}", "notes": notes, "duration": number or None}
        make_activity(phone_only if number % 3 == 0 else lead, author, **fields)
    Activity.objects.filter(lead=lead).update(created_at=datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    before = stored()
    export_leads(tmp_path / name, "--with-activities")
    Activity.objects.all().delete()
    Lead.objects.update(activity_count=0)
    path = tmp_path / (name if "jsonl" in name else name.replace("leads", "leads-activities"))
    assert counts(import_activities(path)) == (10, 10, 0, 0, 0)
    assert stored() == before
    assert_counted()


def stored() -> list[tuple[Any, ...]]:
    fields = ("title", "notes", "duration", "activity_type", "activity_date", "created_at", "lead_id", "user_id")
    return sorted(Activity.objects.values_list(*fields, "user_name"), key=repr)


def test_activities_that_do_not_fit_into_a_nested_export_are_told(tmp_path: Path, agent: User) -> None:
    lead = make_lead()
    good = {"user": agent.username, "activity_type": "call", "title": "a", "activity_date": "2024-01-01"}
    leads: list[dict[str, Any]] = [
        {"id": lead.pk, "email": lead.email, "activities": [good, {**good, "colour": "red"}, 5]},
        {"id": lead.pk, "activities": "none"},
        {"id": lead.pk, "activities": None},
    ]
    path = tmp_path / "leads.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, leads)))
    report = import_activities(path, "--on-error", "skip", code=3)
    assert counts(report) == (4, 1, 0, 0, 3)
    places = [(line, column) for line, column, _ in errors_of(report)]
    assert places == [(1, "colour"), (1, "activities"), (2, "activities")]
