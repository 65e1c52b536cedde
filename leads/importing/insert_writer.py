"""New leads into their table, and the writer that stores every row as one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from itertools import count, islice
from operator import itemgetter
from typing import Any

from crm_project.db import bulk
from crm_project.db.sql import written_columns
from leads.consent_cells import Grant
from leads.consents import REVOKED
from leads.duplicates import Lookalikes
from leads.importing.cells.steps import GRANTS, NOTES, REFUSALS, REMAINDERS
from leads.importing.ipc import timestamp
from leads.importing.notes import Note, NoteTaker
from leads.importing.stats import Stats
from leads.importing.warnings import NOTED, Warnings
from leads.models import Consent, ImportRun, Lead
from leads.querysets import build_row
from leads.search_keys import SearchKeys
from users.audit import Actor, Channel

COLUMNS = written_columns(Lead)
in_order = itemgetter(*COLUMNS)
WIDTH = len(COLUMNS)
CREATED_AT, ACTIVITY_COUNT = COLUMNS.index("created_at"), COLUMNS.index("activity_count")
names_of = itemgetter(COLUMNS.index("first_name"), COLUMNS.index("last_name"))
keys_of = itemgetter(*map(COLUMNS.index, SearchKeys._fields))
TIMESTAMPS = [COLUMNS.index(name) for name in ("created_at", "updated_at", "closed_at")]

DRY_RUN_IDS = 1 << 62  # and up: those of the leads of a dry run, which uses up none of the database

EXTRAS = frozenset((REMAINDERS, NOTES, REFUSALS, GRANTS))  # what a row may have beside its fields

Values = dict[str, Any]
Refusals = list[tuple[int, str]]  # leads, and how they do not want to be contacted


NewIds = Callable[[int], Sequence[int]]


def ids_of_new_leads(dry_run: bool) -> NewIds:
    """Return the function that gives ids for a number of new leads."""
    if not dry_run:
        return partial(bulk.new_ids, Lead)
    numbers = count(DRY_RUN_IDS)
    return lambda number: list(islice(numbers, number))


def record_refusals(run: ImportRun, refusals: Refusals, are_new: bool) -> None:
    """Record the consents that leads revoke in a file, unless this is a dry run; of stored leads what is new."""
    if refusals and run.pk:
        actor, evidence = Actor(run.user_id, run.started_by, Channel.IMPORT), f"Import of {run.file_name}"
        clean = {"state": REVOKED, "wording": None, "evidence": evidence}
        rows = [(lead_id, {"channel": way, **clean}) for lead_id, way in dict.fromkeys(refusals)]
        Consent.objects.record_many(rows, actor, run.pk, are_new)


def record_grants(run: ImportRun, grants: Sequence[tuple[int, Grant]]) -> None:
    """Record the consents that new leads have granted, unless this is a dry run. Refusals come after, and so count."""
    if grants and run.pk:
        actor, evidence = Actor(run.user_id, run.started_by, Channel.IMPORT), f"Import of {run.file_name}"
        rows = [
            (
                lead_id,
                {**clean, "created_at": timestamp(clean["created_at"]), "evidence": clean["evidence"] or evidence},
            )
            for lead_id, clean in grants
        ]
        Consent.objects.record_many(rows, actor, run.pk, are_new=True)


def stored_row(
    run_id: int | None,
    now: datetime,
    clean: Values,
    given: Values,
    created_at: datetime | None,
    keys: SearchKeys | None = None,
) -> list[Any]:
    """Return the values of ``COLUMNS`` for a new lead."""
    row = build_row(clean, now, created_at, keys)
    row["import_run_id"] = run_id
    if "is_active" in given:
        row["is_active"] = False
    if "closed_at" in given:
        row["closed_at"] = row["closed_at"] and given["closed_at"]
    return list(in_order(row))


class InsertWriter:
    """Stores every row. The rows are sent to PostgreSQL while the next ones are checked, as long as none has notes."""

    def __init__(
        self,
        run: ImportRun,
        stats: Stats,
        now: datetime,
        notes: NoteTaker,
        warnings: Warnings,
        in_parts: bool = False,
        lookalikes: Lookalikes | None = None,
    ) -> None:
        """``in_parts``: leave the connection free between batches, for queries that check the next one.

        ``lookalikes`` gets all rows.
        """
        self.run = run
        self.run_id, self.stats, self.now, self.in_parts = run.pk, stats, now, in_parts
        self.notes, self.warnings, self.lookalikes = notes, warnings, lookalikes
        self.dry_run = run.pk is None
        self.new_ids = ids_of_new_leads(self.dry_run)
        self.write: bulk.Write | None = None

    def make(self, line: int, cells: Any, given: Values, clean: Values) -> list[Any]:
        """Return a valid row as its column values, then its notes, refusals of contact and grants if it has any."""
        row = stored_row(self.run_id, self.now, clean, given, given.get("created_at"))
        if not EXTRAS.isdisjoint(given):
            texts = self.notes.of_row(given)
            row[ACTIVITY_COUNT] = len(texts)
            refusals, grants = given.get(REFUSALS, []), given.get(GRANTS, [])
            if texts or refusals or grants:
                row += [texts, refusals, grants]
        return row

    def pack(self, rows: list[list[Any]]) -> list[Any]:
        """Return the rows unchanged: their values can be serialized."""
        return rows

    def unpack(self, rows: list[Any]) -> list[list[Any]]:
        """Return the rows with timestamps in place of their texts."""
        for row in rows:
            for place in TIMESTAMPS:
                row[place] = row[place] and timestamp(row[place])
        return rows

    @contextmanager
    def open(self) -> Iterator[Callable[[list[Any]], None]]:
        """Yield a function that stores rows made by ``make``."""
        with closing(self.lookalikes) if self.lookalikes else nullcontext(), ExitStack() as self.stream:
            yield self._store

    def _store(self, rows: list[Any]) -> None:
        self.stats.created += len(rows)
        self._send(rows)
        if self.lookalikes:  # PostgreSQL stores the rows meanwhile
            self.lookalikes.add([(*names_of(row), SearchKeys(*keys_of(row))) for row in rows])

    def _send(self, rows: list[Any]) -> None:
        if self.dry_run or any(len(row) > WIDTH for row in rows):
            self._end_stream()  # ids are in the order of the file
            self._store_with_ids(rows)
            return
        if self.write is None:
            self.write = self.stream.enter_context(bulk.writer(Lead, COLUMNS))
        for row in rows:
            self.write(row)
        if self.in_parts:
            self._end_stream()

    def _end_stream(self) -> None:
        self.write = None
        self.stream.close()

    def _store_with_ids(self, rows: list[Any]) -> None:
        notes: list[Note] = []
        refusals: Refusals = []
        grants: list[tuple[int, Grant]] = []
        ids = self.new_ids(len(rows))
        with bulk.writer(Lead, ("id", *COLUMNS)) as write:
            for lead_id, row in zip(ids, rows, strict=True):
                if len(row) > WIDTH:
                    texts, refused, granted = row[WIDTH:]
                    notes += self.notes.notes(lead_id, row[CREATED_AT], texts)
                    refusals += [(lead_id, way) for way in refused]
                    grants += [(lead_id, grant) for grant in granted]
                    self.warnings[NOTED, ""] += bool(texts)
                write([lead_id, *row[:WIDTH]])
        self.notes.add(notes)
        record_grants(self.run, grants)
        record_refusals(self.run, refusals, are_new=True)
