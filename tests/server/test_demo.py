"""``make demo``: sample data."""

import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from activities.management.commands import demo as command
from activities.models import FollowUp
from dashboard.reports.figures import REPORTS, Period
from leads.consents import Consent
from leads.models import Lead
from tests.admin.lists import page, visible_text
from tests.admin.people import ensure_groups
from tests.factories import make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def demo(**options: bool) -> str:
    """Return the output of the command."""
    ensure_groups()
    output = StringIO()
    call_command("demo", stdout=output, **options)
    return output.getvalue()


def report(name: str) -> list[list[Any]]:
    """Return the rows of a report of the last year."""
    today = timezone.localdate()
    return list(REPORTS[name].rows(Period(today - timedelta(days=365), today)))


@pytest.mark.parametrize("number", [pytest.param(100, marks=pytest.mark.fast), 500])
def test_it_works(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.LEADS == 500
    monkeypatch.setattr(command, "LEADS", number)
    printed = demo()
    name, password = re.search(r"Agents (\S+), .* password (\S+)", printed).groups()  # type: ignore[union-attr]
    assert User.objects.authenticate(name, password) is not None
    assert Lead.objects.count() == number
    call_command("verify", stdout=StringIO())  # exits with 1 if what is stored twice differs

    leads = Lead.objects.active()
    assert leads.exclude(owner=None).values("owner").distinct().count() == 4
    assert all(leads.due(when).exists() for when in ("overdue", "today", "week", "none"))
    assert FollowUp.objects.done().exclude(activity=None).exists()
    assert leads.exclude(tags="").exists()
    assert {*Consent.objects.values_list("state", flat=True)} == {"granted", "revoked"}
    assert leads.contactable("call").count() < leads.exclude(phone="").count()

    if number == 500:
        the_reports_are_believable()
    her_browser_shows_her_day(User.objects.get(username=name))


def the_reports_are_believable() -> None:
    """The stages become fewer, sources and agents differ, and who is contacted at all is contacted within days."""
    stages = {row[0]: row[1:] for row in report("stages")}
    reached = [stages[status][0] for status in ("new", "contacted", "qualified", "negotiation", "closed")]
    assert reached == sorted({*reached}, reverse=True)
    assert 10 <= reached[-1] < reached[0] / 4
    medians = [stages[status][2] for status in ("new", "contacted", "qualified", "negotiation")]
    assert medians[0] < 2 < medians[1] < medians[2] < 40
    assert stages["closed"][2] is stages["lost"][2] is None

    percents = {row[0]: row[-1] for row in report("sources")}
    assert percents["referral"] > percents["website"] > percents["Zillow"]
    assert len(percents) == 6

    answers: dict[str, list[float]] = {}
    for owner, source, _, contacted, median, most in report("response-times"):
        if contacted > 5 and source == "website":
            answers[owner] = [median, most]
    assert len({median for median, _ in answers.values()}) == len(answers) == 4
    assert answers["Maria Santos"] < answers["Lena Fischer"]
    assert all(0 < median < most < 100 for median, most in answers.values())

    weeks: dict[str, dict[Any, int]] = {}
    for week, agent, _, number in report("activities"):
        weeks.setdefault(agent, {})[week] = weeks.get(agent, {}).get(week, 0) + number
    assert all(len(numbers) > 26 and len({*numbers.values()}) > 5 for numbers in weeks.values())
    assert sum(weeks["Maria Santos"].values()) > 2 * sum(weeks["Lena Fischer"].values())


def her_browser_shows_her_day(agent: User) -> None:
    """An agent sees what is due, and in the history of a lead who moved its status, in the order of time."""
    browser = Client()
    browser.force_login(agent)
    assert "Nothing is due" not in visible_text(page(browser, "/admin/"))
    lead = Lead.objects.active().in_status("closed").filter(follow_ups__done_at__isnull=False).first()
    assert lead is not None
    history = visible_text(page(browser, f"/admin/leads/lead/{lead.pk}/history/"))
    assert history.index("closed") < history.index("contacted") < history.index("Owner")


@pytest.mark.fast
def test_it_leaves_real_leads_alone() -> None:
    make_lead()
    with pytest.raises(CommandError, match="leads already"):
        demo()
    assert Lead.objects.count() == 1


def test_the_same_office_every_time() -> None:
    with patch("django.utils.timezone.now", return_value=datetime.now(timezone.get_current_timezone())):
        demo()
        demo(force=True)
    made = [*Lead.objects.order_by("id").values_list("first_name", "phone", "status", "owner_id", "created_at")]
    assert sorted(made[:500]) == sorted(made[500:])
