"""The calendar of follow-ups: /api/users/calendar/<secret>.ics, and the link to it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.utils import timezone
from icalendar import Calendar

from activities.models import FollowUp
from leads.consents import Consent
from leads.models import Lead
from tests.conftest import Api
from tests.factories import SOMEBODY, make_follow_up, make_lead, make_user
from users.models import AccountEvent, CalendarLink, User

pytestmark = pytest.mark.django_db

LINK = "/api/users/me/calendar"


def new_link(api: Api) -> str:
    """Return the path of a new calendar link."""
    reply = api.post(LINK)
    assert reply.status_code == 201, reply.content
    return urlsplit(reply.json()["url"]).path


def events(path: str) -> list[Any]:
    """Return the events of a calendar, read without a login."""
    reply = Api({}).get(path)
    assert (reply.status_code, reply["Content-Type"]) == (200, "text/calendar; charset=utf-8"), reply.content
    calendar = Calendar.from_ical(reply.content)
    assert calendar.errors == []
    return calendar.walk("VEVENT")


def test_it_works(api: Api, agent: User, settings: Any) -> None:
    settings.TIME_ZONE, settings.SITE_URL = "America/Chicago", "https://crm.example.com"
    lead = make_lead(first_name="Émile;", last_name="Zola, Jr", phone="+1 555 0100", email="emile@example.com")
    today = timezone.localdate()
    timed = make_follow_up(lead, agent, due_on=date(2027, 3, 14), due_time="14:30", title="Call\nback: " + "x" * 100)
    whole_day = make_follow_up(lead, agent, due_on=today - timedelta(days=400), title="Late")
    make_follow_up(lead, agent, due_on=today + timedelta(days=366), title="In more than a year")
    make_follow_up(lead, make_user(), due_on=today, title="Of another agent")
    deleted = make_follow_up(make_lead(), agent, due_on=today, title="Of a deleted lead").lead
    Lead.objects.filter(pk=deleted.pk).update(is_active=False)
    FollowUp.objects.complete(make_follow_up(lead, agent, due_on=today, title="Done").pk, None, SOMEBODY)
    path = new_link(api)
    late, call = events(path)
    assert (late["summary"], late["dtstart"].dt) == ("Late: Émile; Zola, Jr", whole_day.due_on)
    assert call["summary"] == f"Call back: {'x' * 100}: Émile; Zola, Jr"
    assert call["dtstart"].dt == datetime(2027, 3, 14, 19, 30, tzinfo=UTC)  # daylight saving time began that day
    assert call["duration"].dt == timedelta(minutes=30)
    page = f"https://crm.example.com/admin/leads/lead/{lead.pk}/change/"
    assert call["description"] == f"+1 555 0100\nemile@example.com\n{page}"
    assert call["url"] == page
    uids = [late["uid"], call["uid"]]
    assert [uid.partition("@")[0] for uid in uids] == [f"follow-up-{whole_day.pk}", f"follow-up-{timed.pk}"]
    FollowUp.objects.change(timed.pk, {"due_on": date(2027, 3, 15)}, SOMEBODY)
    assert [event["uid"] for event in events(path)] == uids


def test_what_has_not_changed_is_not_sent_again(api: Api, agent: User) -> None:
    follow_up = make_follow_up(make_lead(phone="+1 555 0100"), agent, due_on=timezone.localdate())
    path = new_link(api)
    first = Api({}).get(path)
    assert first["Cache-Control"] == "private, no-cache"
    again = Api({"If-None-Match": first["ETag"]}).get(path)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    Consent.objects.record(follow_up.lead_id, {"channel": "call", "state": "revoked"}, SOMEBODY)
    changed = Api({"If-None-Match": first["ETag"]}).get(path)
    assert changed.status_code == 200
    assert b"555 0100" not in changed.content
    assert Api({}).send("HEAD", path).status_code == 200


def test_a_link_is_shown_once_and_ends_when_it_is_renewed_or_revoked(api: Api, agent: User) -> None:
    gone = (404, {"detail": "Calendar link not found"})
    reply = api.get(LINK)
    assert (reply.status_code, reply.json()) == gone
    first = new_link(api)
    assert list(api.get(LINK).json()) == ["created_at"]
    assert first.split("/")[-1].removesuffix(".ics") not in str(CalendarLink.objects.values())
    second = new_link(api)
    assert (Api({}).get(first).status_code, Api({}).get(second).status_code) == (404, 200)
    assert api.delete(LINK).status_code == 204
    reply = api.delete(LINK)
    assert (reply.status_code, reply.json()) == gone
    reply = Api({}).get(second)
    assert (reply.status_code, reply.json()) == (404, {"detail": "Calendar not found"})
    actions = AccountEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["calendar_link_created", "calendar_link_created", "calendar_link_revoked"]


@pytest.mark.parametrize("secret", ["x", "a" * 5000, "%00", "%ff", "é", "A-_" * 14])
def test_a_wrong_secret_is_a_404(anonymous: Api, secret: str) -> None:
    reply = anonymous.get(f"/api/users/calendar/{secret}.ics")
    assert (reply.status_code, reply.json()) == (404, {"detail": "Calendar not found"})


def test_it_ends_with_its_user(api: Api, agent: User) -> None:
    path = new_link(api)
    agent.is_active = False
    agent.save()
    assert Api({}).get(path).status_code == 404
    call_command("erase_person", agent.email, "--yes", verbosity=0)
    assert not CalendarLink.objects.exists()


def test_no_key_makes_a_link(api: Api) -> None:
    key = api.post("/api/users/me/keys", {"name": "Zapier", "scopes": ["read", "write"]}).json()["key"]
    assert Api({"Authorization": f"Bearer {key}"}).post(LINK).status_code == 403


def test_the_secret_is_in_no_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    path = new_link(api)
    secret = path.split("/")[-1].removesuffix(".ics")
    Api({}).get(path)
    Api({}).get(path.replace(secret, f"{secret}x"))
    lines = [str(vars(record)) for record in caplog.records]
    assert any("users/calendar/<secret>.ics" in line for line in lines)
    assert not [line for line in lines if secret in line]


def test_it_is_bounded(api: Api, agent: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    monkeypatch.setattr("activities.calendar_views.MAX_EVENTS", 2)
    today, lead = timezone.localdate(), make_lead()
    for days in (-4, -3, -2, 0, 1, 2):
        make_follow_up(lead, agent, due_on=today + timedelta(days=days))
    path = new_link(api)
    events(path)  # names the installation, once
    # The link, the overdue ones, those ahead, consents, the name of the installation.
    with django_assert_num_queries(5):
        shown = events(path)
    assert [(event["dtstart"].dt - today).days for event in shown] == [-3, -2, 0, 1]
    assert Lead.objects.count() == 1
