"""Scheduled jobs: work for once a day, which one of all machines does.

Each app with such work has a module ``scheduled`` with a tuple ``JOBS``. ``manage.py work`` and a child process of the
server run them.
"""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import Error, connections
from django.utils import timezone

from crm_project.app_modules import modules
from crm_project.events import event
from crm_project.operations.models import MAX_RESULT, ScheduledJob

POLL = 20.0  # seconds between two looks at the table
NAP = 0.5  # seconds until a signal is noticed
RETRY = timedelta(minutes=10)  # after which a job that failed is due again
RESTART_DELAY = 60.0  # seconds until the server starts the process of its jobs again, if that has exited

logger = logging.getLogger("crm.jobs")


class Job(NamedTuple):
    """Work for once a day.

    ``steps`` yields a text after each step; the last one is the result. A worker that is stopped leaves the rest to
    another one, and one whose machine stood still for longer than ``LEASE`` is no longer alone: the steps must be safe
    to repeat, and safe while another worker does them.
    """

    name: str
    hour: int  # of the office's day, at which it is due
    steps: Callable[[], Iterable[str]]


class Interrupted(Exception):
    """The worker was stopped, or lost the job, before the job ended."""


def all_jobs() -> dict[str, Job]:
    """Return the jobs of all apps by name."""
    return {job.name: job for module in modules("scheduled") for job in module.JOBS}


def next_time(hour: int, now: datetime) -> datetime:
    """Return when it is ``hour`` in the office (``TIME_ZONE``) the next time after ``now``."""
    local = now.astimezone(timezone.get_default_timezone())
    today = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (today if today > local else today + timedelta(days=1)).astimezone(UTC)


class Worker:
    """Runs due jobs in this process, one after the other."""

    def __init__(self) -> None:
        self.jobs = all_jobs()
        self.owner = f"{socket.gethostname()}, process {os.getpid()}"[-63:]
        self.is_stopping = False

    def run(self) -> None:
        """Run jobs as they become due, until SIGTERM or SIGINT; then end after the current step."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        self.plan()
        while not self.is_stopping:
            try:
                self.run_due()
            except Error:
                logger.exception("The database cannot be used; the jobs wait")
            connections.close_all()  # an idle connection for each machine all day would be of no use
            self._wait()

    def stop(self, *signal_and_frame: Any) -> None:
        """Let the worker end after the current step."""
        self.is_stopping = True

    def plan(self) -> None:
        """Store when each job is due, unless it is stored and earlier."""
        now = timezone.now()
        ScheduledJob.objects.plan({job.name: next_time(job.hour, now) for job in self.jobs.values()})

    def run_due(self) -> int:
        """Run the jobs that are due and that no other worker has; return their number."""
        due = ScheduledJob.objects.due(self.jobs, timezone.now())
        return sum(self._run_if_free(self.jobs[name]) for name in due if not self.is_stopping)

    def _run_if_free(self, job: Job) -> bool:
        if not ScheduledJob.objects.take(job.name, self.owner, timezone.now()):
            return False
        started = time.monotonic()
        try:
            result, succeeded = self._do(job), True
        except Interrupted:
            ScheduledJob.objects.release(job.name, self.owner)
            return False
        except Exception as error:  # whatever it is, the other jobs run, and this one again later
            logger.exception("A scheduled job failed")
            result, succeeded = type(error).__name__, False
        now = timezone.now()
        due_at = next_time(job.hour, now) if succeeded else now + RETRY
        run = {"finished_at": now, "succeeded": succeeded, "result": result[:MAX_RESULT], "due_at": due_at}
        ScheduledJob.objects.finish(job.name, self.owner, **run)
        event("job_ended", job=job.name, succeeded=succeeded, ms=round((time.monotonic() - started) * 1000))
        return True

    def _do(self, job: Job) -> str:
        result = ""
        for step in job.steps():
            result = step
            if self.is_stopping or not ScheduledJob.objects.renew(job.name, self.owner, timezone.now()):
                raise Interrupted
        return result

    def _wait(self) -> None:
        until = time.monotonic() + POLL
        while not self.is_stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, NAP))


class JobsProcess:
    """The worker of a server, in a child process that is started again if it exits.

    So no job takes processor time from the threads of requests, or is ended by their timeouts.
    """

    def __init__(self) -> None:
        self.is_stopping = threading.Event()
        self.process: Any = None
        self.thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self) -> None:
        """Start the process."""
        self.thread.start()

    def stop(self, timeout: float) -> None:
        """Let the process end after the current step of its job, or kill it after ``timeout`` seconds."""
        self.is_stopping.set()
        if self.process is not None:
            self.process.terminate()
            self.thread.join(timeout)
            self.process.kill()

    def _supervise(self) -> None:
        while not self.is_stopping.is_set():
            # A fork, as the server sets it: it shares the memory of the application with the workers.
            self.process = multiprocessing.Process(target=_work, daemon=True)
            self.process.start()
            self.process.join()
            self.is_stopping.wait(RESTART_DELAY)


def _work() -> None:
    try:
        Worker().run()
    except Error:
        logger.exception("The database cannot be used; the scheduled jobs start again later")
