"""``/api/users/calendar/<secret>.ics``: the calendar of a user's open follow-ups, for calendar programs."""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256

from django.http import HttpResponse
from django.utils import timezone
from icalendar import Calendar, Event
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from activities.follow_ups.agenda import Entry, entries
from activities.models import FollowUp
from crm_project.http.schema import operation
from leads.etags import matches_if_none_match
from leads.models import Installation
from users.calendar_links import CalendarLink
from users.login_views import PublicViewSet

PERIOD = timedelta(days=365)  # of the follow-ups to come
MAX_EVENTS = 500  # of the next days, and as many that are overdue
LENGTH = timedelta(minutes=30)  # of a follow-up with a time; the table has no other
NO_CALENDAR = "Calendar not found"
TYPE = "text/calendar"


class CalendarViewSet(PublicViewSet):
    """The calendar behind a secret link."""

    tag = "Follow-ups"
    path_schemas = {"secret": {"type": "string"}}

    @operation(
        "get_calendar",
        "Calendar of follow-ups",
        "The calendar",
        response={"type": "string"},
        media_type=TYPE,
        refusals={404: NO_CALENDAR},
    )
    def feed(self, request: Request, secret: str) -> HttpResponse:
        """Return the open follow-ups of the user who made the link (`POST /api/users/me/calendar`): those of the next
        365 days and the overdue ones, at most 500 of each. Those with a time last half an hour, others the whole day.
        """
        user_id = CalendarLink.objects.user_id(secret)
        if user_id is None:
            raise NotFound(NO_CALENDAR)
        shown, installation = entries(_follow_ups(user_id, timezone.localdate())), Installation.current_name()
        # An event costs a millisecond to write, and programs ask every few minutes.
        tag = f'"{sha256(repr([_state(entry) for entry in shown]).encode()).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if matches_if_none_match(tag, request.META.get("HTTP_IF_NONE_MATCH")):
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(_calendar(shown, installation), content_type=f"{TYPE}; charset=utf-8", headers=headers)


def _follow_ups(user_id: int, today: date) -> list[FollowUp]:
    mine = FollowUp.objects.of_active_leads().open().filter(assignee_id=user_id).select_related("lead")
    overdue = mine.due_until(today - timedelta(days=1)).due_first().reverse()[:MAX_EVENTS]
    ahead = mine.filter(due_on__gte=today).due_until(today + PERIOD).due_first()[:MAX_EVENTS]
    return [*reversed(overdue), *ahead]


def _state(entry: Entry) -> tuple[object, ...]:
    follow_up = entry.follow_up
    return (follow_up.pk, follow_up.kind, follow_up.due_on, follow_up.due_time, *entry[1:])


def _calendar(shown: list[Entry], installation: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Real Estate CRM//Follow-ups//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "CRM follow-ups")
    for entry in shown:
        calendar.add_component(_event(entry, installation))
    return bytes(calendar.to_ical())


def _event(entry: Entry, installation: str) -> Event:
    follow_up, event = entry.follow_up, Event()
    event.add("uid", f"follow-up-{follow_up.pk}@{installation}")
    event.add("dtstamp", follow_up.created_at.astimezone(UTC))
    event.add("summary", f"{entry.title}: {entry.lead}")
    event.add("categories", [follow_up.kind])
    event.add("description", "\n".join([*entry.contact, entry.link]))
    event.add("url", entry.link)
    if follow_up.due_time:
        start = datetime.combine(
            follow_up.due_on, time.fromisoformat(follow_up.due_time), timezone.get_default_timezone()
        )
        event.add("dtstart", start.astimezone(UTC))
        event.add("duration", LENGTH)
    else:
        event.add("dtstart", follow_up.due_on)
        event.add("transp", "TRANSPARENT")  # it does not make the day busy
    return event
