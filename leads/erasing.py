"""Taking a person out of the leads' tables, for good: statuses, sources, budgets, dates and counts are what is left.

To be used inside one transaction, ``erase_leads`` first: it locks the leads' rows, so that nobody else writes them.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

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
TELLING = ("file_name", "message", "notes", "options", "undo_report")  # of import runs
BATCH = 20  # import runs read at a time: each may hold a thousand problems

Problem = dict[str, Any]
IsTheirs = Callable[[object], bool]


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


def problems_of(is_theirs: IsTheirs) -> Iterator[tuple[int, list[Problem]]]:
    """Import runs with the problems of the lines in which one value is the person's. Walks through all runs."""
    runs = ImportRun.objects.exclude(problems=[]).order_by("pk").values_list("pk", "problems")
    for run_id, problems in runs.iterator(BATCH):
        lines = {problem["line"] for problem in problems if is_theirs(problem["value"])}
        if lines:
            yield run_id, [problem for problem in problems if problem["line"] in lines]


def erase_problems(is_theirs: IsTheirs) -> int:
    """Put ``ERASED`` in the place of the values of those problems; returns how many there were."""
    found = dict(problems_of(is_theirs))
    for run in ImportRun.objects.filter(pk__in=found).iterator(BATCH):
        lines = {problem["line"] for problem in found[run.pk]}
        for problem in run.problems:
            if problem["line"] in lines:
                problem["value"] = ERASED
        ImportRun.objects.filter(pk=run.pk).update(problems=run.problems)
    return sum(map(len, found.values()))


def runs_telling(is_told_in: IsTheirs) -> Iterator[tuple[int, str]]:
    """Import runs whose file's name, settings or sentences tell of the person, with that name. Reads all runs."""
    for run_id, *told in ImportRun.objects.order_by("pk").values_list("pk", *TELLING).iterator():
        if _without(told, is_told_in) != told:
            yield run_id, told[0]


def erase_told(is_told_in: IsTheirs) -> list[int]:
    """Put ``ERASED`` in the place of those names and sentences; returns the ids of the runs."""
    ids = [run_id for run_id, _ in runs_telling(is_told_in)]
    for run in ImportRun.objects.filter(pk__in=ids).only(*TELLING):
        for field in TELLING:
            setattr(run, field, _without(getattr(run, field), is_told_in))
        run.save(update_fields=TELLING)
    return ids


def _without(told: Any, is_told_in: IsTheirs) -> Any:
    """The same JSON, with ``ERASED`` in the place of texts, names of columns too, that tell of somebody."""
    if isinstance(told, str):
        return ERASED if is_told_in(told) else told
    if isinstance(told, list):
        return [_without(one, is_told_in) for one in told]
    if isinstance(told, dict):
        return {_without(name, is_told_in): _without(one, is_told_in) for name, one in told.items()}
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
