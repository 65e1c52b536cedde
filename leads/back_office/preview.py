"""The preview of an uploaded file under a plan: its first rows as they would be stored, and a dry run."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from leads import validators
from leads.back_office.import_plan import MAX_STATUSES, Plan
from leads.back_office.progress import UploadProgress
from leads.back_office.reading import read_as
from leads.back_office.stored_files import LocalFile
from leads.back_office.upload_limits import MAX_COLUMNS, MAX_ROWS, TooLarge
from leads.importing import runs
from leads.importing.cells.column_habits import habits_of
from leads.importing.cells.report import sentences
from leads.importing.columns.mapping import LEADS, Mapping, is_consent, map_headers
from leads.importing.options import Options
from leads.importing.run import Started, import_files
from leads.importing.sources.reader import Source
from leads.importing.stats import Refused, showable
from leads.models import ImportRun
from users import directory
from users.models import User

FIRST = 20  # rows shown
SAMPLES = 3  # values shown of each column
MAX_VALUE = 60  # characters of a value
SHARED = {"price": "budget_max", "name": "first_name"}  # where errors of a column that fills two fields are shown
COUNTS = ("read", "created", "updated", "skipped", "rejected", "left_out", "problem_count")

State = dict[str, Any]


def preview(
    file: LocalFile, user: User, plan: Plan, progress: UploadProgress, header_before: Sequence[str] = ()
) -> State:
    """Try ``plan`` on the file and return the result, which is plain JSON.

    If the file is read in another way than before and so has another header, the columns get their default fields.
    Stores nothing. Raises ``Refused`` if the file cannot be imported here under any plan.
    """
    with file.open(plan.reading) as source:
        if len(source.header) > MAX_COLUMNS:
            raise TooLarge(f"{file.name} has {len(source.header):,} columns, more than {MAX_COLUMNS}.")
        header = [showable(name) for name in source.header]
        records = list(islice(source, FIRST))
        if header_before != header:
            plan = plan.with_columns_of(source.header)
        read = {**read_as(source), "notes": [showable(note) for note in source.notes]}
        earlier = runs.known(source.sha256, "leads")
        progress.size = source.size
        result = _dry_run(source, plan, user, progress)
        result["rows"] = _rows(source, plan, records)
    return {
        "header": header,
        "samples": [_samples(records, place) for place in range(len(header))],
        "file": read,
        "earlier_run": earlier.pk if earlier else None,
        "plan": plan.as_state(),
        "preview": result,
    }


def import_upload(
    file: LocalFile,
    source: Source,
    options: Options,
    user: User,
    progress: UploadProgress,
    started: Started = lambda runs: None,
) -> ImportRun:
    """Import an open file, and return the closed run. More than ``MAX_ROWS`` rows refuse the import.

    ``started`` is called with the run.
    """
    progress.size = source.size
    (run,) = import_files(
        [source],
        options,
        user=user,
        rejects=file.rejects,
        skipped=file.skipped,
        progress=progress,
        started=started,
    )
    return run


def _dry_run(source: Source, plan: Plan, user: User, progress: UploadProgress) -> State:
    options = plan.options(source.header, dry_run=True)
    (run,) = import_files([source], options, user=user, progress=progress)
    counts = {name: getattr(run, name) for name in COUNTS}
    if run.read > MAX_ROWS:
        raise TooLarge(run.message)
    return {
        **counts,
        "message": run.message if run.state == ImportRun.State.REFUSED else "",
        "problems": run.problems,
        "skipped_rows": run.skipped_rows,
        "repairs": sentences(run.repairs),
        "statuses": run.statuses[:MAX_STATUSES],
        "notes": run.notes,
    }


def _rows(source: Source, plan: Plan, records: Sequence[tuple[int, Any]]) -> list[State]:
    options = plan.options(source.header, dry_run=True)
    try:
        columns = map_headers(
            source.header,
            explicit=options.explicit,
            constants=options.constants,
            ignore=options.ignored,
            unknown=options.unknown,
            guarded=not source.exact,
            cell_options=options.cell_options(),
        )
        columns, _ = habits_of(source, columns, dates=options.dates is None)
    except Refused:
        return []  # the dry run has the reason
    owners = directory.names({*columns.cell_options.owners.values()}) if "owner" in columns.columns else {}
    return [_row(columns, line, cells, owners) for line, cells in records]


def _row(columns: Mapping, line: int, cells: Any, owners: dict[int, str]) -> State:
    """Return the values of a row by field, as they would be stored, and its errors; ``owners`` are names of users."""
    converted, conversion_errors = columns.convert(cells)
    clean, problems = validators.validate(converted, labels=True)
    errors: dict[str, str] = {}
    values = {field: _display(clean.get(field, converted.get(field))) for field in validators.FIELDS}
    values["owner_id"] = owners.get(clean["owner_id"] or 0, "") if "owner_id" in clean else ""
    for problem in (*conversion_errors, *problems):
        name = str(problem.loc[0]) if problem.loc else ""
        field = SHARED.get(name, name)
        errors.setdefault(field, problem.msg.removeprefix("Value error, "))
        if field in values:
            values[field] = values[field] or _display(problem.input)
    return {"line": line, "values": values, "problems": errors}


def _samples(records: Sequence[tuple[int, Any]], place: int) -> list[str]:
    return list(islice(_distinct_values(records, place), SAMPLES))


def _distinct_values(records: Sequence[tuple[int, Any]], place: int) -> Iterator[str]:
    seen: set[str] = set()
    for _, cells in records:
        value = _display(cells[place]) if place < len(cells) else ""
        if value and value not in seen:
            seen.add(value)
            yield value


def _display(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    text = showable(text[: MAX_VALUE + 1]).strip()
    return text[:MAX_VALUE] + "…" if len(text) > MAX_VALUE else text


def column_kinds(header: Sequence[str]) -> list[str]:
    """Return the kind of each column: "known", "consent", "not_stored" or "unknown"."""
    known = zip(header, LEADS.known_all(header), strict=True)
    kinds = [target if name else "unknown" for name, (target, _) in known]
    return [
        "consent"
        if kind == "not_stored" and is_consent(header, place)
        else kind
        if kind in ("not_stored", "unknown")
        else "known"
        for place, kind in enumerate(kinds)
    ]
