"""What became of a takeover, as one JSON object for programs and as lines for people."""

from collections.abc import Iterator
from typing import Any

import orjson

from maintenance.legacy_migration.issues import Finding, Findings, shown
from maintenance.legacy_migration.migrate import Outcome

TITLES = {
    "done": "Taken over",
    "dry": "Dry run, nothing was stored:",
    "refused": "REFUSED, nothing was stored:",
}


def as_json(outcome: Outcome) -> Iterator[str]:
    """The pieces of one object, because the lists in it may be long."""
    run = outcome.run
    head = {
        "run": run.pk,
        "state": str(run.state),
        "source": run.file_name,
        **{count: getattr(run, count) for count in ("read", "created", "updated", "skipped", "rejected")},
        "message": run.message,
        "options": run.options,
        "tidied": dict(outcome.tidied),
        "ignored_columns": outcome.ignored,
        "problem_count": len(outcome.problems),
        "change_count": len(outcome.changes),
        "reconciliation": [
            {"what": line.what, "source": shown(line.source), "here": line.here, "verdict": line.verdict}
            for line in outcome.lines
        ],
    }
    yield orjson.dumps(head).decode()[:-1]
    yield from _list("problems", outcome.problems)
    yield from _list("changes", outcome.changes)
    yield "}"


def refusal(message: str) -> str:
    """The object of a takeover that ended before there was a run."""
    nothing = dict.fromkeys(("read", "created", "updated", "skipped", "rejected"), 0)
    empty: dict[str, Any] = {"problems": [], "changes": [], "reconciliation": []}
    return orjson.dumps({"run": None, "state": "refused", **nothing, "message": message, **empty}).decode()


def _list(name: str, findings: Findings) -> Iterator[str]:
    yield f',"{name}":['
    for place, finding in enumerate(findings):
        yield ("," if place else "") + orjson.dumps(finding).decode()
    yield "]"


def as_lines(outcome: Outcome) -> Iterator[str]:
    """Everything that was found, then the reconciliation."""
    run = outcome.run
    yield f"{TITLES[str(run.state)]} {run.file_name} (run {run.pk})"
    if run.message:
        yield f"  {run.message}"
    yield from (f"  refused  {_where(p)}: {p['reason']} ({p['value']!r})" for p in outcome.problems)
    done = "changed" if run.state == "done" else "would change"
    yield from (f"  {done}  {_where(c)}: {c['before']!r} -> {c['after']!r} ({c['reason']})" for c in outcome.changes)
    yield from (f"  trimmed or put into lower case: {count:,} x {column}" for column, count in outcome.tidied.items())
    if outcome.ignored:
        yield f"  columns without a place here: {', '.join(outcome.ignored)}"
    yield from _table(outcome)


def _where(finding: Finding) -> str:
    return f"{finding['table']} {finding['id']}, {finding['column']}"


def _table(outcome: Outcome) -> Iterator[str]:
    if not outcome.lines:
        return
    width = max(len(line.what) for line in outcome.lines)
    yield f"  {'':{width}} {'source':>12} {'here':>12}"
    for line in outcome.lines:
        why = "" if line.verdict == "OK" else " (explained by the changes above)"
        yield f"  {line.what:{width}} {line.source:>12,} {line.here:>12,}  {line.verdict}{why}"
