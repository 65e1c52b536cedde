"""Checked rows into the table of leads: straight through, or matched against who is there already."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any

from crm_project.db import bulk
from crm_project.validation import FieldError
from leads import audit, validators
from leads.audit import Kind
from leads.importing.duplicates import EMAIL, DuplicateIndex
from leads.importing.ipc import cells_again, cells_packed, moment
from leads.importing.stats import Stats
from leads.importing.warnings import SHARED, Warnings
from leads.models import ImportRun, ImportUpdate, Lead
from leads.querysets import apply_change, build_row
from leads.validators import SearchKeys
from users.audit import Actor, Channel

BATCH = 2000  # rows matched at a time
OWN_FIELDS = tuple(validators.CREATE_RULES)
COLUMNS = tuple(field.attname for field in Lead._meta.concrete_fields if not field.primary_key)
in_order = itemgetter(*COLUMNS)
MOMENTS = [COLUMNS.index(name) for name in ("created_at", "updated_at", "closed_at")]
KEYS = ("leads_email_key", "leads_person_key")  # the indexes that duplicates are looked up in
CHANGED = (*OWN_FIELDS, *SearchKeys._fields, "version", "updated_at", "closed_at")

Values = dict[str, Any]
Reject = Callable[[int, Any, list[FieldError]], None]


@dataclass
class Row:
    """One good row of the file: where it stands, its cells, its clean values, and which fields it gave itself."""

    line: int
    cells: Any
    clean: Values
    given: Values
    created_at: datetime | None
    derived: SearchKeys


def _row(line: int, cells: Any, clean: Values, given: Values, created_at: str | None, derived: list[str]) -> Row:
    for name in ("created_at", "closed_at"):
        if name in given:
            given[name] = moment(given[name])
    return Row(line, cells_again(cells), clean, given, moment(created_at) if created_at else None, SearchKeys(*derived))


class InsertWriter:
    """Stores every row. The rows travel to PostgreSQL while the next ones are checked."""

    def __init__(self, run: ImportRun, tally: Stats, now: datetime, in_parts: bool = False) -> None:
        """``in_parts``: leave the connection free between batches, for queries that check the next one."""
        self.run_id, self.tally, self.now, self.in_parts = run.pk, tally, now, in_parts

    def make(self, line: int, cells: Any, given: Values, clean: Values) -> list[Any]:
        """A good row as its column values."""
        row = build_row(clean, self.now, given.get("created_at"))
        if "closed_at" in given:
            row["closed_at"] = row["closed_at"] and given["closed_at"]
        row["import_run_id"] = self.run_id
        return list(in_order(row))

    def pack(self, rows: list[list[Any]]) -> list[Any]:
        """They are plain already."""
        return rows

    def unpack(self, rows: list[Any]) -> list[list[Any]]:
        """With moments for texts."""
        for row in rows:
            for place in MOMENTS:
                row[place] = row[place] and moment(row[place])
        return rows

    @contextmanager
    def open(self) -> Iterator[Callable[[list[Any]], None]]:
        """A function that takes what ``make`` made."""
        if self.in_parts:
            yield self._store
            return
        with bulk.writer(Lead, COLUMNS) as write:
            yield partial(self._write, write)

    def _store(self, rows: list[Any]) -> None:
        with bulk.writer(Lead, COLUMNS) as write:
            self._write(write, rows)

    def _write(self, write: bulk.Write, rows: list[Any]) -> None:
        for row in rows:
            write(row)
        self.tally.created += len(rows)


class UpsertWriter:
    """Matches rows in batches against stored leads and each other; what happens to a match is ``on_duplicate``."""

    def __init__(
        self, run: ImportRun, tally: Stats, now: datetime, on_duplicate: str, reject: Reject, remarks: Warnings
    ) -> None:
        self.remarks = remarks
        self.run, self.tally, self.now, self.reject = run, tally, now, reject
        self.actor = Actor(run.user_id, run.started_by, Channel.IMPORT)
        self.on_match = {"skip": self._skip, "update": self._update, "error": self._refuse}[on_duplicate]
        self.looks_closely, self.never_rejects = on_duplicate == "update", on_duplicate == "skip"
        self.rows: list[Row] = []

    def make(self, line: int, cells: Any, given: Values, clean: Values) -> Row:
        """A good row with what the decision needs, and no more: sending it from process to process costs a third."""
        derived, created_at = validators.search_keys_of(clean), given.get("created_at")
        if not self.looks_closely:
            given = {"closed_at": given["closed_at"]} if "closed_at" in given else {}
        return Row(line, None if self.never_rejects else cells, clean, given, created_at, derived)

    def pack(self, rows: list[Row]) -> list[Any]:
        """Each as a list."""
        return [
            [row.line, cells_packed(row.cells), row.clean, row.given, row.created_at, [*row.derived]] for row in rows
        ]

    def unpack(self, rows: list[Any]) -> list[Row]:
        """Rows of those lists."""
        return [_row(*row) for row in rows]

    @contextmanager
    def open(self) -> Iterator[Callable[[list[Row]], None]]:
        """A function that takes what ``make`` made."""

        def take(rows: list[Row]) -> None:
            for row in rows:
                self.rows.append(row)
                if len(self.rows) >= BATCH:
                    self._flush()

        yield take
        self._flush()

    def _flush(self) -> None:
        rows, self.rows = self.rows, []
        self.known = DuplicateIndex(row.derived for row in rows)
        self.stored = self._matched_leads() if self.looks_closely else {}
        self.before: dict[int, Values] = {}
        new: list[Row] = []
        for row in rows:
            if match := self.known.match(row.derived):
                self.on_match(row, *match)
            else:
                new.append(row)
                self.known.add(row.derived, row)
        self._store(new)
        self._write_changes()

    def _matched_leads(self) -> dict[int, Lead]:
        found = {*self.known.by_email.values(), *self.known.by_person.values()}
        # In the order of their ids, so that two writers of the same leads wait for each other rather than deadlock.
        return {lead.pk: lead for lead in Lead.objects.filter(pk__in=found).select_for_update().order_by("pk")}

    def _store(self, new: list[Row]) -> None:
        with bulk.writer(Lead, COLUMNS) as write:
            for row in new:
                values = build_row(row.clean, self.now, row.created_at, row.derived)
                values["import_run_id"] = self.run.pk
                if "closed_at" in row.given:
                    values["closed_at"] = values["closed_at"] and row.given["closed_at"]
                write(list(in_order(values)))
        self.tally.created += len(new)

    def _write_changes(self) -> None:
        changed = [self.stored[pk] for pk in self.before]
        bulk.update(Lead, changed, CHANGED)
        told = {lead.pk: audit.diff(self.before[lead.pk], own_fields(lead)) for lead in changed}
        audit.log_changes(told, self.actor, Kind.CHANGED, self.now, self.run.pk)
        updates = [
            ImportUpdate(run=self.run, lead_id=lead.pk, version=lead.version, before=self.before[lead.pk])
            for lead in changed
        ]
        # The first picture of a lead is the one to go back to; a later batch only moves the version on.
        ImportUpdate.objects.bulk_create(
            updates, batch_size=500, update_conflicts=True, update_fields=["version"], unique_fields=["run", "lead"]
        )

    def _skip(self, row: Row, target: Any, actor: str) -> None:
        self.tally.skipped += 1

    def _refuse(self, row: Row, target: Any, actor: str) -> None:
        whom = f"line {target.line} of this file" if isinstance(target, Row) else f"lead {target}"
        field = "email" if actor == EMAIL else "phone"
        problem = FieldError("duplicate", (field,), f"duplicate of {whom} (same {actor})", row.clean[field])
        self.reject(row.line, row.cells, [problem])

    def _update(self, row: Row, target: Any, actor: str) -> None:
        # A blank cell leaves the stored value alone.
        given = {name: row.clean[name] for name in OWN_FIELDS if row.given.get(name) not in (None, "")}
        key = row.derived.email_key if actor == EMAIL else row.derived.person_key
        self.remarks[SHARED, actor] += (actor, key) in self.known.shared
        if isinstance(target, Row):
            self._update_row(row, target, given)
        else:
            self._update_lead(row, self.stored[target], given)

    def _update_row(self, row: Row, target: Row, given: Values) -> None:
        clean = {**target.clean, **given}
        if problems := validators.check_budgets(clean):
            self.reject(row.line, row.cells, problems)
            return
        before = target.derived._asdict()
        target.clean = clean
        target.given = {**target.given, **row.given}
        target.derived = validators.search_keys_of(clean)
        self.known.move(before, target.derived, target)
        self.tally.updated += 1

    def _update_lead(self, row: Row, lead: Lead, given: Values) -> None:
        if problems := validators.check_budgets(given, lead):
            self.reject(row.line, row.cells, problems)
            return
        keys = {"email_key": lead.email_key, "person_key": lead.person_key}
        if lead.pk not in self.before:
            self.before[lead.pk] = snapshot(lead)
        apply_change(lead, given, self.now)
        if "closed_at" in row.given:
            lead.closed_at = lead.closed_at and row.given["closed_at"]
        self.known.move(keys, SearchKeys(lead.search, lead.source_key, lead.email_key, lead.person_key), lead.pk)
        self.tally.updated += 1


def snapshot(lead: Lead) -> Values:
    """What an import may change in a lead, as JSON can hold it, and the version that it was at."""
    closed_at = lead.closed_at.isoformat() if lead.closed_at else None
    return {**own_fields(lead), "closed_at": closed_at, "version": lead.version}


def own_fields(lead: Lead) -> Values:
    """The values that an import may give."""
    return {name: getattr(lead, name) for name in OWN_FIELDS}
