"""The import plan of an uploaded file: the mapping of columns to fields, and the options of the import."""

import csv
import io
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self
from zoneinfo import available_timezones

from leads.back_office.reading import Reading
from leads.importing.cells.date_order import ORDERS, Order
from leads.importing.columns.mapping import IGNORE, LEADS, NOTE, column_number
from leads.importing.options import Options
from leads.importing.stats import Refused
from leads.validators import PIPELINE

NOT_IMPORTED = ""  # no field: what becomes of the column depends on its kind and on ``unknown``
LEFT_OUT = "-"  # not even in a note
LABELS = {
    "first_name": "First name",
    "last_name": "Last name",
    "name": "Full name (split)",
    "budget_min": "Budget from",
    "budget_max": "Budget to",
    "price": "Price or budget range",
    "property_interest": "Interested in",
    "created_at": "Date of the lead",
    "closed_at": "Date of closing",
    "owner_id": "Owner",
}
ON_DUPLICATE = {
    "skip": "Skip the row",
    "fill": "Fill the blank fields of the lead",
    "update": "Update the lead",
    "create": "Create another lead",
    "error": "Report as an error",
}
ON_ERROR = {
    "skip": "Import the other rows; rows with errors can be downloaded",
    "abort": "Import nothing if any row has errors",
}
UNKNOWN = {NOTE: "Add them to a note of the lead", IGNORE: "Do not import them"}
CONSTANTS = ("source", "status")  # with an entry of their own on the page
OTHER_CONSTANTS = 2  # further fields that the page has entries for
MAX_CONSTANT = 200  # characters
DATES = {
    "": "As the column shows",
    "day-first": "Day first: 31/12/2026",
    "month-first": "Month first: 12/31/2026",
}
MAX_STATUSES = 100  # that have a choice on the page
MAX_STATUS = 200  # characters
AS_IS = "as is"  # the choice for a status that is stored as it is in the file


def label(target: str) -> str:
    """Return the label of a field."""
    return LABELS.get(target, target.replace("_", " ").capitalize())


def detected(header: Sequence[str]) -> list[str]:
    """Return the fields that the columns of a file fill by default; "" for one that is not imported."""
    known = zip(header, LEADS.known_all(header), strict=True)
    return [target if name and target in LEADS.targets else NOT_IMPORTED for name, (target, _) in known]


@dataclass(frozen=True)
class Plan:
    """``columns`` has the field that each column of the file fills, "" for a column that is not imported."""

    columns: tuple[str, ...]
    on_duplicate: str = "skip"
    on_error: str = "skip"
    again: bool = False
    update_status: bool = False
    constants: Mapping[str, str] = field(default_factory=dict)
    timezone: str = ""  # the office's
    statuses: Mapping[str, str] = field(default_factory=dict)
    statuses_as_is: bool = False
    dates: str = ""  # "": detected
    with_deleted: bool = False
    with_erased: bool = False
    reading: Reading = field(default_factory=Reading)
    unknown: str = NOTE  # what becomes of columns that no field has

    @classmethod
    def for_header(cls, header: Sequence[str], reading: Reading | None = None) -> Self:
        """Return the default plan."""
        return cls(tuple(detected(header)), reading=reading or Reading())

    def with_columns_of(self, header: Sequence[str]) -> Self:
        """Return the plan with the default fields for the columns of another header."""
        return replace(self, columns=tuple(detected(header)))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the plan that ``as_state`` stored."""
        return cls(**{**state, "columns": tuple(state["columns"]), "reading": Reading(**state.get("reading", {}))})

    @classmethod
    def from_form(cls, header: Sequence[str], form: Mapping[str, str]) -> Self:
        """Return the plan of a posted form, with defaults for what it lacks. Raises ``Refused`` for invalid values."""
        default = cls.for_header(header)
        columns = tuple(form.get(f"column-{place}", target) for place, target in enumerate(default.columns))
        plan = cls(
            columns,
            form.get("on_duplicate", default.on_duplicate),
            form.get("on_error", default.on_error),
            form.get("again") == "on",
            form.get("update_status") == "on",
            dict(_constants(form)),
            form.get("timezone", "").strip(),
            dict(_statuses(form)),
            form.get("statuses_as_is") == "on",
            form.get("dates", ""),
            form.get("with_deleted") == "on",
            form.get("with_erased") == "on",
            Reading.from_form(form),
            form.get("unknown", NOTE),
        )
        plan.check()
        return plan

    def check(self) -> None:
        """Raise ``Refused`` for choices that the form does not offer."""
        chosen = (
            (self.on_duplicate, ON_DUPLICATE),
            (self.on_error, ON_ERROR),
            (self.dates, DATES),
            (self.unknown, UNKNOWN),
        )
        fields = set(self.columns) <= {NOT_IMPORTED, LEFT_OUT, *LEADS.targets}
        statuses = set(self.statuses.values()) <= {*PIPELINE, AS_IS}
        if not (fields and statuses and all(choice in choices for choice, choices in chosen)):
            raise Refused("Invalid choice. Reload the page.")
        if self.timezone and self.timezone not in available_timezones():
            raise Refused(f"There is no time zone {self.timezone!r}. Choose one of the list, such as America/Chicago.")
        for name, value in self.constants.items():
            if name not in LEADS.targets:
                raise Refused("Invalid choice. Reload the page.")
            if len(value) > MAX_CONSTANT or "\0" in value:
                raise Refused(f"{label(name)} for all rows: at most {MAX_CONSTANT} characters.")

    def as_state(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        given = {"constants": dict(self.constants), "statuses": dict(self.statuses)}
        return {**asdict(self), "columns": list(self.columns), **given}

    def options(self, header: Sequence[str], dry_run: bool) -> Options:
        """Return the options of the import. A dry run reads all rows, even if rows with errors stop the import."""
        explicit, ignored = self._overrides(header)
        return Options(
            on_duplicate=self.on_duplicate,
            update_status=self.update_status and self.on_duplicate == "update",
            on_error="skip" if dry_run else self.on_error,
            dry_run=dry_run,
            again=self.again or dry_run,
            explicit=explicit,
            constants=dict(self.constants),
            ignored=ignored,
            timezone=self.timezone or None,
            statuses=self._chosen_statuses(),
            statuses_as_is=self.statuses_as_is,
            unknown=self.unknown,
            dates=_order(self.dates),
            with_deleted=self.with_deleted,
            with_erased=self.with_erased,
        )

    def _chosen_statuses(self) -> dict[str, str]:
        """Return what the statuses become that the form has a choice for."""
        return {value: value.lower() if status == AS_IS else status for value, status in self.statuses.items()}

    def _overrides(self, header: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return the columns to map and the columns not to import, where the plan differs from the default."""
        explicit, ignored = {}, []
        times, fields = Counter(header), detected(header)
        for place, (name, chosen) in enumerate(zip(header, self.columns, strict=True)):
            column = name if name and times[name] == 1 else column_number(header, place)
            if chosen == LEFT_OUT:
                ignored.append(column)
            elif chosen != NOT_IMPORTED and chosen != fields[place]:
                explicit[column] = chosen
            elif chosen == NOT_IMPORTED and (fields[place] if self.unknown == NOTE else not _is_not_stored(name)):
                ignored.append(column)
        return explicit, ignored

    def command(self, name: str, header: Sequence[str]) -> str:
        """Return the command that does the same import on the server."""
        explicit, ignored = self._overrides(header)
        words = ["manage.py", "import_leads", name, "--on-duplicate", self.on_duplicate, "--on-error", self.on_error]
        words += ["--update-status"] if self.update_status and self.on_duplicate == "update" else []
        words += [word for column, target in explicit.items() for word in ("--map", f"{column}={target}")]
        words += [word for name, value in self.constants.items() for word in ("--set", f"{name}={value}")]
        words += ["--timezone", self.timezone] if self.timezone else []
        chosen = self._chosen_statuses().items()
        words += [word for value, status in chosen for word in ("--map-status", f"{value}={status}")]
        words += ["--status-as-is"] if self.statuses_as_is else []
        words += ["--unknown", self.unknown]
        words += ["--dates", self.dates] if self.dates else []
        words += ["--with-deleted"] if self.with_deleted else []
        words += ["--with-erased"] if self.with_erased else []
        words += self.reading.words()
        words += ["--ignore-columns", _as_csv(ignored)] if ignored else []
        words += ["--rejects", "rejects.csv"] if self.on_error == "skip" else []
        words += ["--skipped", "skipped.csv"] if self.on_duplicate in ("skip", "fill", "update") else []
        return shlex.join(words)


def _is_not_stored(header: str) -> bool:
    """Return whether no lead has a field for such a column, so that it need not be left out by request."""
    return LEADS.known(header)[0] == "not_stored"


def _order(text: str) -> Order | None:
    return next((order for order in ORDERS if order == text), None)


def _constants(form: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the fields that are set for all rows, with their values."""
    entries = [(name, form.get(name, "")) for name in CONSTANTS]
    entries += [
        (form.get(f"constant-field-{place}", ""), form.get(f"constant-{place}", "")) for place in range(OTHER_CONSTANTS)
    ]
    for name, value in entries:
        if name and value.strip():
            yield name, value.strip()


def _statuses(form: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the statuses of the file with the choices of the form."""
    for place in range(MAX_STATUSES):
        value, status = form.get(f"status-value-{place}", ""), form.get(f"status-{place}", "")
        if value and status:
            yield value[:MAX_STATUS], status


def _as_csv(names: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(names)
    return line.getvalue().rstrip("\r\n")
