"""Metrics of scheduled jobs, from their table: the last runs on whichever machine."""

from prometheus_client.core import GaugeMetricFamily, Metric

from crm_project.operations.models import ScheduledJob


def collect() -> list[Metric]:
    """Return when each job ended last, whether it succeeded, and when it is due; one query."""
    ended = GaugeMetricFamily("crm_job_last_run_timestamp_seconds", "End of a job's last run", labels=["job"])
    succeeded = GaugeMetricFamily("crm_job_last_run_succeeded", "Whether it succeeded", labels=["job"])
    due = GaugeMetricFamily("crm_job_due_timestamp_seconds", "When the job is due", labels=["job"])
    for job in ScheduledJob.objects.all():
        due.add_metric([job.name], job.due_at.timestamp())
        if job.finished_at:
            ended.add_metric([job.name], job.finished_at.timestamp())
            succeeded.add_metric([job.name], bool(job.succeeded))
    return [ended, succeeded, due]
