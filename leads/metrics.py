"""Metrics of imports, from their table."""

from prometheus_client.core import GaugeMetricFamily, Metric

from leads.importing import runs
from leads.models import ImportRun

NEWEST = 20  # imports; few run at a time, so that they are among these


def collect() -> list[Metric]:
    """Return how many imports run, by command too; two queries at most."""
    states = runs.states_of(ImportRun.objects.only("state", "process").order_by("-pk")[:NEWEST])
    running = sum(state == ImportRun.State.RUNNING for state in states.values())
    return [GaugeMetricFamily("crm_imports_running", "Imports that run", value=running)]
