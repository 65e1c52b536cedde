"""Scheduled jobs: ``manage.py work`` runs each when it is due, once, on one of all machines."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from crm_project.operations.jobs import Job, Worker, next_time
from crm_project.operations.models import LEASE, ScheduledJob
from tests.concurrency import together

MORNING = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
Wait = Callable[..., None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Stop the clock at ``MORNING``; return a function that moves it: ``wait(hours=1)``."""
    passed = [timedelta()]
    monkeypatch.setattr("django.utils.timezone.now", lambda: MORNING + passed[0])

    def wait(**time: float) -> None:
        passed[0] += timedelta(**time)

    return wait


def work() -> str:
    """Return what ``manage.py work --once`` prints."""
    printed = StringIO()
    call_command("work", "--once", stdout=printed)
    return printed.getvalue().strip()


def worker(*jobs: Job) -> Worker:
    """Return a worker that has these jobs only, and has planned them."""
    made = Worker()
    made.jobs = {job.name: job for job in jobs}
    made.plan()
    return made


@pytest.mark.django_db
def test_it_works(wait: Wait) -> None:
    assert work() == "0 jobs run"  # all are due later today
    wait(hours=2)
    assert work() == "1 jobs run"
    prune = ScheduledJob.objects.get(name="prune")
    assert (prune.started_at, prune.finished_at, prune.succeeded) == (timezone.now(), timezone.now(), True)
    assert (prune.result, prune.owner, prune.leased_until) == ("in all: 0 deleted", "", None)
    assert prune.due_at == datetime(2026, 12, 2, 3, 0, tzinfo=UTC)
    assert work() == "0 jobs run"
    wait(days=3)  # no machine ran: it is late, and runs once
    assert work() == "2 jobs run"
    assert work() == "0 jobs run"


@pytest.mark.parametrize(
    ("zone", "hour", "now", "expected"),
    [
        ("UTC", 7, "2026-12-01T06:59:59", "2026-12-01T07:00:00"),
        ("UTC", 7, "2026-12-01T07:00:00", "2026-12-02T07:00:00"),
        ("America/Chicago", 7, "2026-12-01T14:00:00", "2026-12-02T13:00:00"),
        ("America/Chicago", 7, "2027-03-13T14:00:00", "2027-03-14T12:00:00"),  # the clocks go forward
        ("Pacific/Auckland", 7, "2026-12-01T12:00:00", "2026-12-01T18:00:00"),
    ],
)
def test_hours_are_the_office_s(settings: Any, zone: str, hour: int, now: str, expected: str) -> None:
    settings.TIME_ZONE = zone
    time = next_time(hour, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert time == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.django_db
def test_an_earlier_hour_takes_effect_at_the_next_start(wait: Wait) -> None:
    worker(Job("late", 9, lambda: ["done"]))
    early = worker(Job("late", 8, lambda: ["done"]))
    wait(hours=6)
    assert early.run_due() == 1


@pytest.mark.django_db
def test_a_failure_stops_no_other_job_and_is_repeated(wait: Wait, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Iterator[str]:
        yield "begun"
        raise ValueError("ada@example.com")

    both = worker(Job("bad", 3, fail), Job("good", 3, lambda: ["fine"]))
    wait(hours=1)
    assert both.run_due() == 2
    assert set(ScheduledJob.objects.values_list("name", "succeeded", "result")) == {
        ("bad", False, "ValueError"),
        ("good", True, "fine"),
    }
    assert "A scheduled job failed" in caplog.text
    wait(minutes=9)
    assert both.run_due() == 0
    wait(minutes=1)
    assert both.run_due() == 1


@pytest.mark.django_db
def test_a_job_of_a_worker_that_is_gone_is_taken_over(wait: Wait) -> None:
    second = worker(Job("job", 3, lambda: ["done"]))
    wait(hours=1)
    assert ScheduledJob.objects.take("job", "the first, which is killed", timezone.now())
    assert second.run_due() == 0
    wait(seconds=LEASE.total_seconds())
    assert second.run_due() == 1
    assert not ScheduledJob.objects.renew("job", "the first, which is killed", timezone.now())


@pytest.mark.django_db
def test_a_worker_that_is_stopped_leaves_the_rest_to_another(wait: Wait) -> None:
    done: list[str] = []

    def steps() -> Iterator[str]:
        for step in ("one", "two"):
            done.append(step)
            first.stop()
            yield step

    first = worker(Job("job", 3, steps))
    wait(hours=1)
    assert (first.run_due(), done) == (0, ["one"])
    assert worker(Job("job", 3, lambda: ["rest"])).run_due() == 1
    assert ScheduledJob.objects.get(name="job").result == "rest"


def test_of_many_workers_one_runs_a_job(concurrent_db: None) -> None:
    runs: list[int] = []

    def steps() -> Iterator[str]:
        runs.append(1)
        yield "done"

    workers = [worker(Job("job", 3, steps)) for _ in range(4)]
    ScheduledJob.objects.update(due_at=timezone.now())
    assert sum(together(*(one.run_due for one in workers))) == len(runs) == 1
