"""The constraints and indexes of the database."""

from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from activities.models import Activity
from leads.models import Lead
from tests.conftest import Api, Case
from tests.factories import lead_row, make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


BAD_LEADS: list[dict[str, Any]] = [
    {"budget_min": -1},
    {"budget_max": -1},
    {"budget_min": 2, "budget_max": 1},
    {"status": ""},
    {"status": None},
    {"activity_count": -1},
    {"first_name": None},
    {"is_active": None},
    {"created_at": None},
]


def test_a_bad_lead(case: Case) -> None:
    for values in BAD_LEADS:
        with case(values):
            lead = make_lead()
            with pytest.raises(IntegrityError), transaction.atomic():
                Lead.objects.filter(pk=lead.pk).update(**values)
            with pytest.raises(IntegrityError), transaction.atomic():
                Lead.objects.create(**{**lead_row(), **values})
            assert Lead.objects.get().updated_at == lead.updated_at


@pytest.mark.parametrize(
    "values", [{"budget_min": 0, "budget_max": 0}, {"budget_min": 2**63 - 1}, {"budget_max": 0}, {"activity_count": 0}]
)
def test_a_good_lead(values: dict[str, Any]) -> None:
    lead = Lead.objects.create(**{**lead_row(), **values})
    assert Lead.objects.filter(pk=lead.pk, **values).exists()


@pytest.mark.parametrize("values", [{"title": ""}, {"activity_type": ""}, {"duration": -1}, {"activity_date": None}])
def test_a_bad_activity(values: dict[str, Any]) -> None:
    activity = make_activity(make_lead(), make_user())
    with pytest.raises(IntegrityError), transaction.atomic():
        Activity.objects.update(**values)
    assert Activity.objects.get().title == activity.title


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("column", ["lead_id", "user_id"])
def test_an_activity_belongs_to_a_lead_and_a_user(column: str) -> None:
    own = {"lead_id": make_lead().pk, "user_id": make_user().pk, column: 999_999_999}
    with pytest.raises(IntegrityError):
        Activity.objects.create(**own, activity_type="call", title="x", activity_date=date(2026, 1, 1))
    assert not Activity.objects.exists()


@pytest.mark.parametrize("fields", [{"username": "ÉMILE"}, {"username": "e\u0301mile"}, {"email": "É@Example.COM"}])
def test_names_that_differ_only_in_case(fields: dict[str, str]) -> None:
    make_user(username="émile", email="é@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(**fields)
    assert User.objects.count() == 1


def test_users_without_an_address_do_not_collide() -> None:
    make_user(email="")
    make_user(email="")
    assert User.objects.filter(email_key=None).count() == 2


def test_a_user_s_name_is_not_empty() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(username="")
    assert not User.objects.exists()


FOR_ACTIVE_LEADS = {
    "leads_newest",
    "leads_by_status",
    "leads_by_source",
    "leads_closed",
    "leads_email_key",
    "leads_person_key",
    "leads_updated",
    "leads_named",
    "leads_by_author",
    "leads_by_owner",
    "leads_unowned",
    "leads_tagged",
}
LEADS = FOR_ACTIVE_LEADS | {
    "leads_deleted_updated",
    "leads_deleted_named",
    "leads_changed",
    "leads_deleted",
    "leads_merged_into",
    "leads_by_import_run",
    "leads_higher_budget",
    "leads_lower_budget",
}
ACTIVITIES = {"activities_of_lead", "activities_latest", "activities_of_user", "activities_of_type"}


def indexes(table: str) -> dict[str, str]:
    """Return the name and definition of each index of a table, in lower case and without quotation marks."""
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = %s"
    if connection.vendor == "postgresql":
        sql = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [table])
        return {name: text.lower().replace('"', "") for name, text in cursor.fetchall()}


def test_the_indexes_of_leads() -> None:
    got = indexes("leads_lead")
    own = {"leads_search", "leads_by_tag"} if connection.vendor == "postgresql" else {"leads_counted"}
    assert set(got) - {"leads_lead_pkey"} == LEADS | own
    assert all("where" in got[name] and "is_active" in got[name] for name in FOR_ACTIVE_LEADS | own)
    assert "created_at desc, id desc" in got["leads_newest"]
    assert "status, created_at desc, id desc" in got["leads_by_status"]
    assert "source_key, created_at desc, id desc" in got["leads_by_source"]
    assert "not null" in got["leads_closed"]
    assert "coalesce(budget_max, budget_min)" in got["leads_higher_budget"].replace('"', "")
    assert "coalesce(budget_min, budget_max)" in got["leads_lower_budget"].replace('"', "")


def test_the_indexes_of_activities() -> None:
    got = indexes("activities_activity")
    assert set(got) - {"activities_activity_pkey"} == ACTIVITIES
    assert "lead_id, activity_date desc, created_at desc, id desc" in got["activities_of_lead"]
    assert "activity_date desc, created_at desc, id desc" in got["activities_latest"]
    assert "user_id, activity_date desc" in got["activities_of_user"]


def test_the_indexes_of_the_history() -> None:
    got = indexes("leads_leadchange")
    assert set(got) - {"leads_leadchange_pkey"} == {"changes_of_lead"}
    assert "lead_id, id desc" in got["changes_of_lead"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("users_loginfailure", {"failures_at_address", "failures_of_name", "failures_by_time"}),
        ("users_registration", {"registrations_at_address", "registrations_by_time"}),
    ],
)
def test_the_indexes_of_what_is_counted_by_address(table: str, expected: set[str]) -> None:
    got = indexes(table)
    assert set(got) - {f"{table}_pkey"} == expected
    assert all("(address, " in text for name, text in got.items() if name.endswith("_at_address"))


def test_the_indexes_of_idempotency_keys() -> None:
    got = indexes("http_idempotencykey")
    unique = {"http_idempotency_key"} if connection.vendor == "postgresql" else set()  # SQLite makes its own, unnamed
    assert set(got) - {"http_idempotencykey_pkey"} == {"http_idempotency_created"} | unique


def test_the_trigram_index_serves_searches() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no trigrams and scans")
    assert "using gin (search gin_trgm_ops)" in indexes("leads_lead")["leads_search"]
    Lead.objects.bulk_create(Lead(**lead_row(), search=f"person {number} person") for number in range(3000))
    with connection.cursor() as cursor:
        # As autovacuum would do it: fresh entries wait in a list that makes the index look dear.
        cursor.execute("SELECT gin_clean_pending_list('leads_search')")
        cursor.execute("ANALYZE leads_lead")
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Lead.objects.active().search(["person", "2999"]).order_by().explain()
    assert "leads_search" in plan


def test_the_list_s_order_comes_from_an_index() -> None:
    Lead.objects.bulk_create(Lead(**lead_row()) for _ in range(200))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Lead.objects.active().newest_first()[:10].explain()
    assert "leads_newest" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_no_model_has_changed_without_a_migration(api: Api) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    assert api.get("/api/dashboard").status_code == 200
