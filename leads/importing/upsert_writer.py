"""The writer that matches rows against stored leads and each other, and stores or changes leads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from crm_project.db import bulk
from crm_project.validation import FieldError
from leads import audit, validators
from leads.audit import Kind
from leads.consent_cells import Grant
from leads.duplicates import EMAIL, DuplicateIndex, Match
from leads.importing.cells.steps import GRANTS, NOTES, REFUSALS, REMAINDERS
from leads.importing.insert_writer import (
    ACTIVITY_COUNT,
    COLUMNS,
    CREATED_AT,
    Refusals,
    Values,
    ids_of_new_leads,
    record_grants,
    record_refusals,
    stored_row,
)
from leads.importing.ipc import deserialize_cells, serialize_cells, timestamp
from leads.importing.notes import Note, NoteTaker, Texts
from leads.importing.rejects import Rejects
from leads.importing.stats import MAX_LISTED, Stats, identity
from leads.importing.stored_lines import StoredLines
from leads.importing.warnings import NOTED, OTHER_NAME, SAME_FILE, SHARED, Warnings
from leads.models import ImportRun, ImportUpdate, Lead
from leads.querysets import apply_change
from leads.search_keys import SearchKeys, search_keys_of
from users.audit import Actor, Channel

BATCH = 2000  # rows matched at a time
OWN_FIELDS = validators.FIELDS
KEYS = ("leads_email_key", "leads_person_key")  # the indexes that duplicates are looked up in
CHANGED = (*OWN_FIELDS, *SearchKeys._fields, "tag_keys", "version", "updated_at", "closed_at")
CHANGING = frozenset(("fill", "update"))  # actions that change stored leads
SKIPPED, UPDATED = "skipped", "updated"  # what becomes of a duplicate
BUDGETS = ("budget_min", "budget_max")
BLANK = (None, "")
Reject = Callable[[int, Any, list[FieldError]], None]


class DuplicateOptions(NamedTuple):
    """``action`` is skip, fill, update or error; ``update_status`` lets an update set an earlier status."""

    action: str
    update_status: bool = False


@dataclass
class Row:
    """One valid row of the file: its line, its cells, its clean values, and the values that the file gave."""

    line: int
    cells: Any
    clean: Values
    given: Values
    created_at: datetime | None
    keys: SearchKeys
    notes: Texts
    refusals: list[str]
    grants: list[Grant]


def _row(
    line: int,
    cells: Any,
    clean: Values,
    given: Values,
    created_at: str | None,
    keys: list[str],
    notes: list[Any],
    refusals: list[str],
    grants: list[Grant],
) -> Row:
    for name in ("created_at", "closed_at"):
        if name in given:
            given[name] = timestamp(given[name])
    created = timestamp(created_at) if created_at else None
    return Row(line, deserialize_cells(cells), clean, given, created, SearchKeys(*keys), notes, refusals, grants)


class UpsertWriter:
    """Matches rows in batches against stored leads and each other; ``on_match`` is called for each match."""

    def __init__(
        self,
        run: ImportRun,
        stats: Stats,
        now: datetime,
        duplicates: DuplicateOptions,
        reject: Reject,
        warnings: Warnings,
        notes: NoteTaker,
        skipped: Rejects | None = None,
    ) -> None:
        """``skipped`` is the file of skipped and updated rows."""
        self.warnings, self.skipped, self.update_status = warnings, skipped, duplicates.update_status
        self.run, self.stats, self.now, self.reject, self.notes = run, stats, now, reject, notes
        self.new_ids = ids_of_new_leads(dry_run=run.pk is None)
        self.actor = Actor(run.user_id, run.started_by, Channel.IMPORT)
        action = duplicates.action
        self.on_match = {"skip": self._skip, "fill": self._fill, "update": self._update, "error": self._refuse}[action]
        self.changes_leads, self.needs_cells = action in CHANGING, action != "skip" or skipped is not None
        self.overwrites = action == "update"
        self.rows: list[Row] = []
        self.stored_lines = StoredLines()
        self.refusals: Refusals = []  # of stored leads

    def make(self, line: int, cells: Any, given: Values, clean: Values) -> Row:
        """Return a valid row with only what matching needs: serializing takes a third of a row's time."""
        keys, created_at = search_keys_of(clean), given.get("created_at")
        texts = self.notes.of_row(given) if REMAINDERS in given or NOTES in given else []
        refusals, grants = given.get(REFUSALS, []), given.get(GRANTS, [])
        if not self.changes_leads:
            given = {name: given[name] for name in ("closed_at", "is_active") if name in given}
        return Row(line, cells if self.needs_cells else None, clean, given, created_at, keys, texts, refusals, grants)

    def pack(self, rows: list[Row]) -> list[Any]:
        """Return each row as a list."""
        return [
            [
                row.line,
                serialize_cells(row.cells),
                row.clean,
                row.given,
                row.created_at,
                [*row.keys],
                row.notes,
                row.refusals,
                row.grants,
            ]
            for row in rows
        ]

    def unpack(self, rows: list[Any]) -> list[Row]:
        """Return the rows from those lists."""
        return [_row(*row) for row in rows]

    @contextmanager
    def open(self) -> Iterator[Callable[[list[Row]], None]]:
        """Yield a function that stores rows made by ``make``."""

        def take(rows: list[Row]) -> None:
            for row in rows:
                self.rows.append(row)
                if len(self.rows) >= BATCH:
                    self._flush()

        yield take
        self._flush()
        # Last, and in the order of their ids: another import may lock the same leads.
        record_refusals(self.run, sorted(self.refusals), are_new=False)

    def _flush(self) -> None:
        rows, self.rows = self.rows, []
        self.index = DuplicateIndex(row.keys for row in rows)
        self.stored = self._matched_leads() if self.changes_leads else {}
        self.before: dict[int, Values] = {}
        self.noted: dict[int, Texts] = {}  # new notes of stored leads
        noted = {row.line for row in rows if row.notes} if self.changes_leads else ()
        self.known_notes = self.notes.store.known(self.stored) if noted else set()
        new: list[Row] = []
        for row in rows:
            first_name, last_name = row.clean["first_name"], row.clean["last_name"]
            if "is_active" in row.given:  # deleted in the source: nobody is a duplicate of it
                new.append(row)
            elif match := self.index.match(row.keys, first_name, last_name):
                if row.refusals and self.on_match != self._refuse:  # the strictest counts, whatever becomes of the row
                    if isinstance(match.target, Row):
                        match.target.refusals = match.target.refusals + row.refusals
                    else:
                        self.refusals += [(match.target, way) for way in row.refusals]
                self.on_match(row, match)
            else:
                new.append(row)
                self.warnings[OTHER_NAME, EMAIL] += self.index.has_email(row.keys)
                self.index.add(row.keys, first_name, last_name, row)
        self._store(new)
        self._write_changes()

    def _matched_leads(self) -> dict[int, Lead]:
        # In the order of their ids, so that two writers of the same leads wait for each other rather than deadlock.
        leads = Lead.objects.filter(pk__in=self.index.targets()).select_for_update().order_by("pk")
        return {lead.pk: lead for lead in leads}

    def _store(self, new: list[Row]) -> None:
        notes: list[Note] = []
        ids = self.new_ids(len(new)) if new else ()
        with bulk.writer(Lead, ("id", *COLUMNS)) as write:
            for lead_id, row in zip(ids, new, strict=True):
                values = stored_row(self.run.pk, self.now, row.clean, row.given, row.created_at, row.keys)
                values[ACTIVITY_COUNT] = len(row.notes)
                write([lead_id, *values])
                notes += self.notes.notes(lead_id, values[CREATED_AT], row.notes)
                self.warnings[NOTED, ""] += bool(row.notes)
                self.stored_lines.add(lead_id, row.line)
        self.notes.add(notes)
        record_grants(
            self.run, [(lead_id, grant) for lead_id, row in zip(ids, new, strict=True) for grant in row.grants]
        )
        refusals = [(lead_id, way) for lead_id, row in zip(ids, new, strict=True) for way in row.refusals]
        record_refusals(self.run, refusals, are_new=True)
        self.stats.created += len(new)

    def _write_changes(self) -> None:
        changed = [self.stored[pk] for pk in self.before]
        written = [lead for lead in changed if lead.version != self.before[lead.pk]["version"]]  # others got notes
        changes = {lead.pk: audit.diff(self.before[lead.pk], own_fields(lead)) for lead in written}
        bulk.update(Lead, written, CHANGED)
        self._write_notes()
        if self.run.pk is None:  # a dry run
            return
        audit.log_changes(changes, self.actor, Kind.CHANGED, self.now, self.run.pk)
        updates = [
            ImportUpdate(run=self.run, lead_id=lead.pk, version=lead.version, before=self.before[lead.pk])
            for lead in changed
        ]
        # The first picture of a lead is the one to go back to; a later batch only moves the version on.
        ImportUpdate.objects.bulk_create(
            updates, batch_size=500, update_conflicts=True, update_fields=["version"], unique_fields=["run", "lead"]
        )

    def _write_notes(self) -> None:
        """Store the notes of stored leads, and count them there."""
        created = {pk: self.stored[pk].created_at for pk in self.noted}
        self.notes.add([note for pk, texts in self.noted.items() for note in self.notes.notes(pk, created[pk], texts)])
        Lead.objects.count_many_activities({pk: len(texts) for pk, texts in self.noted.items()})
        self.warnings[NOTED, ""] += len(self.noted)

    def _skip(self, row: Row, match: Match) -> None:
        self.stats.skipped += 1
        self._report(row, match, SKIPPED)

    def _refuse(self, row: Row, match: Match) -> None:
        line = self._line_of(match.target)
        other = f"line {line} of this file" if line else f"lead {match.target}"
        field = "email" if match.by == EMAIL else "phone"
        problem = FieldError("duplicate", (field,), f"duplicate of {other} (same {match.by})", row.clean[field])
        self.reject(row.line, row.cells, [problem])

    def _fill(self, row: Row, match: Match) -> None:
        lead = self._lead_of(match.target)
        present = own_fields(lead) if lead else match.target.clean
        given = {name: value for name, value in _given(row).items() if present.get(name) in BLANK}
        if validators.check_budgets({**present, **given}):
            given = {name: value for name, value in given.items() if name not in BUDGETS}
        if given or self._new_notes(row, match.target):
            self._change(row, match, given)
        else:
            self._skip(row, match)

    def _update(self, row: Row, match: Match) -> None:
        given, lead = _given(row), self._lead_of(match.target)
        if "tags" in given:
            stored = lead.tags if lead else match.target.clean.get("tags", "")
            given["tags"] = validators.unite_tags(stored, given["tags"])
        status = lead.status if lead else match.target.clean["status"]
        if not self.update_status and validators.is_earlier_status(given.get("status", status), status):
            del given["status"]
        self._change(row, match, given)

    def _lead_of(self, target: Any) -> Lead | None:
        """Return the stored lead, or ``None`` for a row of this file."""
        return None if isinstance(target, Row) else self.stored[target]

    def _change(self, row: Row, match: Match, given: Values) -> None:
        """Write values over those of the lead or of the earlier row."""
        lead = self._lead_of(match.target)
        current = match.target.clean if lead is None else {}
        texts = self._new_notes(row, match.target)
        problems = validators.check_budgets({**current, **given}, lead) or self._without_room(lead, texts)
        if problems:
            self.reject(row.line, row.cells, problems)
            return
        self.warnings[SHARED, match.by] += match.is_shared
        if lead is None:
            self._change_row(row, match.target, given)
            match.target.notes = match.target.notes + texts
        else:
            self._change_lead(row, lead, given)
            if texts:
                self.noted.setdefault(lead.pk, []).extend(texts)
        self.stats.updated += 1
        self._report(row, match, UPDATED)

    def _new_notes(self, row: Row, target: Any) -> Texts:
        """Return the notes of a row that its lead, or the earlier row, lacks: files are imported again."""
        if isinstance(target, Row):
            return [note for note in row.notes if note not in target.notes]
        pending = self.noted.get(target, [])
        return [note for note in row.notes if (target, hash(note[2])) not in self.known_notes and note not in pending]

    def _without_room(self, lead: Lead | None, texts: Texts) -> list[FieldError]:
        if lead is None or not texts:
            return []
        pending = [text for _, _, text in (*self.noted.get(lead.pk, ()), *texts)]
        why = self.notes.store.refusal(lead.pk, lead.activity_count, pending)
        return [FieldError("lead_full", ("notes",), why, "")] if why else []

    def _change_row(self, row: Row, target: Row, given: Values) -> None:
        before = target.keys
        target.clean = {**target.clean, **given}
        target.given = {**target.given, **given, **_closing(row)}
        target.keys = search_keys_of(target.clean)
        self.index.replace(before, target.keys, target.clean["first_name"], target.clean["last_name"], target)

    def _change_lead(self, row: Row, lead: Lead, given: Values) -> None:
        before = _keys_of(lead)
        if lead.pk not in self.before:
            self.before[lead.pk] = snapshot(lead)
        if given:
            apply_change(lead, given, self.now)
        if self.overwrites and "closed_at" in row.given:
            lead.closed_at = lead.closed_at and row.given["closed_at"]
        self.index.replace(before, _keys_of(lead), lead.first_name, lead.last_name, lead.pk)

    def _report(self, row: Row, match: Match, action: str) -> None:
        """Count and list a row that is a duplicate."""
        line = self._line_of(match.target)
        if line:
            self.warnings[SAME_FILE, action] += 1
        if len(self.stats.skipped_rows) < MAX_LISTED:
            other = {"of_line": line} if line else {"lead_id": match.target}
            self.stats.skipped_rows.append({"line": row.line, "action": action, **other, **identity(row.clean)})
        if self.skipped:
            reason = f"{action}: the same {match.by} as {f'line {line}' if line else f'lead {match.target}'}"
            self.skipped.add(row.line, row.cells, reason)

    def _line_of(self, target: Any) -> int:
        """Return the line of the file that the target is from; 0 for a lead that was stored before."""
        return target.line if isinstance(target, Row) else self.stored_lines.line_of(target)


def _given(row: Row) -> Values:
    """Return the values of a row that are not blank. A blank cell does not change the stored value."""
    return {name: row.clean[name] for name in OWN_FIELDS if row.given.get(name) not in BLANK}


def _closing(row: Row) -> Values:
    return {"closed_at": row.given["closed_at"]} if "closed_at" in row.given else {}


def _keys_of(lead: Lead) -> SearchKeys:
    return SearchKeys(*(getattr(lead, name) for name in SearchKeys._fields))


def snapshot(lead: Lead) -> Values:
    """Return what an import may change in a lead, for JSON, and the lead's version."""
    closed_at = lead.closed_at.isoformat() if lead.closed_at else None
    return {**own_fields(lead), "closed_at": closed_at, "version": lead.version}


def own_fields(lead: Lead) -> Values:
    """Return the values of the fields that an import may set."""
    return {name: getattr(lead, name) for name in OWN_FIELDS}
