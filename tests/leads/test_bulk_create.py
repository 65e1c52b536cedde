"""POST /api/leads with a list: all or nothing."""

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from leads import validators
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import lead_row

pytestmark = pytest.mark.django_db


def names(count: int) -> list[dict[str, Any]]:
    """Rows that differ by their first names, in no alphabetical order."""
    return [lead_row(first_name=f"{(n * 7919) % count}") for n in range(count)]


def test_it_works(api: Api) -> None:
    rows = [
        {
            "first_name": " Alice",
            "last_name": "Ng",
            "email": "alice@example.com",
            "phone": "+1-555-0101",
            "status": "Contacted",
            "source": "referral",
        },
        {"first_name": "Miguel", "last_name": "Ortiz", "email": "", "phone": "", "budget_min": "5", "budget_max": 9.0},
    ]
    reply = api.post("/api/leads", rows)
    assert reply.status_code == 201
    alice, miguel = reply.json()
    assert (alice["first_name"], alice["status"], alice["source"]) == ("Alice", "contacted", "referral")
    assert (miguel["first_name"], miguel["status"], miguel["source"]) == ("Miguel", "new", "website")
    assert (miguel["budget_min"], miguel["budget_max"], miguel["activity_count"]) == (5, 9, 0)
    assert [lead.first_name for lead in Lead.objects.order_by("id")] == ["Alice", "Miguel"]
    for out in (alice, miguel):
        assert api.get(f"/api/leads/{out['id']}").json() == out


def test_a_list_of_one_is_answered_by_a_list_of_one(api: Api) -> None:
    reply = api.post("/api/leads", [lead_row(first_name="Only")])
    assert reply.status_code == 201
    assert [row["first_name"] for row in reply.json()] == ["Only"]


def test_the_order_of_the_request_is_kept(api: Api) -> None:
    rows = names(500)
    out = api.post("/api/leads", rows).json()
    assert [row["first_name"] for row in out] == [row["first_name"] for row in rows]
    stored = dict(Lead.objects.values_list("id", "first_name"))
    assert [stored[row["id"]] for row in out] == [row["first_name"] for row in rows]


def test_leads_of_a_list_are_as_good_as_single_ones(api: Api) -> None:
    row = lead_row(first_name="Émile", phone="+1-555-0100", source="Open House", status="closed")
    single, bulk = api.post("/api/leads", row).json(), api.post("/api/leads", [row]).json()[0]
    derived = ("search", "source_key", "email_key", "person_key", "version", "is_active")
    one, other = (Lead.objects.values_list(*derived).get(pk=out["id"]) for out in (single, bulk))
    assert one == other
    assert Lead.objects.get(pk=bulk["id"]).closed_at == Lead.objects.get(pk=bulk["id"]).created_at
    assert {out["id"] for out in api.get("/api/leads", q="émile 5550100").json()} == {single["id"], bulk["id"]}


def test_bulk_and_single_creates_may_alternate(api: Api) -> None:
    made = [api.post("/api/leads", names(3)).json(), [api.post("/api/leads", lead_row()).json()]] * 2
    made += [api.post("/api/leads", names(2)).json(), [api.post("/api/leads", lead_row()).json()]]
    ids = {row["id"] for rows in made for row in rows}
    assert ids == set(Lead.objects.values_list("id", flat=True))
    assert len(ids) == 7


def test_ids_of_deleted_rows_are_not_given_out_again(api: Api) -> None:
    gone = [row["id"] for row in api.post("/api/leads", names(3)).json()]
    Lead.objects.all().delete()
    assert min(row["id"] for row in api.post("/api/leads", names(3)).json()) > max(gone)


def test_nothing_is_stored_unless_all_rows_are(api: Api) -> None:
    rows = names(50)
    rows[49]["email"] = "nonsense"
    assert refused(api.post("/api/leads", rows)) == [("value_error", ["body", 49, "email"])]
    assert not Lead.objects.exists()


def test_every_problem_of_every_row_is_told_with_its_index(api: Api) -> None:
    rows = [
        lead_row(),
        {**lead_row(), "email": "x", "budget_min": -1},
        {},
        "a string",
        lead_row(budget_min=2, budget_max=1),
        None,
        [lead_row()],
    ]
    assert refused(api.post("/api/leads", rows)) == [
        ("value_error", ["body", 1, "email"]),
        ("greater_than_equal", ["body", 1, "budget_min"]),
        ("missing", ["body", 2, "first_name"]),
        ("missing", ["body", 2, "last_name"]),
        ("missing", ["body", 2, "email"]),
        ("missing", ["body", 2, "phone"]),
        ("model_attributes_type", ["body", 3]),
        ("value_error", ["body", 4, "budget_max"]),
        ("model_attributes_type", ["body", 5]),
        ("model_attributes_type", ["body", 6]),
    ]
    assert not Lead.objects.exists()


@pytest.mark.parametrize(("bad", "reported", "rest"), [(100, 100, None), (101, 101, "1 more"), (250, 101, "150 more")])
def test_a_hundred_problems_are_told_and_the_rest_is_counted(
    api: Api, bad: int, reported: int, rest: str | None
) -> None:
    reply = api.post("/api/leads", [lead_row(email="x") for _ in range(bad)])
    found = refused(reply)
    assert len(found) == reported
    assert found[:100] == [("value_error", ["body", n, "email"]) for n in range(100)]
    assert (rest or "") in reply.json()["detail"][-1]["msg"]


def test_an_empty_list(api: Api) -> None:
    reply = api.post("/api/leads", [])
    assert reply.status_code == 400
    assert isinstance(reply.json()["detail"], str)


@pytest.mark.parametrize("rows", [[1], ["x", None], [[]], [True, {}]])
def test_a_list_of_anything_else(api: Api, rows: list[Any]) -> None:
    locs = [loc for _, loc in refused(api.post("/api/leads", rows))]
    assert ["body", 0] in locs
    assert not Lead.objects.exists()


@override_settings(BULK_MAX_ROWS=3)
def test_more_rows_than_allowed(api: Api) -> None:
    reply = api.post("/api/leads", names(4))
    assert reply.status_code == 413
    assert isinstance(reply.json()["detail"], str)
    assert not Lead.objects.exists()
    assert api.post("/api/leads", names(3)).status_code == 201


def test_ten_thousand_rows_in_a_handful_of_statements(api: Api) -> None:
    api.post("/api/leads", names(1)[0])  # the agent is known as somebody who creates leads
    rows = names(10_000)
    with CaptureQueriesContext(connection) as statements:
        reply = api.post("/api/leads", rows)
    assert reply.status_code == 201
    assert [row["first_name"] for row in reply.json()] == [row["first_name"] for row in rows]
    assert Lead.objects.count() == 10_001
    assert len(statements) <= 8
    assert api.post("/api/leads", [*rows, lead_row()]).status_code == 413
    assert Lead.objects.count() == 10_001


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bad", [{"budget_min": -5}, {"status": ""}, {"first_name": "x" * 151}])
def test_a_row_the_database_refuses_rolls_everything_back(
    api: Api, monkeypatch: pytest.MonkeyPatch, bad: dict[str, Any]
) -> None:
    if "first_name" in bad and connection.vendor == "sqlite":
        pytest.skip("SQLite stores text of any length in a column")
    real = validators.validate

    def blind(row: Any, **kwargs: Any) -> Any:
        """Lets a bad value by, which the database then stops."""
        clean, _ = real(row, **kwargs)
        return {**clean, **(bad if row["phone"] == "bad" else {})}, []

    monkeypatch.setattr(validators, "validate", blind)
    reply = api.post("/api/leads", [lead_row(), lead_row(phone="bad"), lead_row()])
    assert (reply.status_code, reply.json()) == (400, {"detail": "Bulk insert failed"})
    assert not Lead.objects.exists()
    assert api.post("/api/leads", [lead_row()]).status_code == 201
