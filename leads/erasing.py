"""Taking a person out of the leads' tables, for good: statuses, sources, budgets, dates and counts are what is left.

To be used inside one transaction, ``erase_leads`` first: it locks the leads' rows, so that nobody else writes them.
"""

import re
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from django.db import models
from django.utils import timezone

from crm_project import values
from leads import changes, writing
from leads.changes import Changes
from leads.importing.tally import showable
from leads.models import ImportRun, ImportUpdate, Lead, LeadChange
from leads.querysets import apply_change
from leads.rules import NOT_PERSONAL, PERSONAL
from users.actors import Actor

ERASED = "erased"
TELLING = ("file_name", "message", "notes", "options")  # of import runs; of an undo there are ids and counts alone
OF_RUNS = (*TELLING, "problems", "kind", "state", "sha256")
OF_NOBODY = (*NOT_PERSONAL, "activity_type", "duration")
TYPED = ("ignored", "user")  # settings whose values people write; of ``explicit`` it is the names
VALUES = ("value", "before", "after")  # in problems of imports, and in what a takeover mended
ACTIVITIES = "activities"  # in an entry of an undone import: what those that went were called
APART = 2  # cells from a first name to its last name: there may be a second one between them
LONG = 8  # letters of a setting that is looked for inside of sentences
BATCH = 20  # import runs read at a time: each may hold a thousand problems

_between = re.compile(r"[,:;'\"]")  # what stands around a column's name, or a value, in the sentences of imports

Problem = dict[str, Any]
Hides = Callable[[str], bool]


class Whose(Protocol):
    """Who is looked for in what imports left (``dashboard.personal_data.finding.Person`` explains each)."""

    def told_in(self, text: str) -> bool:
        """Whether a text has them in it."""

    def told_in_row(self, cells: Sequence[str]) -> bool:
        """Whether a row of a list, or a part of one, is theirs."""

    def tells_of_nobody_else(self, cells: Sequence[str]) -> bool:
        """Whether a row that is theirs could not be a namesake's."""

    def has_problem(self, run: ImportRun, problem: Problem) -> bool:
        """Whether a problem of an import is about them, whatever the value."""

    def told_apart_in(self, texts: Collection[str]) -> set[str]:
        """First and last name, if both are among the texts."""

    def set_by(self, run: ImportRun) -> set[str]:
        """Those of an import's values for all rows that are in their leads."""

    def signed(self, run: ImportRun) -> set[str]:
        """The names by which an import named them as the author of its rows."""


def erase_leads(lead_ids: Collection[int], by: Actor) -> int:
    """Empty the personal columns of leads and delete them softly, with an entry each that tells of it."""
    now, written = timezone.now(), 0
    for lead in Lead.objects.filter(pk__in=lead_ids).select_for_update().order_by("pk"):
        told: Changes = {ERASED: [False, True]} | ({"is_active": [True, False]} if lead.is_active else {})
        read_at = lead.version
        columns = apply_change(lead, {**PERSONAL, "is_active": False}, now)
        writing.update(lead, columns, told, by, read_at)
        written += 1
    return written


def once_with(email_key: str) -> list[int]:
    """The leads in whose history that address stands. Walks through every change of an address that there ever was."""
    entries = LeadChange.objects.filter(changes__has_key="email").values_list("lead_id", "changes")
    return sorted({lead for lead, told in entries.iterator() if email_key in map(_key, told["email"])})


def erase_history(lead_ids: Collection[int]) -> int:
    """Put ``ERASED`` in the place of personal values in the history of leads; returns how many entries held any."""
    return changes.rewrite(LeadChange.objects.filter(lead_id__in=lead_ids), _without_person)


def erase_address(lead_ids: Collection[int], email_key: str) -> int:
    """The same for one address in the history of leads that are somebody else's now."""

    def without(told: Changes) -> Changes:
        pair = told.get("email", [])
        return {**told, "email": [ERASED if _key(one) == email_key else one for one in pair]} if pair else told

    for update in ImportUpdate.objects.filter(lead_id__in=lead_ids):
        if _key(update.before.get("email")) == email_key:
            _overwrite(update, {"email": ""})
    return changes.rewrite(LeadChange.objects.filter(lead_id__in=lead_ids), without)


def erase_undo(lead_ids: Collection[int]) -> int:
    """Empty what imports kept of leads to undo their writes (the leads' version moved: it is of no use now)."""
    kept = list(ImportUpdate.objects.filter(lead_id__in=lead_ids))
    for update in kept:
        _overwrite(update, PERSONAL)
    return len(kept)


def problems_of(whom: Whose) -> Iterator[tuple[int, list[Problem]]]:
    """Import runs with all problems of the rows that are the person's. Walks through all runs.

    For them to be told: rows that may be a namesake's are left out, unlike in ``erase_problems``.
    """
    for run in _with_problems():
        rows = _rows_of(run, whom)
        told = [problem for problem in run.problems if _row(problem) in rows]
        others = {_row(problem) for problem in told if not whom.tells_of_nobody_else(_cells(problem))}
        if sure := [problem for problem in told if _row(problem) not in others]:
            yield run.pk, sure


def erase_problems(whom: Whose) -> int:
    """Put ``ERASED`` in the place of the values of those problems; returns how many there were."""
    erased = 0
    for run in _with_problems():
        rows = _rows_of(run, whom)
        if not rows:
            continue
        for problem in run.problems:
            if _row(problem) in rows:
                problem.update((name, ERASED) for name in VALUES if name in problem)
                erased += 1
        ImportRun.objects.filter(pk=run.pk).update(problems=run.problems)
    return erased


def _rows_of(run: ImportRun, whom: Whose) -> set[Hashable]:
    """Which rows of an import with problems are the person's."""
    return {
        _row(problem) for problem in run.problems if whom.told_in_row(_cells(problem)) or whom.has_problem(run, problem)
    }


def _with_problems() -> Iterator[ImportRun]:
    return _runs().exclude(problems=[]).iterator(BATCH)


def _cells(problem: Problem) -> list[str]:
    return [str(problem[name]) for name in VALUES if name in problem]


def _row(problem: Problem) -> Hashable:
    """The row that a problem is in: by its line, in a takeover by its table and id."""
    return problem["line"] if "line" in problem else (problem.get("table"), str(problem.get("id")))


def runs_telling(whom: Whose) -> Iterator[tuple[int, list[str]]]:
    """Import runs whose file's name, columns, settings or sentences tell of the person, with those.

    Of sentences that list several things, only those that do. Reads all runs.
    """
    for run in _runs().iterator(BATCH):
        hides = _hides(run, whom)
        if texts := list(filter(hides, _texts(run))):
            pieces = {text: [piece for piece in _between.split(text) if hides(piece)] for text in texts}
            yield run.pk, [told.strip() for text in texts for told in pieces[text] or [text]]


def erase_told(whom: Whose) -> list[int]:
    """Put ``ERASED`` in the place of those names and sentences; returns the ids of the runs."""
    telling = []
    for run in _runs().iterator(BATCH):
        hides = _hides(run, whom)
        if any(map(hides, _texts(run))):
            ImportRun.objects.filter(pk=run.pk).update(**_rewritten(run, partial(_without, hides)))
            telling.append(run.pk)
    return telling


def _runs() -> "models.QuerySet[ImportRun]":
    return ImportRun.objects.order_by("pk").only(*OF_RUNS)


def _rewritten(run: ImportRun, as_told: Callable[[str], str]) -> dict[str, Any]:
    """The columns of a run that tell of files and rows, with what people wrote in them ``as_told``.

    What we call our own settings and fields, and the choices there are for them, stays as it is.
    """

    def each(told: Any) -> Any:
        if isinstance(told, dict):
            return {name: each(value) for name, value in told.items()}
        if isinstance(told, list):
            return [each(one) for one in told]
        return as_told(told) if isinstance(told, str) else told

    options = {**run.options, **{name: each(run.options[name]) for name in TYPED if name in run.options}}
    if isinstance(set_for_all := run.options.get("constants"), dict):
        options["constants"] = {
            # A word for a status, a number for a budget: nobody's, whatever somebody is called.
            field: value if field in OF_NOBODY and _is_word(value) else each(value)
            for field, value in set_for_all.items()
        }
    if isinstance(headers := run.options.get("explicit"), dict):
        options["explicit"] = _renamed(headers, as_told)
    return {
        "file_name": as_told(run.file_name),
        "message": as_told(run.message),
        "notes": each(run.notes),
        "options": options,
        "problems": [{**problem, "column": each(problem.get("column"))} for problem in run.problems],
    }


def _is_word(told: object) -> bool:
    return isinstance(told, str) and told.isalnum()


def _renamed(fields: dict[str, Any], as_told: Callable[[str], str]) -> dict[str, Any]:
    """Fields by headers ``as_told``; several that are told alike stay several."""
    renamed: dict[str, Any] = {}
    for header, field in fields.items():
        told = as_told(header)
        renamed[told if told not in renamed else f"{told} {len(renamed) + 1}"] = field
    return renamed


def _without(hides: Hides, text: str) -> str:
    return ERASED if hides(text) else text


def _texts(run: ImportRun) -> list[str]:
    """All that people wrote in these columns."""
    texts: list[str] = []

    def noted(text: str) -> str:
        texts.append(text)
        return text

    _rewritten(run, noted)
    return texts


def _hides(run: ImportRun, whom: Whose) -> Hides:
    """Which texts of a run tell of the person.

    Beside those that have them in it: those that repeat a value that their lead has from the settings, the author's
    name where that is theirs, and first and last name said apart, which nobody could tell from other words one by one.
    """
    pieces = {piece for text in _texts(run) for piece in _pieces(text)}
    own = whom.told_apart_in(pieces) | whom.set_by(run) | whom.signed(run)
    quoted = {form for text in own for form in (repr(text), showable(repr(text)))}
    whole = {text for text in own if len(text) >= LONG} | quoted  # those with commas in them are no pieces

    def hides(text: str) -> bool:
        return whom.told_in(text) or not own.isdisjoint(_pieces(text)) or any(one in text for one in whole)

    return hides


def _pieces(text: str) -> Iterator[str]:
    """A text as a whole, and what stands between commas and the like in it."""
    yield text
    yield from (piece.strip() for piece in _between.split(text))


def _overwrite(update: ImportUpdate, own: dict[str, str | None]) -> None:
    ImportUpdate.objects.filter(pk=update.pk).update(before={**update.before, **own})


def _without_person(told: Changes) -> Changes:
    left = {
        field: [ERASED if value else value for value in pair] if field in PERSONAL else pair
        for field, pair in told.items()
    }
    if ACTIVITIES in left:
        left[ACTIVITIES] = [[ERASED for _ in titles] for titles in left[ACTIVITIES]]
    return left


def _key(value: object) -> str:
    return values.key(value) if isinstance(value, str) else ""
