"""Activities on a day in the future: the API stores them, and until their day comes they count as no activity."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from activities.models import Activity
from leads.models import Lead
from tests.admin.conftest import boss as boss
from tests.conftest import Api
from tests.factories import activity_row, make_lead

pytestmark = pytest.mark.django_db

OLD = datetime(2020, 1, 1, tzinfo=UTC)


def found(api: Api, **query: Any) -> list[int]:
    reply = api.get("/api/leads", **query)
    assert reply.status_code == 200, reply.content
    return [lead["id"] for lead in reply.json()]


@pytest.fixture
def lead(api: Api) -> Lead:
    """Return a lead with an activity tomorrow, and one 40 days ago."""
    lead = make_lead(created_at=OLD)
    today = timezone.localdate()
    for days in (1, -40):
        row = activity_row(activity_date=(today + timedelta(days=days)).isoformat())
        assert api.post(f"/api/leads/{lead.pk}/activities", row).status_code == 201
    return lead


def last_activity(api: Api, lead: Lead) -> str | None:
    day: str | None = api.get(f"/api/leads/{lead.pk}?include=last_activity").json()["last_activity"]
    return day


def test_it_counts_when_its_day_comes(api: Api, boss: Client, lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    now, today, other = timezone.now(), timezone.localdate(), make_lead(created_at=OLD)
    assert len(api.get(f"/api/leads/{lead.pk}/activities").json()) == 2
    assert last_activity(api, lead) == (today - timedelta(days=40)).isoformat()
    assert sorted(found(api, inactive_days=30)) == [lead.pk, other.pk]
    assert found(api, sort="-last_activity", include="last_activity")[0] == lead.pk
    assert "40 days ago" in boss.get("/admin/leads/lead/?inactive=30").content.decode()
    until = api.get("/api/leads?updated_since=")["X-Synced-Until"]
    assert found(api, updated_since=until) == []

    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=1))
    assert last_activity(api, lead) == (today + timedelta(days=1)).isoformat()
    assert found(api, inactive_days=30) == [other.pk]
    assert str(lead) not in boss.get("/admin/leads/lead/?inactive=30").content.decode()
    assert found(api, updated_since=until) == [lead.pk]
    assert found(api, updated_since=until, count="exact", after="") == [lead.pk]


def test_the_back_office_asks_for_a_follow_up_instead(boss: Client) -> None:
    lead, tomorrow = make_lead(), (timezone.localdate() + timedelta(days=1)).isoformat()
    form = {**activity_row(activity_date=tomorrow), "notes": "My notes"}
    html = boss.post(f"/admin/leads/lead/{lead.pk}/log/", form).content.decode()
    assert "That day is in the future. Plan a follow-up instead." in html
    assert "My notes" in html
    assert not Activity.objects.exists()
