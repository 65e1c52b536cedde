"""Rows read, converted and validated, a batch at a time: in this process, or in a child of it while this one loads.

Checking a row costs as much as storing it, and a small machine has two cores: with a child, both are at work.
"""

import fcntl
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from operator import itemgetter
from typing import Any, Protocol

from crm_project.validation import FieldError
from leads.importing.columns.mapping import Mapping
from leads.importing.ipc import Bad, Batch, deserialize, serialize
from leads.importing.sorting import DELETED, ERASED, LEFT_OUT, Aside, is_deleted, sorted_records
from leads.importing.sources.reader import Source
from leads.importing.sources.rows import BadRow, LeftOut
from leads.importing.stats import Refused, identity
from leads.references import reference_fields, resolve
from leads.validators import validate

BATCH = 1000  # rows
NOBODY = {"name": "", "email": "", "phone": ""}
NO_IDENTITY = "no name, email or phone"
PIPE = 1 << 20  # bytes; the most that Linux gives to everybody
AHEAD = 1 << 20  # bytes of a file worth a process of its own
ROWS, REFUSED, END = b"b", b"r", b"e"  # the first byte of what the child sends


Make = Callable[[int, Any, dict[str, Any], dict[str, Any]], Any]
Good = tuple[int, Any, dict[str, Any], dict[str, Any]]  # line, cells, the values given, all values


class RowSink(Protocol):
    """Makes a row for the writer, and serializes it for the pipe between the processes (see ``ipc``)."""

    def make(self, line: int, cells: Any, given: dict[str, Any], clean: dict[str, Any]) -> Any:
        """Return one row, for this process or to be sent to the other."""

    def pack(self, rows: list[Any]) -> list[Any]:
        """Return rows in a form that can be serialized."""

    def unpack(self, rows: list[Any]) -> list[Any]:
        """Return the rows from the form of ``pack``."""


def batches(source: Source, columns: Mapping, sink: RowSink, parallel: bool) -> Iterator[Batch]:
    """Yield the rows of ``source`` in order; ``sink`` makes the valid ones.

    ``parallel`` may be true in a process without threads. Larger files are then checked in a forked process, if the
    system can fork. Raises ``Refused`` if the file is damaged.
    """
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    if parallel and can_fork and is_worth_a_process(source) and not needs_database(columns):
        return _from_child(source, columns, sink)
    return checked(source, columns, sink.make)


def is_worth_a_process(source: Source) -> bool:
    """Return whether the file is large enough for work beside that of this process."""
    return source.size > AHEAD


def needs_database(columns: Mapping) -> bool:
    """Return whether checking the rows takes queries: a column is a foreign key, whose row must exist."""
    return not reference_fields().keys().isdisjoint((*columns.columns, *columns.constants))


def checked(source: Source, columns: Mapping, make: Make) -> Iterator[Batch]:
    """Yield the rows of ``source`` in order, checked in this process."""
    read_row, report, deletions, needs_identity = columns.read, columns.report, columns.deletions, columns.cleans
    with_deleted, erased = columns.cell_options.with_deleted, columns.cell_options.erased
    labels = not {"owner", "tags"}.isdisjoint((*columns.columns, *columns.constants))
    read, good, bad, aside = 0, list[Good](), list[Bad](), list[Aside]()
    for line, cells in sorted_records(source, columns):
        if read == BATCH:
            yield _resolved(good, bad, make, _counted(columns, read, source.position, aside))
            read, good, bad, aside = 0, [], [], []
        read += 1
        report.line = line
        if isinstance(cells, LeftOut):
            aside.append(Aside(line, list(cells), LEFT_OUT, cells.reason, {}))
            continue
        given, wrong, ruled = read_row(cells)
        if erased and erased.include(str(given.get("email", "")), str(given.get("phone", ""))):
            aside.append(Aside(line, [], ERASED, "erased on request; not brought back", NOBODY))
            continue
        clean, problems = (ruled, []) if ruled else validate(given, labels=labels)
        if deletions and not isinstance(cells, BadRow) and is_deleted(deletions, cells):
            if not with_deleted:
                aside.append(Aside(line, cells, DELETED, "deleted in the source", identity(given)))
                continue
            given["is_active"] = False
        if wrong or problems:
            bad.append((line, cells, wrong + _unreported(problems, wrong)))
        elif needs_identity and not (clean["email"] or clean["last_name"] or clean["first_name"] or clean["phone"]):
            bad.append((line, cells, [FieldError("no_identity", (), NO_IDENTITY, "")]))
        else:
            good.append((line, cells, given, clean))
    yield _resolved(good, bad, make, _counted(columns, read, source.position, aside))


def _counted(columns: Mapping, read: int, position: int, aside: list[Aside]) -> Batch:
    """Return a batch with the counts and reports of its rows, but without the rows."""
    return Batch(read, [], [], position, columns.taken_warnings(), columns.taken_report(), tuple(aside))


def _resolved(good: list[Good], bad: list[Bad], make: Make, batch: Batch) -> Batch:
    """Return the batch with its rows. Those whose foreign keys do not exist are rejected."""
    problems = resolve([row[3] for row in good])
    if problems:
        bad += [(*good[index][:2], wrong) for index, wrong in problems.items()]
        bad.sort(key=itemgetter(0))
    made = [make(*row) for index, row in enumerate(good) if index not in problems]
    return batch._replace(good=made, bad=bad)


def _unreported(problems: list[FieldError], reported: list[FieldError]) -> list[FieldError]:
    """Return the problems of fields without an earlier problem. A cell that could not be read is a missing value."""
    fields = {problem.loc for problem in reported}
    return [problem for problem in problems if problem.loc not in fields]


def _from_child(source: Source, columns: Mapping, sink: RowSink) -> Iterator[Batch]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # room for some batches, or one process would wait while the other works
        fcntl.fcntl(theirs.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    child = context.Process(target=_check_in_child, args=(source, columns, sink, ours, theirs), daemon=True)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C during the fork would be lost
    child.start()
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    theirs.close()  # so that the end of the child is the end of the pipe
    try:
        while (sent := ours.recv_bytes())[:1] != END:
            if sent[:1] == REFUSED:
                raise Refused(sent[1:].decode(errors="surrogatepass"))
            yield deserialize(sent[1:], sink.unpack)
    except EOFError:
        raise Refused("the process that checks the rows ended too early") from None
    finally:
        ours.close()
        child.terminate()
        child.join()


def _check_in_child(source: Source, columns: Mapping, sink: RowSink, ours: Connection, theirs: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    ours.close()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        for batch in checked(source, columns, sink.make):
            theirs.send_bytes(ROWS + serialize(batch, sink.pack))
        end = END
    except Refused as refused:
        end = REFUSED + str(refused).encode(errors="surrogatepass")
    except BrokenPipeError:
        return
    theirs.send_bytes(end)


def _end_with_parent() -> None:
    """Exit when the parent has ended: this process has copies of its lock and of its connection to the database."""
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
