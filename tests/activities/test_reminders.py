"""The morning mail: ``manage.py remind``."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities.models import FollowUp, Reminder
from leads.consents import Consent
from leads.models import Lead
from tests.concurrency import together
from tests.factories import SOMEBODY, make_follow_up, make_lead, make_user
from tests.users.mails import set_mail
from users.models import User

TODAY = date(2026, 12, 1)
DAY = timedelta(days=1)
Clock = Callable[[str], None]


@pytest.fixture(autouse=True)
def clock(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Configure mail; stop the clock on ``TODAY`` at 7 in Chicago. Return a function that sets another time there."""
    set_mail(settings)
    settings.TIME_ZONE, settings.SITE_URL = "America/Chicago", "https://crm.example.com"

    def set_time(time: str) -> None:
        hour, minute = map(int, time.split(":"))
        now = datetime(2026, 12, 1, hour, minute, tzinfo=UTC) + timedelta(hours=6)
        monkeypatch.setattr("django.utils.timezone.now", lambda: now)

    set_time("7:00")
    return set_time


def remind() -> str:
    """Return what the command prints."""
    printed = StringIO()
    call_command("remind", stdout=printed)
    return printed.getvalue().strip()


def due(user: User, day: date = TODAY, **fields: Any) -> FollowUp:
    """Store a follow-up of the user with a new lead."""
    lead = fields.pop("lead", None) or make_lead(first_name="Ada", last_name="Lovelace")
    return make_follow_up(lead, user, due_on=day, **fields)


@pytest.mark.django_db
def test_it_works() -> None:
    user = make_user(first_name="Lena", last_name="Fischer", is_staff=True)
    lead = make_lead(first_name="Ada <b>", last_name="King", phone="+1 555 0100", email="ada@example.com")
    due(user, lead=lead, title="Send the plans", due_time="14:30")
    due(user, TODAY - DAY, title="Call back")
    due(user, TODAY + DAY, title="Not yet")
    assert remind() == "1 mailed, 0 failed"
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([user.email], "Follow-ups: 1 due today, 1 overdue")
    assert message.extra_headers == {"Auto-Submitted": "auto-generated"}
    text, ((html, kind),) = message.body, message.alternatives
    link = f"https://crm.example.com/admin/leads/lead/{lead.pk}/change/"
    assert f"- 14:30 Send the plans: Ada <b> King, +1 555 0100, ada@example.com\n  {link}\n" in text
    assert "Overdue\n- 30 Nov 2026 Call back: Ada Lovelace, " in text
    assert "https://crm.example.com/admin/reminders/" in text
    assert kind == "text/html"
    for part in ("Ada &lt;b&gt; King", f'href="{link}"', 'href="mailto:ada@example.com"', "<strong>14:30</strong>"):
        assert part in html
    assert "Not yet" not in text + html
    assert remind() == "0 mailed, 0 failed"  # at most one a day
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_who_gets_none() -> None:
    for fields in ({"is_active": False}, {"wants_reminders": False}, {"email": ""}):
        due(make_user(**fields))
    user = make_user()
    due(user, TODAY + DAY)
    deleted = due(user).lead
    Lead.objects.filter(pk=deleted.pk).update(is_active=False)
    FollowUp.objects.complete(due(user).pk, None, SOMEBODY)
    assert remind() == "0 mailed, 0 failed"
    assert not Reminder.objects.exists()


@pytest.mark.django_db
def test_who_may_not_be_called_has_no_number_in_it() -> None:
    follow_up = due(make_user(), lead=make_lead(phone="+1 555 0100", email="ada@example.com"))
    Consent.objects.record(follow_up.lead_id, {"channel": "call", "state": "revoked"}, SOMEBODY)
    remind()
    body = mail.outbox[0].body
    assert "ada@example.com" in body
    assert "555" not in body
    assert "/admin/" not in body  # the user cannot log in to the back office


@pytest.mark.django_db
def test_only_with_a_mail_server_and_not_before_the_hour(settings: Any, clock: Clock) -> None:
    due(make_user())
    clock("6:59")
    assert remind() == "No mail before 7:00 (America/Chicago)"
    clock("23:59")  # the office's day is not over
    settings.EMAIL_URL = ""
    assert remind() == "No mail: EMAIL_URL is not set"
    settings.EMAIL_URL = "console:"
    assert remind() == "1 mailed, 0 failed"


class Refusing(EmailBackend):
    """Refuses one address, as a mail server does for a mailbox that is full."""

    refused = ""

    def send_messages(self, messages: Any) -> int:
        """Send, or raise."""
        if messages[0].to == [self.refused]:
            raise SMTPRecipientsRefused({self.refused: (552, b"full")})
        return super().send_messages(messages)


@pytest.mark.django_db
def test_a_mailbox_that_fails_stops_no_other(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND = "tests.activities.test_reminders.Refusing"
    users = [make_user() for _ in range(3)]
    for user in users:
        due(user)
    monkeypatch.setattr(Refusing, "refused", users[1].email)
    assert remind() == "2 mailed, 1 failed"
    assert [message.to for message in mail.outbox] == [[users[0].email], [users[2].email]]
    assert remind() == "0 mailed, 0 failed"


@pytest.mark.django_db
def test_without_the_mail_server_nothing_counts_as_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    due(make_user())

    def away(backend: EmailBackend) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "open", away)
        with pytest.raises(CommandError, match="The mail server cannot be reached: Connection refused"):
            remind()
    assert remind() == "1 mailed, 0 failed"


@pytest.mark.django_db
def test_a_process_that_was_killed_before_sending_causes_no_second_mail() -> None:
    user = make_user()
    due(user)
    assert Reminder.objects.claim(user.pk, TODAY)
    assert remind() == "0 mailed, 0 failed"
    assert not Reminder.objects.claim(user.pk, TODAY)


@pytest.mark.django_db
def test_a_long_list_is_cut_and_costs_no_more_queries() -> None:
    user = make_user()
    due(user)

    def queries() -> int:
        Reminder.objects.all().delete()
        with CaptureQueriesContext(connection) as captured:
            remind()
        return len(captured)

    few = queries()
    for _ in range(60):
        due(user, lead=Lead.objects.first())
    assert queries() == few
    assert "And 11 more." in mail.outbox[1].body
    assert mail.outbox[1].subject == "Follow-ups: 61 due today"


def test_two_machines_at_once(concurrent_db: None) -> None:
    for _ in range(3):
        due(make_user())
    together(remind, remind)
    assert len(mail.outbox) == len({message.to[0] for message in mail.outbox}) == 3


@pytest.mark.django_db
def test_old_rows_are_pruned() -> None:
    user = make_user()
    for days in (30, 31):
        Reminder.objects.claim(user.pk, TODAY - days * DAY)
    call_command("prune", verbosity=0)
    assert Reminder.objects.get().day == TODAY - 30 * DAY
