"""The report of a migration: one JSON object for programs, or lines of text for people."""

from collections.abc import Iterator
from typing import Any

import orjson

from maintenance.legacy_migration.issues import Issue, IssueLog, printable
from maintenance.legacy_migration.migrate import Outcome

COUNTS = ("read", "created", "updated", "skipped", "rejected")
TITLES = {
    "done": "Taken over",
    "dry": "Dry run, nothing was stored:",
    "refused": "REJECTED, nothing was stored:",
}


def as_json(outcome: Outcome) -> Iterator[str]:
    """Yield the pieces of one object, because its lists may be long."""
    run = outcome.run
    head = {
        "run": run.pk,
        "state": str(run.state),
        "source": run.file_name,
        **{count: getattr(run, count) for count in COUNTS},
        "message": run.message,
        "options": run.options,
        "tidied": dict(outcome.normalized),
        "ignored_columns": outcome.ignored_columns,
        "problem_count": len(outcome.problems),
        "change_count": len(outcome.changes),
        "reconciliation": [
            {"what": c.label, "source": printable(c.source), "here": c.stored, "verdict": c.verdict}
            for c in outcome.comparisons
        ],
    }
    yield orjson.dumps(head).decode()[:-1]
    yield from _list("problems", outcome.problems)
    yield from _list("changes", outcome.changes)
    yield "}"


def rejection(message: str) -> str:
    """Return the object of a migration that ended before its run was stored."""
    empty: dict[str, Any] = {"problems": [], "changes": [], "reconciliation": []}
    head = {"run": None, "state": "refused", **dict.fromkeys(COUNTS, 0)}
    return orjson.dumps({**head, "message": message, **empty}).decode()


def _list(name: str, issues: IssueLog) -> Iterator[str]:
    yield f',"{name}":['
    for place, issue in enumerate(issues):
        yield ("," if place else "") + orjson.dumps(issue).decode()
    yield "]"


def as_lines(outcome: Outcome) -> Iterator[str]:
    """Yield the lines of the text: all issues, then the reconciliation."""
    run = outcome.run
    yield f"{TITLES[str(run.state)]} {run.file_name} (run {run.pk})"
    if run.message:
        yield f"  {run.message}"
    yield from (f"  invalid  {_place(p)}: {p['reason']} ({p['value']!r})" for p in outcome.problems)
    verb = "changed" if run.state == "done" else "would change"
    yield from (f"  {verb}  {_place(c)}: {c['before']!r} -> {c['after']!r} ({c['reason']})" for c in outcome.changes)
    yield from (f"  trimmed or put into lower case: {n:,} x {column}" for column, n in outcome.normalized.items())
    if outcome.ignored_columns:
        yield f"  columns that were not migrated: {', '.join(outcome.ignored_columns)}"
    yield from _reconciliation(outcome)


def _place(issue: Issue) -> str:
    return f"{issue['table']} {issue['id']}, {issue['column']}"


def _reconciliation(outcome: Outcome) -> Iterator[str]:
    if not outcome.comparisons:
        return
    width = max(len(comparison.label) for comparison in outcome.comparisons)
    yield f"  {'':{width}} {'source':>12} {'here':>12}"
    for comparison in outcome.comparisons:
        reason = "" if comparison.verdict == "OK" else " (explained by the changes above)"
        counts = f"{comparison.source:>12,} {comparison.stored:>12,}"
        yield f"  {comparison.label:{width}} {counts}  {comparison.verdict}{reason}"
