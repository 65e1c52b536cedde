"""The morning mail: what is due today and overdue, to each agent who wants it, at most once a day.

A row for the user and the day is stored before the mail is sent. A process that is killed in between has not sent the
mail, and nobody else will: at most once is preferred to twice.
"""

from collections.abc import Iterator
from datetime import date

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db.models import Exists, OuterRef, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from activities.follow_ups.agenda import entries
from activities.models import FollowUp, Reminder
from users.models import User
from users.password_links import mail_is_set, send

MAX_ROWS = 50  # of a mail; the page Today has all


def remind() -> Iterator[str]:
    """Mail to each agent what is due, from ``REMIND_HOUR`` on; yield after each mail how many there were.

    Raises ``OSError`` if the mail server cannot be reached; whoever got no mail by then can still get it today.
    """
    local = timezone.now().astimezone(timezone.get_default_timezone())
    if not mail_is_set():
        yield "No mail: EMAIL_URL is not set"
        return
    if local.hour < settings.REMIND_HOUR:
        yield f"No mail before {settings.REMIND_HOUR}:00 ({settings.TIME_ZONE})"
        return
    sent = failed = 0
    connection = get_connection()
    try:
        for user in list(recipients(local.date())):
            message = message_to(user, local.date())
            connection.open()  # first, so that without a mail server no row says that the mail was sent
            if message is None or not Reminder.objects.claim(user.pk, local.date()):
                continue
            message.connection = connection
            if send(message):
                sent += 1
            else:
                failed += 1
                connection.close()  # its state is unknown
            yield _summary(sent, failed)
    finally:
        connection.close()
    yield _summary(sent, failed)


def recipients(day: date) -> QuerySet[User]:
    """Return the active users who want the mail, have follow-ups that are due, and have not got the mail of the day."""
    due = FollowUp.objects.of_active_leads().open().due_until(day).filter(assignee_id=OuterRef("pk"))
    users = User.objects.filter(is_active=True, wants_reminders=True).exclude(email="")
    claimed = Reminder.objects.filter(user_id=OuterRef("pk"), day=day)
    return users.filter(Exists(due)).exclude(Exists(claimed)).order_by("pk")


def message_to(user: User, day: date) -> EmailMultiAlternatives | None:
    """Return the mail of the day, or ``None`` if nothing is due. The number of queries does not depend on the rows."""
    due = FollowUp.objects.of_active_leads().open().due_until(day).filter(assignee_id=user.pk)
    shown = entries(due.due_first().select_related("lead")[:MAX_ROWS])
    if not shown:
        return None
    overdue, total = due.filter(due_on__lt=day).count(), due.count()
    context = {
        "user": user,
        "overdue": [entry for entry in shown if entry.follow_up.due_on < day],
        "today": [entry for entry in shown if entry.follow_up.due_on == day],
        "more": total - len(shown),
        "site": settings.SITE_URL + reverse("admin:index"),
        "preferences": settings.SITE_URL + reverse("admin:reminders"),
    }
    counts = [(total - overdue, "due today"), (overdue, "overdue")]
    subject = "Follow-ups: " + ", ".join(f"{number} {when}" for number, when in counts if number)
    text = render_to_string("activities/reminder.txt", context)
    message = EmailMultiAlternatives(subject, text, to=[user.email], headers={"Auto-Submitted": "auto-generated"})
    message.attach_alternative(render_to_string("activities/reminder.html", context), "text/html")
    return message


def _summary(sent: int, failed: int) -> str:
    return f"{sent} mailed, {failed} failed"
