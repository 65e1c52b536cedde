"""The counts that PostgreSQL's triggers store equal a recount of the leads after every kind of write."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from activities.models import Activity
from dashboard.queries import Periods, StatusCount, count_leads, stored_counts
from leads.models import Lead, LeadCount
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import activity_row, bearer, lead_row, make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite stores no counts")

NOW = datetime.now(UTC)
SINCE = Periods(week=NOW - timedelta(days=7), month=NOW - timedelta(days=20))


def figures(counts: Sequence[StatusCount]) -> dict[str, Any]:
    return {
        "by status": {count.status: (count.leads, count.activities) for count in counts if count.leads},
        "new": sum(count.new for count in counts),
        "closed": sum(count.closed for count in counts),
    }


def checked_figures() -> dict[str, Any]:
    """Return the stored figures, after comparing them with a recount."""
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    since = Periods(*(moment.replace(**midnight) for moment in SINCE))  # type: ignore[arg-type]
    stored = figures(stored_counts(since))
    assert stored == figures(count_leads(since))
    return stored


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def fold() -> None:
    sql("SELECT leads_fold_counts()")


@pytest.mark.django_db
def test_every_kind_of_write(api: Api, agent: User) -> None:
    assert checked_figures() == {"by status": {}, "new": 0, "closed": 0}
    first = api.post("/api/leads", lead_row()).json()["id"]
    assert checked_figures() == {"by status": {"new": (1, 0)}, "new": 1, "closed": 0}
    assert api.post("/api/leads", [lead_row(status=s) for s in ("new", "closed", "odd", "odd")]).status_code == 201
    assert checked_figures()["by status"] == {"new": (2, 0), "closed": (1, 0), "odd": (2, 0)}
    api.post(f"/api/leads/{first}/activities", activity_row())
    api.post(f"/api/leads/{first}/activities", [activity_row()] * 3)
    assert checked_figures()["by status"]["new"] == (2, 4)
    api.put(f"/api/leads/{first}", {"status": "closed", "first_name": "Eve"})
    assert checked_figures() == {"by status": {"new": (1, 0), "closed": (2, 4), "odd": (2, 0)}, "new": 5, "closed": 2}
    api.put(f"/api/leads/{first}", {"status": "lost"})
    assert checked_figures()["closed"] == 1
    api.delete(f"/api/leads/{first}")
    assert checked_figures() == {"by status": {"new": (1, 0), "closed": (1, 0), "odd": (2, 0)}, "new": 4, "closed": 1}
    Lead.objects.filter(pk=first).update(is_active=True)
    assert checked_figures()["by status"]["lost"] == (1, 4)
    sql("UPDATE leads_lead SET created_at = created_at - interval '30 days', status = 'odd' WHERE status <> 'closed'")
    assert checked_figures() == {"by status": {"closed": (1, 0), "odd": (4, 4)}, "new": 1, "closed": 1}
    Activity.objects.all().delete()
    sql("DELETE FROM leads_lead WHERE status = 'odd'")
    assert checked_figures() == {"by status": {"closed": (1, 0)}, "new": 1, "closed": 1}
    sql("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE leads_lead CASCADE")
    assert checked_figures() == {"by status": {}, "new": 0, "closed": 0}


@pytest.mark.django_db
def test_rolled_back_writes_are_not_counted() -> None:
    make_lead()
    with transaction.atomic():
        make_lead()
        transaction.set_rollback(True)
    assert checked_figures()["new"] == 1


@pytest.mark.django_db
def test_folding_leaves_one_row_per_key_and_the_same_sums(agent: User) -> None:
    for place in range(30):
        lead = make_lead(status=("new", "closed")[place % 2])
        make_activity(lead, agent)
    Lead.objects.filter(status="closed").update(is_active=False)
    before = checked_figures()
    for _ in range(2):
        fold()
        assert checked_figures() == before
        keys = list(LeadCount.objects.values_list("kind", "status", "day"))
        assert (
            len(keys) == len(set(keys)) == 2
        )  # new leads by status, and leads created today; rows that sum to zero are deleted


@pytest.mark.usefixtures("concurrent_db")
@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_blocks_no_writer() -> None:
    def quick() -> None:
        with transaction.atomic():
            sql("SET LOCAL lock_timeout = '2s'")
            make_lead()
            fold()

    make_lead()
    with transaction.atomic():
        make_lead()
        fold()
        together(quick, quick)
    assert checked_figures()["new"] == 4


@pytest.mark.usefixtures("concurrent_db")
@pytest.mark.django_db(transaction=True)
def test_concurrent_writers() -> None:
    api = partial(Api, bearer(make_user()))
    shared = [make_lead().pk for _ in range(4)]
    together(*(partial(_work, seed, api, shared) for seed in range(6)))
    assert sum(leads for leads, _ in checked_figures()["by status"].values()) > 6
    fold()
    checked_figures()


def _work(seed: int, api: Callable[[], Api], shared: list[int]) -> None:
    rng, own = random.Random(seed), api()
    for _ in range(25):
        lead = rng.choice(shared)
        rng.choice(
            (
                lambda: own.post("/api/leads", lead_row(status=rng.choice(("new", "closed")))),
                lambda: own.post("/api/leads", [lead_row() for _ in range(5)]),
                lambda lead=lead: own.put(f"/api/leads/{lead}", {"status": rng.choice(("new", "closed", "lost"))}),
                lambda lead=lead: own.post(f"/api/leads/{lead}/activities", activity_row()),
                lambda: own.delete(f"/api/leads/{own.post('/api/leads', lead_row()).json()['id']}"),
                fold,
            )
        )()
