"""The list of leads: what it finds, counts and costs."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.back_office import paginator
from leads.models import ImportRun, Lead
from tests.admin.lists import count, names, page, visible_text
from tests.conftest import Case
from tests.factories import make_activity, make_follow_up, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


@pytest.fixture
def office(db: None) -> None:
    """Create leads that differ in all filters, each named after its special property."""
    author = make_user()
    make_lead(first_name="Fresh", last_name="", status="new", source="Zillow", created_at=ago(hours=1))
    make_lead(first_name="Waiting", last_name="", status="new", created_at=ago(days=5))
    called = make_lead(first_name="Called", last_name="", status="new", created_at=ago(days=6))
    make_activity(called, author, activity_date=timezone.now().date().isoformat())
    inactive = make_lead(first_name="Inactive", last_name="", status="qualified", created_at=ago(days=60))
    make_activity(inactive, author, activity_date=ago(days=40).date().isoformat())
    make_lead(first_name="Rich", last_name="", status="viewing", budget_min=900_000, created_at=ago(days=7))
    make_lead(first_name="Gone", last_name="", status="lost", source="zillow", created_at=ago(days=90))
    make_lead(first_name="Deleted", last_name="", is_active=False, created_at=ago(days=8))


def test_filters(boss: Client, office: None, case: Case) -> None:
    for query, found in [
        ("", ["Fresh", "Waiting", "Called", "Rich", "Inactive", "Gone"]),
        ("q=INACTIVE", ["Inactive"]),
        ("status=new", ["Fresh", "Waiting", "Called"]),
        ("status=%20NEW", ["Fresh", "Waiting", "Called"]),
        ("status=:open", ["Fresh", "Waiting", "Called", "Rich", "Inactive"]),
        ("status=viewing", ["Rich"]),
        ("status=nonsense", []),
        ("source=zillow", ["Fresh", "Gone"]),
        ("source=ZILLOW&status=lost", ["Gone"]),
        ("inactive=2", ["Waiting", "Rich", "Inactive", "Gone"]),
        ("inactive=2&status=new", ["Waiting"]),
        ("inactive=30", ["Inactive", "Gone"]),
        ("inactive=90", ["Gone"]),
        ("min_budget=900,000", ["Rich"]),
        ("min_budget=900001", []),
        ("max_budget=900000", ["Rich"]),
        ("deleted=1", ["Deleted"]),
        ("deleted=1&status=lost", []),
        ("o=-8", ["Fresh", "Waiting", "Called", "Rich", "Inactive", "Gone"]),
        ("o=8", ["Gone", "Inactive", "Rich", "Called", "Waiting", "Fresh"]),
    ]:
        with case(query, found):
            text = page(boss, f"{LIST}?{query}")
            assert names(text) == found
            assert count(text) == str(len(found))


@pytest.mark.parametrize("name", ["UTC", "America/Chicago", "Pacific/Kiritimati"])
def test_days_are_those_of_the_office(boss: Client, db: None, name: str) -> None:
    zone = ZoneInfo(name)
    for first_name, moment in {
        "Before": datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=zone),
        "First": datetime(2026, 3, 2, tzinfo=zone),
        "Last": datetime(2026, 3, 3, 23, 59, 59, 999_999, tzinfo=zone),
        "After": datetime(2026, 3, 4, tzinfo=zone),
    }.items():
        lead = make_lead(first_name=first_name, last_name="", status="closed", created_at=moment)
        Lead.objects.filter(pk=lead.pk).update(closed_at=moment)
    with timezone.override(zone):
        between = page(boss, f"{LIST}?created_from=2026-03-02&created_to=2026-03-03")
        assert (names(between), count(between)) == (["Last", "First"], "2")
        assert names(page(boss, f"{LIST}?created_to=2026-03-01")) == ["Before"]
        closed = page(boss, f"{LIST}?closed_from=2026-03-03")
        assert (names(closed), count(closed)) == (["After", "Last"], "2")


def test_today_is_that_of_the_office(boss: Client, agent: User) -> None:
    """At each moment, one of these zones has another day than UTC."""
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with timezone.override(name):
            day = timezone.localdate()
            make_activity(lead := make_lead(), agent, title="Reached", activity_date=day.isoformat())
            make_follow_up(lead, agent, due_on=day)
            row = page(boss, f"{LIST}?q={lead.email}").split('class="field-last_activity"')[1].split("</td>")[0]
            assert ">today<" in row
            assert "next: " in row
            assert "crm-overdue" not in row
            home = page(boss, "/admin/")
            assert ">today<" in home.split("Recent activities")[1].split("</li>")[0]
            week = f"created_from={day - timedelta(days=day.weekday())}&amp;created_to="
            assert week in home
            Lead.objects.update(is_active=False)


def test_leads_of_an_import(boss: Client, db: None) -> None:
    run = ImportRun.objects.create(file_name="fair.csv", sha256="0", state="done", read=1, created=1)
    Lead.objects.filter(pk=make_lead(first_name="Imported", last_name="").pk).update(import_run=run)
    make_lead()
    text = page(boss, f"{LIST}?import_run={run.pk}")
    assert names(text) == ["Imported"]
    assert "fair.csv" in text


def test_an_invalid_filter_finds_nothing_and_shows_an_error(boss: Client, office: None, case: Case) -> None:
    for query in [
        "status=a%00b",
        "source=%00",
        "inactive=1",
        "inactive=x",
        "inactive=-2",
        "min_budget=cheap",
        "min_budget=9223372036854775808",
        "max_budget=-1",
        "created_from=yesterday",
        "created_from=2026-02-30",
        "created_to=9999-12-31",
        "created_from=0001-01-01",
        "closed_from=1",
        "import_run=first",
        "import_run=99999999999999999999",
        "deleted=maybe",
    ]:
        with case(query):
            text = page(boss, f"{LIST}?{query}")
            assert names(text) == []
            assert re.search(
                "(Status|Source|No activity for|Budget|Created|Closed since|Import|Deleted): [a-z]", visible_text(text)
            )


def test_invalid_queries_are_no_errors(boss: Client, office: None, case: Case) -> None:
    for query in ["p=0", "p=-1", "p=9999999", "o=99", "o=x.y", "q=%00", "all=1", "q=" + "a" * 5000]:
        with case(query):
            reply = boss.get(f"{LIST}?{query}", follow=True)
            assert reply.status_code == 200


@pytest.mark.parametrize("query", ["first_name__regex=(a%2B)%2B", "search__contains=a", "nothing=1", "status__in=new"])
def test_other_lookups_are_rejected(boss: Client, office: None, query: str) -> None:
    reply = boss.get(f"{LIST}?{query}")
    assert reply.status_code == 400 or names(page(boss, reply.headers["Location"]))  # rejected, or ignored


def test_cells(boss: Client, db: None) -> None:
    lead = make_lead(
        first_name="<b>Ada</b>",
        last_name="King",
        email="ada@example.com",
        phone="+1 555 0100",
        source="Open house",
        budget_min=300_000,
        budget_max=1_450_000,
        property_interest="2BR condo",
        created_at=ago(days=3),
    )
    make_activity(lead, make_user(), activity_date=ago(days=1).date().isoformat())
    boss.post(LIST, {"_columns": "1", "column": ["contact", "source", "budget", "last_activity", "created"]})
    text = page(boss, LIST)
    row = visible_text(text.partition('id="result_list"')[2])
    for cell in (
        "<b>Ada</b> King",
        "2BR condo",
        "Open house",
        "$300,000 – $1,450,000",
        "yesterday 1 activity",
        "3 days ago",
    ):
        assert cell in row
    assert 'href="mailto:ada@example.com"' in text
    assert 'href="tel:+15550100"' in text


def test_budgets(boss: Client, db: None, case: Case) -> None:
    for low, high, text in [
        (None, None, "–"),
        (5000, None, "from $5,000"),
        (None, 5000, "up to $5,000"),
        (5000, 5000, "$5,000"),
        (0, 0, "$0"),
    ]:
        with case(low, high, text):
            make_lead(budget_min=low, budget_max=high)
            cell = page(boss, LIST).partition("field-budget")[2].partition(">")[2].partition("</td>")[0]
            assert visible_text(cell) == text


def test_counts_stop_at_the_maximum(boss: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paginator, "MAX", 3)
    for number in range(5):
        make_lead(first_name=f"Number {number}", budget_min=1)
    text = page(boss, f"{LIST}?min_budget=1")
    assert count(text) == "3+"
    assert "the pages show the first 3" in visible_text(text)


@pytest.mark.parametrize(
    "query",
    ["", "status=new", "created_from=2026-01-02", "created_to=2026-01-01", "closed_from=2026-01-02"],
)
def test_stored_counts_are_exact_beyond_the_maximum(
    boss: Client, db: None, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    for number in range(4):
        day = datetime(2026, 1, 1 + number % 2, 12, tzinfo=UTC)
        make_lead(status="new" if number else "closed", created_at=day, closed_at=None if number else day)
    Lead.objects.filter(status="closed").update(closed_at=datetime(2026, 1, 3, tzinfo=UTC))
    make_lead(is_active=False)
    exact = count(page(boss, f"{LIST}?{query}"))
    monkeypatch.setattr(paginator, "MAX", 0)
    assert count(page(boss, f"{LIST}?{query}")) == exact
    assert exact == {"": "4", "status=new": "3", "closed_from=2026-01-02": "1"}.get(query, "2")


def statement_timeout() -> str:
    """Return the statement timeout of the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite does not stop statements")
def test_a_slow_count_is_estimated(boss: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    Lead.objects.bulk_create(Lead(first_name=f"Lead {n}", search=f"lead {n} " * 40) for n in range(3000))
    limit = statement_timeout()
    monkeypatch.setattr(paginator, "MAX_COUNT", 1)
    text = page(boss, f"{LIST}?q=lea")
    assert count(text).startswith("about ")
    assert len(names(text)) == 50
    few = page(boss, f"{LIST}?q=lea+2999")
    assert count(few) == "1"  # the exact count of a page that is not full
    assert statement_timeout() == limit


def test_the_number_of_queries_is_constant(boss: Client, agent: User) -> None:
    costs = []
    for rows in (1, 60):
        leads = [make_lead(source=f"source {number % 7}", owner_id=agent.pk, tags="vip") for number in range(rows)]
        make_activity(leads[0], agent)
        with CaptureQueriesContext(connection) as captured:
            page(boss, f"{LIST}?min_budget=&status=new")
        # session, user, second factor; count; page; last activities; owners; statuses; saved views; columns.
        # Statement timeouts are not counted.
        costs.append(len([query for query in captured if query["sql"].startswith(("SELECT", "\nWITH"))]))
    assert costs == [10, 10]


def test_the_fields_of_the_filters(boss: Client, office: None, agent: User) -> None:
    run = ImportRun.objects.create(file_name="portal.csv", sha256="0", kind="leads", state="done", read=1, created=1)
    query = f"status=viewing&source=zillow&owner={agent.pk}&min_budget=5&q=x&import_run={run.pk}"
    assert f'data-fields="filters/?{query.replace("&", "&amp;")}' in page(boss, f"{LIST}?{query}")
    html = page(boss, f"{LIST}filters/?{query}")
    chosen = re.findall(r'<option value="([^"]+)" selected', html)
    assert chosen == ["viewing", "zillow", str(agent.pk), str(run.pk)]
    assert 'value="5"' in html
    offered = dict(re.findall(r'<option value="([^"]*)"[^>]*>\s*([^<]*?)\s*</option>', html))
    assert offered[":open"] == "Open (not closed or lost)"
    assert (offered["viewing"], offered["zillow"], offered[str(agent.pk)]) == ("Viewing", "Zillow", agent.name)
    assert re.search(r"selected>\s*[^<]*: portal.csv", html)


def test_an_empty_list(boss: Client, office: None) -> None:
    text = visible_text(page(boss, f"{LIST}?q=nobody"))
    assert "No leads found Try fewer words or remove a filter." in text
    assert "Show all leads" in text
    Lead.objects.update(is_active=False)
    text = visible_text(page(boss, LIST))
    assert "No leads yet Add a lead or import a file." in text
    assert "Import a file" in text


def test_the_content_security_policy_allows_own_scripts_only(boss: Client, client: Client, db: None) -> None:
    for reply in (boss.get(LIST), boss.get("/admin/"), client.get("/admin/login/")):
        policy = reply.headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy
        assert "default-src 'self'" in policy
        assert "http" not in policy
        scripts = reply.content.decode().split("<script")[1:]
        assert scripts
        assert all("src=" in tag.partition(">")[0] or "json" in tag.partition(">")[0] for tag in scripts)


def test_the_icon(client: Client, db: None) -> None:
    icon: Any = client.get(client.get("/favicon.ico").headers["Location"])
    assert icon.headers["Content-Type"] == "image/svg+xml"
    assert icon.getvalue().startswith(b"<svg")
    icon.close()


def test_filters_of_activities(boss: Client, agent: User) -> None:
    today = timezone.now().date()
    other = make_user()
    active, deleted = make_lead(), make_lead()
    make_activity(active, agent, title="Called", activity_date=today.isoformat())
    make_activity(active, other, title="Wrote", activity_date="2020-01-01")
    make_activity(deleted, agent, title="Visited", activity_date="2020-01-02")
    Lead.objects.filter(pk=deleted.pk).update(is_active=False)
    for query, found in {
        "": {"Called", "Wrote", "Visited"},
        "leads=active": {"Called", "Wrote"},
        f"user={agent.pk}": {"Called", "Visited"},
        f"user={agent.pk}&date_from=2020-01-02&date_to=2020-12-31": {"Visited"},
        "user=x": set(),
        "date_from=today": set(),
        "leads=dead": set(),
    }.items():
        text = page(boss, f"/admin/activities/activity/?{query}")
        table = text.partition('id="result_list"')[2]
        assert {title for title in ("Called", "Wrote", "Visited") if title in table} == found, query
        assert count(text) == str(len(found))
    assert boss.get("/admin/activities/activity/?notes__regex=a").status_code == 400
