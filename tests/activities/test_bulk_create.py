"""POST /api/leads/{lead_id}/activities with a list: all or nothing."""

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from activities.models import Activity
from activities.serializers import ActivityCreateSerializer
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import activity_row, make_lead
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(db: None) -> str:
    return f"/api/leads/{make_lead().pk}/activities"


def nothing_stored() -> bool:
    return not Activity.objects.exists() and not Lead.objects.filter(activity_count__gt=0).exists()


def test_it_works(api: Api, agent: User, path: str) -> None:
    rows = [
        {"activity_type": "Meeting", "title": "Property tour", "duration": 45, "activity_date": "2025-10-04"},
        {"activity_type": "call", "title": "Follow-up call", "activity_date": "2025-10-05"},
    ]
    reply = api.post(path, rows)
    assert reply.status_code == 201
    tour, call = reply.json()
    lead = Lead.objects.get()
    assert (tour["activity_type"], tour["title"], tour["duration"]) == ("meeting", "Property tour", 45)
    assert (call["title"], call["duration"], call["notes"]) == ("Follow-up call", None, None)
    assert {(row["lead_id"], row["user_id"], row["user_name"]) for row in (tour, call)} == {
        (lead.pk, agent.pk, "Agent One")
    }
    assert lead.activity_count == Activity.objects.filter(lead=lead).count() == 2
    assert api.get(path).json() == [call, tour]


def test_a_list_of_one_is_answered_by_a_list_of_one(api: Api, path: str) -> None:
    reply = api.post(path, [activity_row(title="Only")])
    assert reply.status_code == 201
    assert [row["title"] for row in reply.json()] == ["Only"]
    assert Lead.objects.get().activity_count == 1


def test_the_order_of_the_request_is_kept(api: Api, path: str) -> None:
    rows = [activity_row(title=str((n * 7919) % 500)) for n in range(500)]
    out = api.post(path, rows).json()
    assert [row["title"] for row in out] == [row["title"] for row in rows]
    stored = dict(Activity.objects.values_list("id", "title"))
    assert [stored[row["id"]] for row in out] == [row["title"] for row in rows]
    assert [row["id"] for row in api.get(path).json()] == sorted(stored, reverse=True)


def test_bulk_and_single_creates_may_alternate(api: Api, path: str) -> None:
    for body in ([activity_row()] * 3, activity_row(), [activity_row()] * 2, activity_row()):
        assert api.post(path, body).status_code == 201
    assert Lead.objects.get().activity_count == Activity.objects.count() == 7


def test_every_problem_of_every_row_is_told_with_its_index(api: Api, path: str) -> None:
    rows = [activity_row(), activity_row(title="", duration=-1), {}, "x", activity_row(activity_date="x")]
    assert refused(api.post(path, rows)) == [
        ("string_too_short", ["body", 1, "title"]),
        ("greater_than_equal", ["body", 1, "duration"]),
        ("missing", ["body", 2, "activity_type"]),
        ("missing", ["body", 2, "title"]),
        ("missing", ["body", 2, "activity_date"]),
        ("model_attributes_type", ["body", 3]),
        ("date_from_datetime_parsing", ["body", 4, "activity_date"]),
    ]
    assert nothing_stored()


def test_an_empty_list(api: Api, path: str) -> None:
    reply = api.post(path, [])
    assert reply.status_code == 400
    assert isinstance(reply.json()["detail"], str)


@override_settings(BULK_MAX_ROWS=2)
def test_more_rows_than_allowed(api: Api, path: str) -> None:
    assert api.post(path, [activity_row()] * 3).status_code == 413
    assert nothing_stored()
    assert api.post(path, [activity_row()] * 2).status_code == 201


def test_ten_thousand_rows_in_a_handful_of_statements(api: Api, path: str) -> None:
    with CaptureQueriesContext(connection) as statements:
        reply = api.post(path, [activity_row(title=str(n)) for n in range(10_000)])
    assert reply.status_code == 201
    assert [row["title"] for row in reply.json()] == [str(n) for n in range(10_000)]
    assert Lead.objects.get().activity_count == Activity.objects.count() == 10_000
    assert len(statements) <= 10


def test_no_such_lead(api: Api) -> None:
    gone = make_lead(is_active=False).pk
    for number in (gone, 999_999_999, 10**30):
        assert api.post(f"/api/leads/{number}/activities", [activity_row()] * 2).status_code == 404
    assert nothing_stored()


def test_a_row_the_database_refuses_rolls_everything_back(api: Api, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ActivityCreateSerializer.check

    def blind(serializer: ActivityCreateSerializer, row: Any) -> Any:
        """Lets a negative duration by, which the check constraint then stops."""
        clean, _ = real(serializer, row)
        return {**clean, "duration": row.get("duration")}, []

    monkeypatch.setattr(ActivityCreateSerializer, "check", blind)
    reply = api.post(path, [activity_row(), activity_row(duration=-5), activity_row()])
    assert (reply.status_code, reply.json()) == (400, {"detail": "Bulk insert failed"})
    assert nothing_stored()
    assert api.post(path, [activity_row()] * 2).status_code == 201
    assert Lead.objects.get().activity_count == 2
