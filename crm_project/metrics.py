"""Metrics for Prometheus: what the processes of this server count, and ``read`` for ``/metrics``.

prometheus-client looks for the folder of ``shared_between_processes`` when it is imported, and this module imports it.
It is therefore imported by the application, and only with ``METRICS_ALLOW``.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from crm_project.app_modules import modules
from crm_project.db.deadline import waiting_at_most
from crm_project.http.errors import UNAVAILABLE_BECAUSE
from crm_project.metrics_folder import VARIABLE, is_alive
from crm_project.statement_counter import StatementCounter

DATABASE_TIMEOUT = 2.0  # seconds to wait for a connection, so that a scrape succeeds while the database is busy
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds
METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
NO_ROUTE = "none"  # unknown paths and static files
LOGINS_REFUSED = {"login_failed": "password", "second_factor_failed": "second_factor"}  # reasons by event
ROWS = ("created", "updated", "skipped", "rejected")

disable_created_metrics()  # they would double the number of series
registry = CollectorRegistry()

REQUESTS = Counter("crm_http_requests", "Requests", ["route", "method", "status"], registry=registry)
DURATION = Histogram(
    "crm_http_request_duration_seconds", "Time of a request", ["route", "method"], buckets=BUCKETS, registry=registry
)
STATEMENTS = Counter("crm_database_statements", "SQL statements of requests", ["route", "method"], registry=registry)
DATABASE_TIME = Counter("crm_database_seconds", "Time of SQL statements", ["route", "method"], registry=registry)
UNAVAILABLE = Counter("crm_unavailable", "Requests with a 503", ["reason"], registry=registry)
LOGINS = Counter("crm_logins_refused", "Refused logins", ["reason"], registry=registry)
IMPORTS = Counter("crm_imports_ended", "Imports that ended", ["state"], registry=registry)
IMPORT_ROWS = Counter("crm_import_rows", "Rows of ended imports", ["result"], registry=registry)
LOAD = {
    "busy": Gauge("crm_threads_busy", "Requests that run", multiprocess_mode="livesum", registry=registry),
    "waiting": Gauge("crm_requests_waiting", "Requests without thread", multiprocess_mode="livesum", registry=registry),
}


def count_load(state: str, change: int) -> None:
    """Add ``change`` to the number of requests that are ``busy`` or ``waiting``."""
    LOAD[state].inc(change)


def count_request(
    request: HttpRequest, response: HttpResponseBase, seconds: float, statements: StatementCounter
) -> None:
    """Count a request that took ``seconds``."""
    match = request.resolver_match
    route = match.route if match and match.route else "/" if match else NO_ROUTE
    method = request.method if request.method in METHODS else "other"
    requests, duration, count, time = _series(route, method, response.status_code)
    requests.inc()
    duration.observe(seconds)
    if statements.count:
        count.inc(statements.count)
        time.inc(statements.seconds)
    if response.status_code == 503:
        UNAVAILABLE.labels(request.META.get(UNAVAILABLE_BECAUSE, "other")).inc()


@cache
def _series(route: str, method: str, status: int) -> tuple[Counter, Histogram, Counter, Counter]:
    """Return what counts such requests. Looking it up each time cost 1.5 % of ``GET /api/leads``."""
    of_route = (route, method)
    requests = REQUESTS.labels(route, method, status)
    return requests, DURATION.labels(*of_route), STATEMENTS.labels(*of_route), DATABASE_TIME.labels(*of_route)


class EventCounter(logging.Handler):
    """Counts the named events (``crm_project/events.py``) that metrics are made of."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count an event."""
        if reason := LOGINS_REFUSED.get(record.msg):
            LOGINS.labels(reason).inc()
        elif record.msg == "import_ended":
            facts = getattr(record, "facts", {})
            IMPORTS.labels(facts["state"]).inc()
            for result in ROWS:
                IMPORT_ROWS.labels(result).inc(facts[result])


def count_events() -> None:
    """Count named events from now on."""
    for reason in LOGINS_REFUSED.values():
        LOGINS.labels(reason)  # starts at 0, so that the first increase is seen
    logging.getLogger("crm.events").addHandler(EventCounter())


class DatabaseCollector(Collector):
    """Metrics that are read from the database: those of the module ``metrics`` of each app."""

    def collect(self) -> Iterator[Metric]:
        """Yield them; only ``crm_database_up`` while the database cannot be used."""
        found: list[Metric] = []
        try:
            with waiting_at_most(DATABASE_TIMEOUT):
                found = [metric for module in modules("metrics") for metric in module.collect()]
        except Error:
            yield GaugeMetricFamily("crm_database_up", "Whether it answers", value=0)
        else:
            yield GaugeMetricFamily("crm_database_up", "Whether it answers", value=1)
        yield from found


def read() -> bytes:
    """Return all metrics in Prometheus' text format: of all workers under ``manage.py serve``, or of this process."""
    folder = os.environ.get(VARIABLE)
    if folder:
        _forget_dead_processes(Path(folder))
    counted: Collector = MultiProcessCollector(None) if folder else registry
    return generate_latest(counted) + generate_latest(DatabaseCollector())


def _forget_dead_processes(folder: Path) -> None:
    """Remove the gauges of workers that have died. Their counters still count."""
    for file in folder.glob("gauge_live*.db"):
        process = int(file.stem.rpartition("_")[2])
        if not is_alive(process):
            with suppress(FileNotFoundError):  # another worker does the same
                mark_process_dead(process, str(folder))
