"""The scheduled jobs of this app; see ``crm_project/operations/jobs.py``."""

from crm_project.operations.jobs import Job
from crm_project.operations.prune import prune

JOBS = (Job("prune", 3, prune),)
