"""The scheduled jobs of this app; see ``crm_project/operations/jobs.py``."""

from django.conf import settings

from activities.reminders import remind
from crm_project.operations.jobs import Job

JOBS = (Job("remind", settings.REMIND_HOUR, remind),)
