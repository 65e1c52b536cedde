"""Metrics of imports, from their table."""

from prometheus_client.core import GaugeMetricFamily, Metric

from leads.importing import runs
from leads.models import ImportRun


def collect() -> list[Metric]:
    """Return the number of running imports, those of the command included. At most two queries."""
    states = runs.states_of(ImportRun.objects.only("state").order_by("-pk")[: runs.NEWEST])
    running = sum(state == ImportRun.State.RUNNING for state in states.values())
    return [GaugeMetricFamily("crm_imports_running", "Imports that run", value=running)]
