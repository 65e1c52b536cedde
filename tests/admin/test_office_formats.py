"""DATE_FORMAT, CURRENCY and TIME_ZONE in the back office; the API has neither."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import reset_format_cache

from dashboard.formats.en import formats
from leads.models import ImportRun
from tests.admin.lists import page, visible_text
from tests.conftest import Api
from tests.factories import make_activity, make_follow_up, make_lead
from users.models import User

pytestmark = pytest.mark.django_db
WHEN = datetime(2026, 3, 4, 23, 5, tzinfo=UTC)


def test_days_amounts_and_zones(
    boss: Client, api: Api, agent: User, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CURRENCY", "EUR")
    monkeypatch.setattr(settings, "TIME_ZONE", "Europe/Berlin")
    monkeypatch.setattr(formats, "DATE_FORMAT", "d.m.Y")
    monkeypatch.setattr(formats, "DATETIME_FORMAT", "d.m.Y, H:i")
    monkeypatch.setattr(formats, "MONTH_DAY_FORMAT", "d.m.")
    lead = make_lead(budget_min=300_000, budget_max=1_250_000, created_at=WHEN)
    make_activity(lead, agent, activity_date="2026-03-02")
    make_follow_up(lead, agent, days=40)
    api.put(f"/api/leads/{lead.pk}", {"budget_min": 310_000})
    run = ImportRun.objects.create(file_name="portal.csv", sha256="0", state="done", started_at=WHEN)
    reset_format_cache()
    try:
        with timezone.override("Europe/Berlin"):
            html, filters = page(boss, "/admin/leads/lead/"), page(boss, "/admin/leads/lead/filters/")
            home = visible_text(page(boss, "/admin/"))
            shown, single = visible_text(html), visible_text(page(boss, f"/admin/leads/lead/{lead.pk}/change/"))
            imported = visible_text(page(boss, f"/admin/leads/importrun/{run.pk}/change/"))
    finally:
        monkeypatch.undo()
        reset_format_cache()
    assert "€310,000 – €1,250,000" in shown
    assert "Budget from (€)" in filters
    assert "Budget max (€)" in single
    today = datetime.now(UTC).date()
    assert f" {today - timedelta(days=today.weekday()):%d.%m.} " in home  # the weeks
    assert "05.03.2026, 00:05 CET" in html
    assert "02.03.2026" in single
    assert "€300,000" in single  # the history
    assert "05.03.2026, 00:05 CET" in imported
    row = api.get(f"/api/leads/{lead.pk}").json()
    assert (row["budget_min"], row["created_at"][:16]) == (310_000, "2026-03-04T23:05")


def test_the_defaults(boss: Client) -> None:
    make_lead(budget_min=None, budget_max=450_000)
    assert "up to $450,000" in visible_text(page(boss, "/admin/leads/lead/"))
