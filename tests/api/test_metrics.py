"""Metrics for Prometheus, the log of slow requests, and ids of traces."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from crm_project import metrics
from crm_project.http import access_log
from crm_project.operations.models import ScheduledJob
from leads import sql
from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from users.models import User

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
MARK = "zqmark@example.com"
ROUTE = {"route": "api/leads/<lead_id>", "method": "GET"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture
def scraper(settings: Any, db: None) -> Api:
    """Prometheus, whose network is allowed."""
    settings.METRICS_NETWORKS = [ip_network("127.0.0.0/8"), ip_network("2001:db8::/32")]
    return Api({})


def scrape(scraper: Api) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples, by name."""
    reply = scraper.get("/metrics")
    assert (reply.status_code, reply["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(reply.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(samples: dict[str, list[tuple[dict[str, str], float]]], name: str, **labels: str) -> float:
    """Return the sum of the samples of a name with these labels."""
    return sum(number for own, number in samples.get(name, ()) if labels.items() <= own.items())


@pytest.fixture
def growth(scraper: Api) -> Callable[..., float]:
    """Return how much a metric has grown in the test, because the process counts for all its tests."""
    before = scrape(scraper)
    return lambda name, **labels: value(scrape(scraper), name, **labels) - value(before, name, **labels)


def test_only_the_listed_networks_read_them(scraper: Api, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.TRUSTED_NETWORKS = [ip_network("10.0.0.1")]
    table = [
        ("127.0.0.1", None, 200),
        ("::ffff:127.0.0.1", None, 200),
        ("2001:db8:1:2:3:4:5:6", None, 200),
        ("203.0.113.7", None, 404),
        ("", None, 404),
        ("127.0.0.1", "127.0.0.1", 404),  # a proxy that is not in TRUSTED_PROXIES: its client may be anybody
        ("10.0.0.1", "127.0.0.1", 200),
        ("10.0.0.1", "203.0.113.7", 404),
        ("10.0.0.1", "rubbish", 404),
    ]
    for peer, forwarded, status in table:
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        for host in ("testserver", "10.0.0.7:8000"):
            reply = scraper.client.get("/metrics", REMOTE_ADDR=peer, headers={**headers, "Host": host})
            assert (reply.status_code, (peer, forwarded)) == (status, (peer, forwarded))
            assert status == 200 or reply.json() == {"detail": "Not Found"}
    assert scraper.post("/metrics").status_code == 405
    settings.METRICS_NETWORKS = []
    assert (Api({}).get("/metrics").json(), Api({}).post("/metrics").status_code) == ({"detail": "Not Found"}, 404)
    assert "/metrics" not in Api({}).get("/openapi.json").json()["paths"]


def test_requests_are_counted_by_route_without_personal_data(growth: Callable[..., float], scraper: Api) -> None:
    agent = Api(bearer(make_user(email=MARK)))
    for path in ("/api/leads/404404", f"/api/leads/{MARK}", f"/api/leads/404405?q={MARK}", f"/{MARK}"):
        agent.get(path)
    agent.send(MARK.upper(), "/api/leads")
    assert growth("crm_http_requests_total", **ROUTE, status="404") == 2
    assert growth("crm_http_requests_total", **ROUTE, status="422") == 1
    assert growth("crm_http_requests_total", route="none", status="404") == 1
    assert growth("crm_http_requests_total", route="api/leads", method="other") == 1
    assert growth("crm_http_request_duration_seconds_bucket", **ROUTE, le="+Inf") == 3
    assert growth("crm_database_statements_total", **ROUTE) >= 4
    assert growth("crm_database_seconds_total", **ROUTE) > 0
    Api({}).get("/health/live")
    text = scraper.get("/metrics").content.decode()
    assert not re.search("zqmark|404404|health", text, re.IGNORECASE)


def test_503s_have_their_reason(growth: Callable[..., float], api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(sql, "fetch_page", fail)
    assert api.get("/api/leads").status_code == 503
    assert growth("crm_unavailable_total", reason="database") == 1
    assert growth("crm_unavailable_total") == 1


@pytest.fixture
def counted_events() -> Iterator[None]:
    """Events are counted as in a server."""
    events = logging.getLogger("crm.events")
    before = list(events.handlers)
    metrics.count_events()
    yield
    events.handlers[:] = before


def test_refused_logins_are_counted(counted_events: None, growth: Callable[..., float], scraper: Api) -> None:
    user = make_user()
    for password in (PASSWORD, "wrong-password"):
        scraper.post("/api/users/login", {"username": user.username, "password": password})
    assert growth("crm_logins_refused_total", reason="password") == 1
    assert growth("crm_logins_refused_total") == 1


def test_jobs_and_a_database_that_is_away(scraper: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 30, 3, tzinfo=UTC)
    ScheduledJob.objects.all().delete()
    ScheduledJob.objects.create(name="prune", due_at=at, finished_at=at, succeeded=False)
    ScheduledJob.objects.create(name="remind", due_at=at)
    found = scrape(scraper)
    assert found["crm_database_up"] == [({}, 1)]
    assert found["crm_imports_running"] == [({}, 0)]
    assert found["crm_job_last_run_timestamp_seconds"] == [({"job": "prune"}, at.timestamp())]
    assert found["crm_job_last_run_succeeded"] == [({"job": "prune"}, 0)]
    assert len(found["crm_job_due_timestamp_seconds"]) == 2

    def fail() -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(ScheduledJob.objects, "all", fail)
    found = scrape(scraper)
    assert found["crm_database_up"] == [({}, 0)]
    assert "crm_job_due_timestamp_seconds" not in found
    assert found["crm_http_requests_total"]


def test_every_metric_of_the_dashboard_and_the_table_exists(scraper: Api) -> None:
    text = scraper.get("/metrics").content.decode()
    names = dict(re.findall(r"^# TYPE (crm_\w+) (\w+)$", text, re.MULTILINE))
    series = {f"{name}_{part}" for name, kind in names.items() if kind == "histogram" for part in ("bucket", "count")}
    panels = json.loads((DOCS / "grafana.json").read_text())["panels"]
    shown = set(re.findall(r"\bcrm_[a-z_]+", " ".join(it["expr"] for panel in panels for it in panel["targets"])))
    assert len(shown) > 10
    assert shown - set(names) - series == set()
    documented = re.findall(r"^\| `(crm_\w+)", (DOCS / "operations.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(names)


def records(caplog: pytest.LogCaptureFixture, name: str) -> list[Any]:
    """Return the facts of the lines of a logger."""
    return [record.__dict__["facts"] for record in caplog.records if record.name == name]


def test_slow_requests_are_logged_with_the_time_of_their_statements(
    agent: User, settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(100))
    monkeypatch.setattr(access_log, "perf_counter", lambda: next(seconds))
    for limit, slow in ((0, 0), (1001, 0), (1000, 1)):
        settings.SLOW_MS = limit
        caplog.clear()
        reply = Api(bearer(agent)).get("/api/leads", q=MARK)  # a new client reads the settings again
        lines = records(caplog, "crm.slow")
        assert len(lines) == slow
    (line,) = lines
    assert line.pop("queries_ms") > 0
    assert line == {**records(caplog, "crm.access")[0], "request_id": reply["X-Request-ID"], "ms": 1000}
    assert line["queries"] > 1
    assert MARK not in caplog.text


def test_the_id_of_a_trace_is_logged_if_it_is_well_formed(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    valid = [f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-what-comes-later"]
    invalid = [
        "",
        MARK,
        TRACE,
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-01\n",
        f"cc-{TRACE}-{PARENT}-01.",
        f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
    ]
    for header in valid + invalid:
        caplog.clear()
        api.client.get("/api/users/me", headers={"traceparent": header})
        (line,) = records(caplog, "crm.access")
        assert line.get("trace_id") == (TRACE if header in valid else None), header
