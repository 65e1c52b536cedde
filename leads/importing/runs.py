"""The account of an import: its ``ImportRun`` row, from "running" to its end, and whether a running one still lives."""

import os
import signal
import socket
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import timezone

from crm_project.db import locks
from crm_project.db.exclusive import exclusive, locked_numbers
from crm_project.db.locks import Lock
from crm_project.events import event
from leads.models import ImportRun

DIED = "died"
INTERRUPTED = "it was interrupted"
NEWEST = 20  # imports; few run at a time, so that they are among these


@contextmanager
def running(**fields: Any) -> Iterator[ImportRun]:
    """Yield a new run, which is stored at once in a transaction of its own, and marked as alive until the block or
    the process ends.
    """
    with ExitStack() as stack:
        with transaction.atomic():  # locked before others see the run, or they would take it for one that has died
            run = ImportRun.objects.create(process=f"{socket.gethostname()}, process {os.getpid()}", **fields)
            stack.enter_context(exclusive(Lock.RUNNING_IMPORT, run.pk))
        yield run


def wait_for_lock(shared: bool = False) -> None:
    """Wait for other imports to end; ``shared``: only for those that run alone.

    To be called inside the transaction. SQLite's write lock does it by itself. An import that is run by a request is
    not limited to a request's time for a statement.
    """
    locks.set_long_limits()
    locks.lock_for_transaction(Lock.LOADING, shared, patient=True)


def obstacle(shared: bool, own: Collection[int] = ()) -> str:
    """Return what ``wait_for_lock`` would wait for at this moment; "" if for nothing. ``own`` runs do not count."""
    is_locked = locks.would_wait(Lock.LOADING, shared)
    if not is_locked and shared and connection.vendor == "postgresql":
        return ""
    if run := running_imports(exclude=own):
        return f"import {run.pk}, {run.file_name}"
    return "it is being checked or undone" if is_locked else ""


class OtherRuns:
    """Other imports that end while this import loads. Created once it has the lock."""

    def __init__(self, own: Collection[int]) -> None:
        others = ImportRun.objects.exclude(pk__in=own).order_by()
        self.own = own
        self.running = list(others.filter(state=ImportRun.State.RUNNING).values_list("pk", flat=True))
        self.last = others.aggregate(last=Max("pk"))["last"] or 0

    def ended(self) -> list[int]:
        """Return those that have stored something meanwhile."""
        meanwhile = ImportRun.objects.filter(Q(pk__gt=self.last) | Q(pk__in=self.running), state=ImportRun.State.DONE)
        return list(meanwhile.exclude(pk__in=self.own).exclude(created=0, updated=0).values_list("pk", flat=True))


def state_of(run: ImportRun) -> str:
    """Return the run's state, or ``DIED`` for a running one whose process has ended."""
    return states_of([run])[run.pk]


def states_of(runs: Iterable[ImportRun]) -> dict[int, str]:
    """Return the states of runs by their ids, with at most one query."""
    runs = list(runs)
    running = [run.pk for run in runs if run.state == ImportRun.State.RUNNING]
    died = set(running) - locked_numbers(Lock.RUNNING_IMPORT, running) if running else set()
    return {run.pk: DIED if run.pk in died else str(run.state) for run in runs}


def running_imports(exclude: Collection[int] = ()) -> ImportRun | None:
    """Return one of the imports that run at this moment, not one that has died."""
    running = ImportRun.objects.filter(state=ImportRun.State.RUNNING).exclude(pk__in=exclude)
    newest = list(running.order_by("-pk")[:NEWEST])
    states = states_of(newest)
    return next((run for run in newest if states[run.pk] == ImportRun.State.RUNNING), None)


def known(sha256: str, kind: str) -> ImportRun | None:
    """Return the earlier run that stored rows of the same file and was not undone, or ``None``."""
    stored = ImportRun.objects.filter(sha256=sha256, kind=kind, state=ImportRun.State.DONE)
    return stored.exclude(created=0, updated=0).first()


class Interrupts:
    """Defers Ctrl-C during an import, so that a run is stored completely; in the ``with`` block it is raised at once.

    An exception that is raised in a callback of a library may be lost there: ``check`` raises it again.
    """

    def __init__(self) -> None:
        self.came = self.at_once = False

    def note(self, number: int, frame: object) -> None:
        """Handle the signal."""
        self.came = True
        if self.at_once:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if the signal came. Called before the transaction is committed."""
        if self.came:
            raise KeyboardInterrupt

    def __enter__(self) -> "Interrupts":
        self.at_once = True
        self.check()
        return self

    def __exit__(self, *raised: object) -> None:
        self.at_once = False


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Yield an ``Interrupts`` that handles Ctrl-C until the block ends. Ctrl-C after its ``with`` block has no effect.

    Only in a main thread with Python's own handler; otherwise no signal is handled.
    """
    interrupts = Interrupts()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupts.note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupt(runs: Sequence[ImportRun]) -> None:
    """Write the end of runs that somebody stopped (Ctrl-C), unless it had come; those of imports are then as stored."""
    connection.close()  # it may have been in the middle of anything; what is not committed is not stored
    running = ImportRun.objects.filter(pk__in=[run.pk for run in runs if run.pk], state=ImportRun.State.RUNNING)
    running.update(state=ImportRun.State.REFUSED, message=INTERRUPTED, finished_at=timezone.now())
    for run in runs:
        if run.pk:
            run.refresh_from_db()
        elif run.state == ImportRun.State.RUNNING:
            close(run, ImportRun.State.REFUSED, message=INTERRUPTED)


def close(run: ImportRun, state: ImportRun.State, **counts: Any) -> None:
    """Write the end of a run, its state and its counts. That of a dry run is not stored."""
    for field, value in {**counts, "state": state, "finished_at": timezone.now()}.items():
        setattr(run, field, value)
    if run.pk:
        run.save()


def log_end(run: ImportRun) -> None:
    """Log the end of an import of the server, and count it in the metrics."""
    counts = {name: getattr(run, name) for name in ("created", "updated", "skipped", "rejected")}
    event("import_ended", run=run.pk, state=str(run.state), **counts)
