"""What became of an import, as one JSON object for programs and as a few lines for an office manager."""

from collections.abc import Sequence
from typing import Any

from leads.importing.cells.report import sentences, status_sentences
from leads.importing.sorting import DELETED, ERASED
from leads.importing.stats import MAX_LISTED
from leads.models import ImportRun

COUNTS = ("read", "created", "updated", "skipped", "rejected", "left_out")
CELLS = ("repairs", "statuses", "remainders")  # what the report says of cells
STATUSES = 50  # shown in the summary
FIRST = 10  # problems in the summary
# Of the notes, the summary has what an operator must not overlook: columns that went nowhere. The rest is in the JSON.
SHOWN_NOTES = (
    "Read as",
    "Not imported",
    "Ignored",
    "Unknown",
    "In the notes",
    "Bad rows",
    "Column",
    "Several",
    "Dates",
    "The ",
    "Skipped and updated rows",
)


def as_object(runs: Sequence[ImportRun]) -> dict[str, Any]:
    """Return the report of one run; of several runs their sums, with each run's own report under ``files``."""
    if len(runs) == 1:
        return _one(runs[0])
    files = [_one(run) for run in runs]
    sums = {count: sum(file[count] for file in files) for count in COUNTS}
    problems = [{**problem, "file": file["file"]} for file in files for problem in file["problems"]]
    total = {"run": None, "state": _state(runs), **sums, "problem_count": sum(run.problem_count for run in runs)}
    skipped = [{**row, "file": file["file"]} for file in files for row in file["skipped_rows"]]
    cells = {name: [{**entry, "file": file["file"]} for file in files for entry in file[name]] for name in CELLS}
    lists = {"problems": problems[:MAX_LISTED], "skipped_rows": skipped[:MAX_LISTED], **cells}
    return {**total, "message": _message(runs), **lists, "files": files}


def refusal(message: str) -> dict[str, Any]:
    """Return the report of an import that was refused before a run was stored."""
    nothing = dict.fromkeys(COUNTS, 0)
    lists: dict[str, Any] = {name: [] for name in ("problems", "skipped_rows", *CELLS)}
    return {"run": None, "state": "refused", **nothing, "problem_count": 0, "message": message, **lists}


def _one(run: ImportRun) -> dict[str, Any]:
    counts = {count: getattr(run, count) for count in COUNTS}
    return {
        "run": run.pk,
        "state": str(run.state),
        "file": run.file_name,
        "sha256": run.sha256,
        **counts,
        "problem_count": run.problem_count,
        "message": run.message,
        "notes": run.notes,
        "options": run.options,
        "problems": run.problems,
        "skipped_rows": run.skipped_rows,
        **{name: getattr(run, name) for name in CELLS},
    }


def _message(runs: Sequence[ImportRun]) -> str:
    """Return what was wrong with the file that was refused."""
    return next((run.message for run in runs if run.problem_count), runs[0].message)


def _state(runs: Sequence[ImportRun]) -> str:
    return str(runs[0].state)


def exit_code(runs: Sequence[ImportRun]) -> int:
    """Return 0 if all rows were imported, 1 if the import was refused, 3 if rows were rejected."""
    if any(run.state == ImportRun.State.REFUSED for run in runs):
        return 1
    return 3 if any(run.rejected for run in runs) else 0


def as_lines(run: ImportRun) -> list[str]:
    """Return the summary of one run as lines of text."""
    would = {"done": "", "dry": "would be ", "refused": "would have been "}.get(str(run.state), "")
    titles = {"done": "Imported", "dry": "Dry run, nothing was stored:", "refused": "REFUSED, nothing was stored:"}
    lines = [f"{titles.get(str(run.state), str(run.state))} {run.file_name}{f' (run {run.pk})' * bool(run.pk)}"]
    if run.message:
        lines.append(f"  {run.message}")
    if run.read:
        lines += [
            f"  {run.read:>11,} rows read",
            f"  {run.created:>11,} {would}new {run.kind}",
            f"  {run.updated:>11,} {would}updates of {run.kind} that were there",
            f"  {run.skipped:>11,} {would}skipped, being there already",
            f"  {run.rejected:>11,} rejected",
            *([f"  {run.left_out:>11,} left out, being no {run.kind}"] if run.left_out else []),
        ]
    lines += [f"  {note}" for note in shown_notes(run.notes)]
    lines += [f"  {sentence}" for sentence in (*sentences(run.repairs), *status_sentences(run.statuses)[:STATUSES])]
    if len(run.statuses) > STATUSES:
        lines.append(f"  … and {len(run.statuses) - STATUSES:,} more statuses (--report json has all)")
    lines += [
        f"  line {p['line']}, {p['column'] or 'row'}: {p['reason']} ({p['value']!r})" for p in run.problems[:FIRST]
    ]
    if run.problem_count > FIRST:
        lines.append(f"  … and {run.problem_count - FIRST:,} more problems (--rejects FILE writes down every bad row)")
    lines += [f"  {_duplicate(row)}" for row in run.skipped_rows[:FIRST]]
    if (total := run.skipped + run.updated) > FIRST:
        lines.append(f"  … and {total - FIRST:,} more duplicates (--skipped FILE writes down every such row)")
    return lines


def shown_notes(notes: Sequence[str]) -> list[str]:
    """Return the notes of a run that a summary shows: all but those that say what a column is."""
    return [note for note in notes if ": " not in note or note.startswith(SHOWN_NOTES) or "', else '" in note]


def _duplicate(row: dict[str, Any]) -> str:
    """Return a skipped or updated row in a few words."""
    identity = ", ".join(row[name] for name in ("name", "email", "phone") if row[name])
    if row["action"] == ERASED:
        return f"line {row['line']} skipped: erased on request; not brought back"
    if row["action"] == DELETED:
        return f"line {row['line']} ({identity}) skipped: deleted in the source"
    other = f"line {row['of_line']}" if "of_line" in row else f"lead {row['lead_id']}"
    return f"line {row['line']} ({identity}) {row['action']}: the same person as {other}"
