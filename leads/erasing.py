"""Taking a person out of the leads' tables, for good: statuses, sources, budgets, dates and counts are what is left.

To be used inside one transaction, ``erase_leads`` first: it locks the leads' rows, so that nobody else writes them.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol

from django.db import models
from django.utils import timezone

from crm_project import values
from leads import changes, writing
from leads.changes import Changes
from leads.models import ImportRun, ImportUpdate, Lead, LeadChange
from leads.querysets import apply_change
from users.actors import Actor

ERASED = "erased"
PERSONAL: dict[str, str | None] = {
    "first_name": "",
    "last_name": "",
    "email": "",
    "phone": "",
    "property_interest": None,
}
TELLING = ("file_name", "message", "notes", "options")  # of import runs; of an undo there are ids and counts alone
LONG = 8  # letters of a setting that is looked for inside of sentences
BATCH = 20  # import runs read at a time: each may hold a thousand problems

_between = re.compile(r"[,:;'\"]")  # what stands around a column's name, or a value, in the sentences of imports

Problem = dict[str, Any]
IsTheirs = Callable[[object], bool]


class Whose(Protocol):
    """Who is looked for in what imports left (``dashboard.personal_data.finding.Person`` explains each)."""

    def told_in(self, text: object) -> bool:
        """Whether a text has them in it."""

    def signs_with(self, text: object) -> bool:
        """Whether that is a user name of theirs."""

    def signed(self, run_id: int, name: str) -> bool:
        """Whether an import named them, by that name, as the author of its rows."""

    def told_apart_in(self, texts: Iterable[str]) -> set[str]:
        """First and last name, if both are among the texts."""

    def set_by(self, run_id: int, texts: Collection[str]) -> set[str]:
        """Those of an import's values for all rows that are in their leads."""


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
    """Import runs with the problems of the lines in which one value is the person's. Walks through all runs."""
    runs = ImportRun.objects.exclude(problems=[]).order_by("pk").values_list("pk", "problems")
    for run_id, problems in runs.iterator(BATCH):
        told = (problem for problem in problems if whom.told_in(problem["value"]) or whom.signs_with(problem["value"]))
        lines = {problem["line"] for problem in told}
        if lines:
            yield run_id, [problem for problem in problems if problem["line"] in lines]


def erase_problems(whom: Whose) -> int:
    """Put ``ERASED`` in the place of the values of those problems; returns how many there were."""
    found = dict(problems_of(whom))
    for run in ImportRun.objects.filter(pk__in=found).iterator(BATCH):
        lines = {problem["line"] for problem in found[run.pk]}
        for problem in run.problems:
            if problem["line"] in lines:
                problem["value"] = ERASED
        ImportRun.objects.filter(pk=run.pk).update(problems=run.problems)
    return sum(map(len, found.values()))


def runs_telling(whom: Whose) -> Iterator[tuple[int, str]]:
    """Import runs whose file's name, columns, settings or sentences tell of the person, with that name.

    Reads all runs.
    """
    for run in _runs():
        if _told(run) != _without(_told(run), _hides(run, whom)):
            yield run.pk, run.file_name


def erase_told(whom: Whose) -> list[int]:
    """Put ``ERASED`` in the place of those names and sentences; returns the ids of the runs."""
    ids = [run_id for run_id, _ in runs_telling(whom)]
    for run in _runs().filter(pk__in=ids):
        hides = _hides(run, whom)
        for field in TELLING:
            setattr(run, field, _without(getattr(run, field), hides))
        for problem in run.problems:
            problem["column"] = _without(problem["column"], hides)
        run.save(update_fields=[*TELLING, "problems"])
    return ids


def _runs() -> "models.QuerySet[ImportRun]":
    return ImportRun.objects.order_by("pk").only(*TELLING, "problems")


def _told(run: ImportRun) -> list[Any]:
    """What was said of a file and its columns, as JSON."""
    return [*(getattr(run, field) for field in TELLING), [problem["column"] for problem in run.problems]]


def _hides(run: ImportRun, whom: Whose) -> IsTheirs:
    """Which texts of a run tell of the person.

    Beside those that have them in it: those that repeat a value that their lead has from the settings, the author's
    name where that is theirs, and first and last name said apart, which nobody could tell from other words one by one.
    """
    author, constants = str(run.options.get("user", "")), run.options.get("constants", {})
    own = whom.told_apart_in(_pieces(_told(run))) | whom.set_by(run.pk, constants.values())
    if author and whom.signed(run.pk, author):
        own.add(author)
    long = [text for text in own if len(text) >= LONG]  # those with commas in them are no pieces of a sentence

    def hides(text: object) -> bool:
        told = str(text)
        return whom.told_in(told) or not own.isdisjoint(_pieces(told)) or any(one in told for one in long)

    return hides


def _pieces(told: Any) -> Iterator[str]:
    """All texts in some JSON, names too: each as a whole, and what stands between commas and the like in it."""
    if isinstance(told, str):
        yield told
        yield from (piece.strip() for piece in _between.split(told))
    elif isinstance(told, dict):
        yield from _pieces([*told, *told.values()])
    elif isinstance(told, list):
        for one in told:
            yield from _pieces(one)


def _without(told: Any, hides: IsTheirs) -> Any:
    """The same JSON, with ``ERASED`` in the place of texts, names of columns too, that tell of somebody."""
    if isinstance(told, str):
        return ERASED if hides(told) else told
    if isinstance(told, list):
        return [_without(one, hides) for one in told]
    if isinstance(told, dict):
        return {_without(name, hides): _without(one, hides) for name, one in told.items()}
    return told


def _overwrite(update: ImportUpdate, own: dict[str, str | None]) -> None:
    ImportUpdate.objects.filter(pk=update.pk).update(before={**update.before, **own})


def _without_person(told: Changes) -> Changes:
    return {
        field: [ERASED if value else value for value in pair] if field in PERSONAL else pair
        for field, pair in told.items()
    }


def _key(value: object) -> str:
    return values.key(value) if isinstance(value, str) else ""
