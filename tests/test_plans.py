"""Query plans: no frequent request, and no page of the back office, makes PostgreSQL read all leads or activities."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activities.reminders import message_to
from dashboard.reports import figures
from leads.models import Lead
from tests.conftest import Api
from tests.factories import make_user
from users.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="plans are PostgreSQL's"),
]

LARGE = ("leads_lead", "activities_activity", "activities_followup", "leads_consent", "leads_leadchange")
LEADS = 20_000  # over 139 days, so that "14 days without an activity" is about most of them
FILL_LEADS = f"""
INSERT INTO leads_lead (first_name, last_name, email, phone, status, source, budget_min, budget_max, property_interest,
    is_active, created_at, updated_at, activity_count, version, closed_at, search, source_key, email_key, person_key,
    name_key, owner_id, tags, tag_keys)
SELECT 'Ada', 'Number' || n, 'ada' || n || '@example.com', '+1-555-' || n,
    (ARRAY['new', 'new', 'new', 'contacted', 'closed', 'lost'])[1 + n % 6],
    (ARRAY['Website', 'Website', 'Zillow'])[1 + n % 3], n % 900 * 1000, n % 900 * 1000 + 50000, NULL,
    n % 25 <> 0, now() - ({LEADS} - n) * interval '10 minutes', now(), 2, 1, NULL,
    'ada' || chr(10) || md5(n::text) || chr(10) || 'ada' || n || '@example.com',
    lower((ARRAY['Website', 'Website', 'Zillow'])[1 + n % 3]), 'ada' || n || '@example.com', '555' || n || ' ada',
    'number' || n || chr(31) || 'ada', CASE WHEN n % 3 = 0 THEN (SELECT min(id) FROM users_user) END,
    CASE WHEN n % 4 = 0 THEN 'VIP' WHEN n = 7 THEN 'rare' ELSE '' END,
    CASE WHEN n % 4 = 0 THEN ',vip,' WHEN n = 7 THEN ',rare,' ELSE '' END
FROM generate_series(1, {LEADS}) AS n ORDER BY n
"""
FILL_ACTIVITIES = """
INSERT INTO activities_activity (lead_id, user_id, activity_type, title, activity_date, created_at, user_name)
SELECT id, %s, 'call', 'Call', created_at::date, created_at, 'Ada' FROM leads_lead, generate_series(1, 2) ORDER BY id
"""
# A third of the leads have an open one, most of them due later.
FILL_FOLLOW_UPS = """
INSERT INTO activities_followup (lead_id, title, kind, due_on, due_time, assignee_id, created_by_id, created_at,
    done_at)
SELECT id, 'Call', 'call', CURRENT_DATE - 20 + mod(id, 400)::int, '',
    CASE WHEN mod(id, 50) = 0 THEN %s ELSE NULL END, %s,
    created_at, CASE WHEN mod(id, 3) = 0 THEN NULL ELSE created_at END
FROM leads_lead ORDER BY id
"""
FILL_CONSENTS = """
INSERT INTO leads_consent (lead_id, channel, state, created_at, user_name, through)
SELECT id, 'all', CASE WHEN mod(id, 5) = 0 THEN 'revoked' ELSE 'granted' END, created_at, 'Ada', 'api'
FROM leads_lead WHERE mod(id, 2) = 0 ORDER BY id
"""
FILL_HISTORY = """
INSERT INTO leads_leadchange (lead_id, changes, at, kind, channel, user_name)
SELECT id, '{}', created_at, 'created', 'api', 'Ada' FROM leads_lead ORDER BY id
"""


@pytest.fixture
def office(agent: User) -> int:
    """Insert enough rows for indexes to be used; return the id of a lead."""
    with connection.cursor() as cursor:
        cursor.execute(FILL_LEADS)
        cursor.execute(FILL_ACTIVITIES, [agent.pk])
        cursor.execute(FILL_FOLLOW_UPS, [agent.pk, agent.pk])
        cursor.execute(FILL_CONSENTS)
        cursor.execute(FILL_HISTORY)
        cursor.execute("SELECT gin_clean_pending_list('leads_search')")  # as autovacuum does
        cursor.execute("ANALYZE leads_lead, activities_activity, activities_followup, leads_consent, leads_leadchange")
    return int(Lead.objects.active().latest("pk").pk)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def scans(api: Api, path: str) -> tuple[list[str], list[str]]:
    """Return the large tables that a GET reads, and those that it scans."""
    with CaptureQueriesContext(connection) as captured:
        reply = api.get(path)
    assert reply.status_code == 200, reply.content
    found: list[dict[str, Any]] = []
    for query in captured.captured_queries:
        if not query["sql"].lstrip().startswith(("SELECT", "WITH")):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {query['sql']}")
            (plan,) = cursor.fetchone()
        plan = json.loads(plan) if isinstance(plan, str) else plan
        found += [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") in LARGE]
    return (
        [node["Relation Name"] for node in found],
        [node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"],
    )


READS = (
    "/api/leads",
    "/api/leads?size=1000",
    "/api/leads?page=900",
    "/api/leads?status=closed",
    "/api/leads?status=closed&page=20",
    "/api/leads?source=zillow",
    "/api/leads?min_budget=100000",
    "/api/leads?min_budget=949000",
    "/api/leads?min_budget=9000000000",
    "/api/leads?max_budget=0",
    "/api/leads?q=ada",
    "/api/leads?q=c4ca4238a0b923",
    "/api/leads?q=ada+c4ca4238a0b923",
    "/api/leads?q=nobody&status=new",
    *(
        f"/api/leads?sort={sign}{name}&after="
        for name in ("created_at", "updated_at", "id", "name")
        for sign in ("", "-")
    ),
    *(f"/api/leads?sort={name}&deleted=include&after=" for name in ("created_at", "-updated_at", "-id", "name")),
    "/api/leads?deleted=only&sort=name",
    "/api/leads?updated_since=&after=",
    "/api/leads?updated_since=2999-01-01T00:00:00Z&after=",
    "/api/leads?id=1,2,3,99999",
    "/api/leads?status=closed&status=lost",
    "/api/leads?open=true&sort=-updated_at&after=",
    "/api/leads?created_by=me",
    *(f"/api/leads?owner={owner}&include=owner" for owner in ("me", "none", "999999", "me&page=90", "me&open=true")),
    "/api/leads?owner=none&after=&size=100",
    "/api/leads?tag=VIP&include=tags",
    "/api/leads?tag=rare",
    "/api/leads?tag=nowhere&tag=vip",
    "/api/leads?inactive_days=5",
    "/api/leads?closed_from=2026-01-01&sort=closed_at",
    "/api/leads?source=zillow&created_from=2999-01-01&sort=budget",
    "/api/leads?include=version,created_by,last_activity,closed_at",
    "/api/leads?count=exact",
    "/api/leads?count=exact&status=closed",
    "/api/leads?q=nobody&count=estimated&sort=last_activity",
    "/api/leads/{lead}",
    "/api/leads/{lead}?include=version,created_by,last_activity,closed_at",
    "/api/leads/{lead}/activities",
    "/api/leads/{lead}/activities?page=2",
    "/api/leads/{lead}/history",
    "/api/leads/{lead}/follow-ups",
    "/api/leads/{lead}/consents",
    "/api/leads?contactable=call",
    "/api/leads?include=consent",
    "/api/leads?due=overdue",
    "/api/leads?due=today",
    "/api/leads?due=week&sort=-updated_at",
    "/api/leads?due=none",
    "/api/leads?include=next_follow_up",
    "/api/activities/follow-ups",
    "/api/activities/follow-ups?assignee=me&due=overdue&due=today",
    "/api/activities/follow-ups?assignee=none&due=week",
    "/api/activities/follow-ups?assignee=me&done=true",
    "/api/activities/follow-ups?lead={lead}&done=true&count=exact",
    "/api/leads/{lead}/duplicates",
    "/api/leads/duplicates?email=ada7@example.com&phone=7&first_name=a&last_name=b",
    "/api/activities",
    "/api/activities?after=&size=100",
    "/api/activities?type=call&type=visit",
    "/api/activities?type=visit",
    "/api/activities?user=me&from=2026-01-01",
    "/api/activities?user=999999",
    "/api/activities?from=2999-01-01",
    "/api/activities?lead={lead}&count=exact",
    "/api/dashboard",
)


@pytest.mark.slow
def test_a_rare_budget_of_old_leads_is_found_by_its_index(api: Api) -> None:
    """The newest leads do not have it; the walk through the list would pass over all others."""
    with connection.cursor() as cursor:
        cursor.execute(FILL_LEADS)
        cursor.execute("UPDATE leads_lead SET budget_min = 1000 WHERE budget_min = 0")
        for place, amount in enumerate((900_000_000, 7)):
            oldest = f"SELECT id FROM leads_lead WHERE is_active ORDER BY id LIMIT 20 OFFSET {place * 20}"
            cursor.execute(
                f"UPDATE leads_lead SET budget_min = %s, budget_max = %s WHERE id IN ({oldest})", [amount] * 2
            )
        cursor.execute("ANALYZE leads_lead")
    for query in ("min_budget=900000000", "max_budget=7", "max_budget=7&sort=name"):
        with CaptureQueriesContext(connection) as captured:
            assert len(api.get(f"/api/leads?{query}").json()) == 10
            statement = captured[-1]["sql"]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            (plan,) = cursor.fetchone()
        found = list(nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
        index = "leads_higher_budget" if "min" in query else "leads_lower_budget"
        assert index in {node.get("Index Name") for node in found}
        # A bitmap index scan counts the earlier versions of rows that were updated above.
        read = [node for node in found if node["Node Type"] != "Bitmap Index Scan"]
        assert max(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read) < 1000


def test_no_read_of_a_whole_table(api: Api, office: int) -> None:
    found = {path: scans(api, path.format(lead=office)) for path in READS}
    assert all(read for read, _ in found.values()), "every plan was looked at"
    assert {path: whole for path, (_, whole) in found.items() if whole} == {}


# Of a day, because the leads are of two weeks.
PAGES = (
    "/admin/",
    "/admin/?agent={agent}",
    *(f"/admin/leads/lead/?{query}" for query in ("", "status=new", "q=ada7", "owner={agent}", "tag=rare")),
    *(f"/admin/leads/lead/?{query}" for query in ("contactable=call", "due=overdue", "due=none", "inactive=7")),
    *(f"/admin/leads/lead/find/?q={query}" for query in ("%2B1-555-77", "Number77,%20Ada", "ada77@example.com")),
    "/admin/leads/lead/filters/",
    "/admin/leads/lead/{lead}/change/",
    "/admin/leads/lead/{lead}/history/",
    "/admin/activities/activity/",
    "/admin/reports/?report=activities&first={day}&last={day}",
    *(
        f"/admin/reports/?report={name}&first={{day}}&last={{day}}{more}"
        for name in ("sources", "stages", "response-times")
        for more in ("", "&owner={agent}", "&source=zillow")
    ),
)
BLOCKING = ("Sort", "Aggregate", "Hash", "Materialize", "WindowAgg")  # they read all that is below them
OF_DELETED_LEADS = ("leads_deleted", "leads_deleted_updated")


def read_completely(plan: dict[str, Any], is_limited: bool = False) -> Iterator[str]:
    """Yield how a plan reads a large table, or an index of one, to its end: not below a LIMIT, nor by a condition."""
    kind, index = plan["Node Type"], plan.get("Index Name", "")
    is_limited = kind == "Limit" or (is_limited and kind not in BLOCKING)
    is_whole = kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in plan)
    if is_whole and not is_limited and plan.get("Relation Name") in LARGE and index not in OF_DELETED_LEADS:
        yield f"{kind} of {index or plan['Relation Name']}"
    for below in plan.get("Plans", ()):
        yield from read_completely(below, is_limited)


def whole_reads(work: Callable[[], object]) -> list[str]:
    """Return how what ``work`` sends reads large tables completely, except what has a limit of time."""
    with CaptureQueriesContext(connection) as captured:
        work()
    found, is_timed = list[str](), False
    for sql in (query["sql"].lstrip() for query in captured.captured_queries):
        if sql.startswith("SET LOCAL statement_timeout"):
            is_timed = "DEFAULT" not in sql
        elif sql.startswith(("SELECT", "WITH")) and not is_timed:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
                (plan,) = cursor.fetchone()
            found += read_completely((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    assert captured.captured_queries, "there were statements"
    return found


@pytest.mark.slow
def test_no_page_of_the_back_office_reads_a_whole_table(
    office: int, agent: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "BATCH", 100)  # of leads by their ids: a tenth of the table is not read by an index
    client.force_login(make_user(is_staff=True, is_superuser=True))
    names = {"lead": office, "agent": agent.pk, "day": timezone.localdate()}

    def get(path: str) -> None:
        assert client.get(path).status_code in (200, 302), path

    found = {path: whole_reads(partial(get, path.format(**names))) for path in PAGES}
    found["the morning mail"] = whole_reads(partial(message_to, agent, timezone.localdate()))
    assert {path: whole for path, whole in found.items() if whole} == {}
