"""The import plan of an uploaded file: the mapping of columns to fields, and the options of the import."""

import csv
import io
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from zoneinfo import available_timezones

from leads.importing.columns.mapping import LEADS, NOTE, column_number
from leads.importing.run import Options
from leads.importing.stats import Refused
from leads.validators import PIPELINE

NOT_IMPORTED = ""
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
CONSTANTS = ("source", "status")
MAX_CONSTANT = 64
MAX_STATUSES = 100  # that have a choice on the page
MAX_STATUS = 200  # characters
AS_IS = "as is"  # the choice for a status that is stored as it is in the file


def label(target: str) -> str:
    """Return the label of a field."""
    return LABELS.get(target, target.replace("_", " ").capitalize())


def detected(header: str) -> str:
    """Return the field that a column of this name fills by default; "" for one that is not imported."""
    target = LEADS.known(header)[0] if header else ""
    return target if target in LEADS.targets else NOT_IMPORTED


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
    unknown: str = NOTE  # what becomes of columns that no field has

    @classmethod
    def for_header(cls, header: Sequence[str]) -> Self:
        """Return the default plan."""
        return cls(tuple(map(detected, header)))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the plan that ``as_state`` stored."""
        return cls(**{**state, "columns": tuple(state["columns"])})

    @classmethod
    def from_form(cls, header: Sequence[str], form: Mapping[str, str]) -> Self:
        """Return the plan of a posted form, with defaults for what it lacks. Raises ``Refused`` for invalid values."""
        default = cls.for_header(header)
        columns = tuple(form.get(f"column-{place}", target) for place, target in enumerate(default.columns))
        constants = {name: value for name in CONSTANTS if (value := form.get(name, "").strip())}
        plan = cls(
            columns,
            form.get("on_duplicate", default.on_duplicate),
            form.get("on_error", default.on_error),
            form.get("again") == "on",
            form.get("update_status") == "on",
            constants,
            form.get("timezone", "").strip(),
            dict(_statuses(form)),
            form.get("statuses_as_is") == "on",
        )
        plan.check()
        return plan

    def check(self) -> None:
        """Raise ``Refused`` for choices that the form does not offer."""
        fields = set(self.columns) <= {NOT_IMPORTED, *LEADS.targets}
        if not (fields and self.on_duplicate in ON_DUPLICATE and self.on_error in ON_ERROR):
            raise Refused("Invalid choice. Reload the page.")
        if not set(self.statuses.values()) <= {*PIPELINE, AS_IS}:
            raise Refused("Invalid choice. Reload the page.")
        if self.timezone and self.timezone not in available_timezones():
            raise Refused(f"There is no time zone {self.timezone!r}. Choose one of the list, such as America/Chicago.")
        for name, value in self.constants.items():
            if len(value) > MAX_CONSTANT or "\0" in value:
                raise Refused(f"The {name} for all rows can have at most {MAX_CONSTANT} characters.")

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
        )

    def _chosen_statuses(self) -> dict[str, str]:
        """Return what the statuses become that the form has a choice for."""
        return {value: value.lower() if status == AS_IS else status for value, status in self.statuses.items()}

    def _overrides(self, header: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Return the columns to map and the columns not to import, where the plan differs from the default."""
        explicit, ignored = {}, []
        times = Counter(header)
        for place, (name, chosen) in enumerate(zip(header, self.columns, strict=True)):
            column = name if name and times[name] == 1 else column_number(header, place)
            if chosen != NOT_IMPORTED and chosen != detected(name):
                explicit[column] = chosen
            elif chosen == NOT_IMPORTED and (detected(name) if self.unknown == NOTE else not _is_not_stored(name)):
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
        words += ["--ignore-columns", _as_csv(ignored)] if ignored else []
        words += ["--rejects", "rejects.csv"] if self.on_error == "skip" else []
        words += ["--skipped", "skipped.csv"] if self.on_duplicate in ("skip", "fill", "update") else []
        return shlex.join(words)


def _is_not_stored(header: str) -> bool:
    """Whether no lead has a field for such a column, so that it need not be left out by request."""
    return LEADS.known(header)[0] == "not_stored"


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
