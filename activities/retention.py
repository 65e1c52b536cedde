"""The expired rows that ``manage.py prune`` deletes; see ``crm_project/http/retention.py``."""

from activities.models import Reminder
from crm_project.http.retention import Prune, delete_in_batches

EXPIRING: dict[str, Prune] = {
    "reminders sent": lambda now: delete_in_batches(Reminder.objects.expired(now)),
}
