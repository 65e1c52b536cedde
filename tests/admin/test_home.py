"""The home page: its figures are those of the API, and each is a link to the list of what it counts."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.models import ImportRun, Lead
from tests.admin.lists import count, page, visible_text
from tests.conftest import Api
from tests.factories import make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

HOME = "/admin/"
MANAGES = "handle_personal_data"  # who may that is a manager


@pytest.fixture
def office(agent: User) -> None:
    """Create leads of many statuses, sources and ages, some deleted, and activities of two agents."""
    now = timezone.now()
    other = make_user(first_name="Other", last_name="Agent")
    statuses = ("new", "new", "new", "contacted", "closed", "lost", "viewing")
    for number in range(42):
        lead = make_lead(
            status=statuses[number % 7],
            source=("Website", "Zillow", "")[number % 3],
            created_at=now - timedelta(days=number * 3, minutes=5),
            closed_at=now - timedelta(minutes=5) if statuses[number % 7] == "closed" else None,
        )
        if number % 2:
            make_activity(lead, other if number % 3 else agent, activity_date=now.date().isoformat())
        if number % 8 == 5:
            make_activity(lead, agent, activity_date="2020-02-29")
    Lead.objects.filter(pk__in=Lead.objects.order_by("pk").values_list("pk", flat=True)[3::10]).update(is_active=False)


def figures(html: str) -> list[tuple[str, str, str]]:
    """Return name, number and link of each figure of the page."""
    result = []
    for link, content in re.findall(
        r'<a (?:class="crm-(?:card|count)" )?href="([^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL
    ):
        text = visible_text(content)
        number = re.search(r"(?:^|\s)((?:about )?[\d,]+\+?)(?= leads$|$| in the week)", text.strip())
        if number and ("changelist" not in link and re.search(r"/(lead|activity)/(\?|$)", link)):
            result.append((text.strip(), number[1], unescape(link)))
    return result


def test_the_figures_are_the_api_s(boss: Client, api: Api, office: None) -> None:
    text = visible_text(page(boss, HOME))
    stats = api.get("/api/dashboard").json()
    assert f"Leads {stats['total_leads']} New in 7 days {stats['new_leads_this_week']}" in text
    assert f"Closed this month {stats['closed_leads_this_month']} Activities {stats['total_activities']}" in text
    for row in stats["leads_by_status"]:
        assert f"{row['status'].capitalize()} {row['count']}" in text


@pytest.mark.slow
def test_every_figure_links_to_a_list_of_that_length(boss: Client, office: None) -> None:
    found = figures(page(boss, HOME))
    # 4 cards, at least 5 statuses, 12 weeks, 3 sources, 2 agents, 2 lists that need attention
    assert len(found) >= 4 + 5 + 12 + 3 + 2 + 2
    for words, number, link in found:
        assert count(page(boss, link)) == number, (words, link)


def test_the_weeks_add_up(boss: Client, office: None) -> None:
    text = page(boss, HOME)
    weeks = re.findall(r'class="crm-column-count">([\d,]+)<', text)
    monday = timezone.now().date() - timedelta(days=timezone.now().date().weekday(), weeks=11)
    assert len(weeks) == 12
    assert sum(map(int, weeks)) == Lead.objects.active().created_since(monday).count()


def test_leads_that_need_attention(boss: Client, agent: User) -> None:
    now = timezone.now()
    make_lead(first_name="Forgotten", last_name="One", created_at=now - timedelta(days=4))
    called = make_lead(first_name="Called", last_name="Yesterday", created_at=now - timedelta(days=40))
    make_activity(called, agent, activity_date=(now - timedelta(days=1)).date().isoformat())
    make_lead(first_name="Closed", last_name="Long", status="closed", created_at=now - timedelta(days=40))
    make_lead(first_name="Qualified", last_name="Inactive", status="qualified", created_at=now - timedelta(days=20))
    text = page(boss, HOME)
    panels = [visible_text(panel.partition("</section>")[0]) for panel in text.split("crm-stale")[1:]]
    assert ["Forgotten One" in panel for panel in panels] == [True, False]
    assert ["Qualified Inactive" in panel for panel in panels] == [False, True]
    assert not any("Called Yesterday" in panel or "Closed Long" in panel for panel in panels)


def test_recent_activities_and_imports(boss: Client, agent: User) -> None:
    make_activity(make_lead(first_name="Ada", last_name="Byron"), agent, title="Showed <the> garden")
    ImportRun.objects.create(file_name="portal.csv", sha256="0", state="done", read=7000, created=7000)
    text = visible_text(page(boss, HOME))
    assert "Showed <the> garden Call by Agent One · Ada Byron" in text
    assert "portal.csv Done: 7,000 created, 0 updated, 0 rejected just now View all" in text


def test_an_empty_office(boss: Client) -> None:
    text = visible_text(page(boss, HOME))
    for words in (
        "Leads 0",
        "No leads yet.",
        "No activities yet.",
        "No imports yet.",
        "All caught up.",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("permissions", "present", "absent"),
    [
        (
            (),
            ["You do not have permission to view leads. Ask a manager."],
            ["Leads by status", "Recent activities", "Recent imports"],
        ),
        (("view_lead",), ["Follow-ups: overdue and today"], ["Leads by status", "Today of", "Recent imports"]),
        (
            ("view_lead", MANAGES),
            ["Today of", "Leads by status"],
            ["Activities this month", "Recent activities", "Recent imports"],
        ),
        (("view_lead", MANAGES, "view_activity"), ["Leads by status", "Recent activities"], ["Recent imports"]),
    ],
)
def test_permissions(client: Client, permissions: tuple[str, ...], present: list[str], absent: list[str]) -> None:
    reader = make_user(is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(reader)
    text = visible_text(page(client, HOME))
    assert all(words in text for words in present)
    assert not any(words in text for words in absent)


def test_the_number_of_queries_is_constant(boss: Client, agent: User) -> None:
    costs = []
    for rows in (1, 40):
        for number in range(rows):
            make_activity(make_lead(source=f"source {number}"), agent)
        with CaptureQueriesContext(connection) as captured:
            page(boss, HOME)
        costs.append(len([query for query in captured if query["sql"].lstrip().startswith(("SELECT", "WITH"))]))
    # session, user, second factor; figures; weeks; sources; agents; activities; runs;
    # for each of two lists that need attention: leads, count, last activities
    # Today: agents; three lists with their counts; consents
    assert costs[0] == costs[1]
    assert costs[1] <= 24


def test_the_search_of_the_theme_is_disabled(boss: Client) -> None:
    assert boss.get("/admin/search/?s=lead&page=x").status_code == 404
