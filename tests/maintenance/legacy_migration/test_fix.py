"""Invalid rows of the earlier server: all are listed, and ``--fix`` corrects them as its help says."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from activities.models import Activity
from leads.models import ImportRun, Lead
from tests.maintenance.legacy_migration.earlier import HASH, Earlier, activity, import_legacy, lead, user
from users.models import User

pytestmark = pytest.mark.django_db

MODELS: dict[str, Any] = {"users": User, "leads": Lead, "activities": Activity}
ROWS: dict[str, Any] = {"users": user, "leads": lead, "activities": activity}
CREATED = datetime(2025, 10, 7, 18, 11, 0, 1, tzinfo=UTC)
UPDATED = datetime(2025, 10, 9, 8, tzinfo=UTC)

# The table, the invalid values of a row with id 20, and what --fix stores.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("users", {"username": "ab"}, {"username": "ab-20"}),
    ("users", {"username": ""}, {"username": "user-20"}),
    ("users", {"username": "x" * 151}, {"username": "x" * 150}),
    ("users", {"username": "AGENT1"}, {"username": "AGENT1-20"}),
    ("users", {"email": "nowhere"}, {"email": "", "email_key": None}),
    ("users", {"email": "A1@Example.com"}, {"email": "", "email_key": None}),
    ("users", {"first_name": None}, {"first_name": ""}),
    ("users", {"last_name": "a\0b"}, {"last_name": "ab"}),
    ("users", {"created_at": None}, {}),
    ("leads", {"email": "at home"}, {"email": "", "property_interest": "2BR condo\nE-mail: at home"}),
    ("leads", {"email": "at home", "property_interest": None}, {"email": "", "property_interest": "E-mail: at home"}),
    ("leads", {"email": None}, {"email": "", "property_interest": "2BR condo"}),
    ("leads", {"phone": "5" * 65}, {"phone": "5" * 64}),
    ("leads", {"first_name": b"J\xf6rg"}, {"first_name": "J\N{REPLACEMENT CHARACTER}rg"}),
    ("leads", {"budget_min": 9, "budget_max": 3}, {"budget_min": 3, "budget_max": 9}),
    ("leads", {"budget_min": -1}, {"budget_min": None}),
    ("leads", {"budget_max": 450000.6}, {"budget_max": 450001}),
    ("leads", {"budget_max": 1e30}, {"budget_max": None}),
    ("leads", {"budget_max": "plenty"}, {"budget_max": None}),
    ("leads", {"status": "s" * 40}, {"status": "s" * 32}),
    ("leads", {"status": None}, {"status": "new"}),
    ("leads", {"source": "s" * 65}, {"source": "s" * 64}),
    ("leads", {"is_active": None}, {"is_active": False}),
    ("leads", {"created_at": "last week"}, {"created_at": UPDATED}),
    ("leads", {"updated_at": None, "status": "closed"}, {"updated_at": CREATED, "closed_at": CREATED}),
    ("leads", {"property_interest": "x" * 20_001}, {"property_interest": "x" * 20_000}),
    ("activities", {"title": " "}, {"title": "call"}),
    ("activities", {"title": None, "activity_type": ""}, {"title": "note", "activity_type": "note"}),
    ("activities", {"activity_date": "2025-13-01"}, {"activity_date": date(2025, 10, 7)}),
    ("activities", {"activity_date": "2025-10-02 14:30:00"}, {"activity_date": date(2025, 10, 2)}),
    ("activities", {"created_at": "soon"}, {"created_at": datetime(2025, 10, 3, tzinfo=UTC)}),
    ("activities", {"duration": -5}, {"duration": None}),
    ("activities", {"duration": 7.5}, {"duration": 8}),
    ("activities", {"user_name": ""}, {"user_name": "Agent One"}),
    ("activities", {"notes": "a\0b"}, {"notes": "ab"}),
]


@pytest.mark.parametrize(("table", "invalid", "fixed"), CASES)
def test_an_invalid_row_is_rejected_or_fixed(
    loose: Earlier, table: str, invalid: dict[str, Any], fixed: dict[str, Any]
) -> None:
    other = {"username": "other", "email": "other@example.com"} if table == "users" else {}
    loose.add(table, ROWS[table](id=20, **{**other, **invalid}))
    report = import_legacy(loose.url, code=1)
    assert (report["state"], report["rejected"]) == ("refused", 4)
    rows = {(problem["table"], problem["id"]) for problem in report["problems"]}
    columns = {problem["column"] for problem in report["problems"]}
    assert rows == {(table, 20)}
    assert columns <= invalid.keys()
    assert not any(model.objects.exists() for model in MODELS.values())

    report = import_legacy(loose.url, "--fix")
    changed = [change for change in report["changes"] if change["column"] != "activity_count"]
    assert {change["column"] for change in changed} == columns
    row = MODELS[table].objects.get(pk=20)
    assert {name: getattr(row, name) for name in fixed} == fixed


def test_every_problem_of_every_row_is_reported(loose: Earlier) -> None:
    loose.add("users", user(id=2, username="AGENT1", email="nope"))
    loose.add("leads", *(lead(id=n, email="nope", budget_min=-1) for n in range(100, 1300)))
    loose.add("activities", activity(id=9, lead_id=999_999, title=""))
    report = import_legacy(loose.url, code=1)
    assert report["problem_count"] == len(report["problems"]) == 2 + 2400 + 2
    assert report["problems"][-2] == {
        "table": "activities",
        "id": 9,
        "column": "lead_id",
        "value": 999_999,
        "reason": "there is no such lead",
    }
    assert len(ImportRun.objects.get(pk=report["run"]).problems) == 1000


def test_orphans_are_left_out(loose: Earlier) -> None:
    loose.add("activities", activity(id=30, lead_id=999), activity(id=31, user_id=None), activity(id=32, user_id=9))
    report = import_legacy(loose.url, "--fix")
    assert (report["read"], report["created"], report["skipped"]) == (6, 3, 3)
    assert [(c["id"], c["after"]) for c in report["changes"]] == [(n, "(left out)") for n in (30, 31, 32)]
    assert [line["verdict"] for line in report["reconciliation"] if line["what"] == "activities"] == ["DIFFERENT"]
    assert Lead.objects.get().activity_count == Activity.objects.count() == 1


@pytest.mark.parametrize("recorded", [0, 5, -2, None, "many"])
def test_activities_are_recounted(loose: Earlier, recorded: Any) -> None:
    loose.add("leads", lead(id=20, activity_count=recorded)).add("activities", activity(id=20, lead_id=20))
    report = import_legacy(loose.url)
    assert Lead.objects.get(pk=20).activity_count == 1
    assert {change["id"] for change in report["changes"]} == {20}
    assert report["reconciliation"][-1]["here"] == 2


@pytest.mark.parametrize(
    ("hashed", "usable"),
    [(HASH, True), ("$2b$12$" + "a" * 53, True), ("plain text", False), ("", False), (None, False), ("x" * 129, False)],
)
def test_unsupported_password_hashes(loose: Earlier, hashed: str | None, usable: bool) -> None:
    loose.add("users", user(id=20, username="other", email="o@example.com", hashed_password=hashed))
    assert import_legacy(loose.url, code=0 if usable else 1)["problem_count"] == (not usable)
    if not usable:
        import_legacy(loose.url, "--fix")
    assert User.objects.get(pk=20).has_usable_password() is usable


@pytest.mark.parametrize("invalid", [None, 0, -3, "seven", 7])
def test_rows_without_a_unique_id_cannot_be_fixed(loose: Earlier, invalid: Any) -> None:
    loose.add("leads", lead(id=invalid))
    report = import_legacy(loose.url, "--fix", code=1)
    assert [(p["table"], p["column"], p["value"]) for p in report["problems"]] == [("leads", "id", invalid)]
    assert not Lead.objects.exists()


def test_the_lowest_id_keeps_the_username(loose: Earlier) -> None:
    loose.add("users", *(user(id=n, username=name, email=f"u{n}@example.com") for n, name in enumerate(
        ("AGENT1", "agent1-2", "Agent1"), start=2
    )))  # fmt: skip
    import_legacy(loose.url, "--fix")
    assert list(User.objects.order_by("pk").values_list("username", flat=True)) == [
        "agent1",
        "AGENT1-2",
        "agent1-2-3",
        "Agent1-4",
    ]


def test_times_with_a_zone_become_utc(loose: Earlier) -> None:
    loose.add("leads", lead(id=20, created_at="2025-10-07T20:00:00+02:00"))
    import_legacy(loose.url)
    assert Lead.objects.get(pk=20).created_at == datetime(2025, 10, 7, 18, tzinfo=UTC)
