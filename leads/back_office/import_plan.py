"""What somebody wants done with an uploaded file: which column is which field, and the options of the import."""

import csv
import io
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from leads.importing.columns.mapping import LEADS
from leads.importing.run import Options
from leads.importing.stats import Refused

LEAVE_OUT = ""
LABELS = {
    "first_name": "First name",
    "last_name": "Last name",
    "name": "Full name (is split)",
    "email": "E-mail",
    "budget_min": "Budget from",
    "budget_max": "Budget to",
    "price": "Price or budget range",
    "property_interest": "Interested in",
    "created_at": "Date of the lead",
    "closed_at": "Date of closing",
}
ON_DUPLICATE = {
    "skip": "Leave the stored lead as it is, skip the row",
    "update": "Update the stored lead with the row",
    "create": "Add every row as a new lead",
    "error": "Treat the row as a bad one",
}
ON_ERROR = {
    "skip": "Import the good rows, keep the bad ones for a download",
    "abort": "Import nothing as long as one row is bad",
}
CONSTANTS = ("source", "status")
MAX_CONSTANT = 64


def label(target: str) -> str:
    """A field's name for people."""
    return LABELS.get(target, target.replace("_", " ").capitalize())


def detected(header: str) -> str:
    """The field that a column of this name fills by itself; "" for one that is not imported."""
    target = LEADS.known(header)[0] if header else ""
    return target if target in LEADS.targets else LEAVE_OUT


@dataclass(frozen=True)
class Plan:
    """``columns`` has the field that each column of the file fills, "" for a column to leave out."""

    columns: tuple[str, ...]
    on_duplicate: str = "skip"
    on_error: str = "skip"
    again: bool = False
    constants: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def for_header(cls, header: Sequence[str]) -> Self:
        """What is done unless somebody says otherwise."""
        return cls(tuple(map(detected, header)))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The plan that ``as_state`` wrote down."""
        return cls(**{**state, "columns": tuple(state["columns"])})

    @classmethod
    def from_form(cls, header: Sequence[str], form: Mapping[str, str]) -> Self:
        """The plan of a posted form; what it lacks is as it is by itself. Raises ``Refused`` for what cannot be."""
        own = cls.for_header(header)
        columns = tuple(form.get(f"column-{place}", target) for place, target in enumerate(own.columns))
        constants = {name: value for name in CONSTANTS if (value := form.get(name, "").strip())}
        plan = cls(
            columns,
            form.get("on_duplicate", own.on_duplicate),
            form.get("on_error", own.on_error),
            form.get("again") == "on",
            constants,
        )
        plan.check()
        return plan

    def check(self) -> None:
        """Raise ``Refused`` for choices that no form of ours offers."""
        fields = set(self.columns) <= {LEAVE_OUT, *LEADS.targets}
        if not (fields and self.on_duplicate in ON_DUPLICATE and self.on_error in ON_ERROR):
            raise Refused("There is no such choice; load the page again.")
        for name, value in self.constants.items():
            if len(value) > MAX_CONSTANT or "\0" in value:
                raise Refused(f"The {name} for every row can have at most {MAX_CONSTANT} characters.")

    def as_state(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        return {**asdict(self), "columns": list(self.columns), "constants": dict(self.constants)}

    def options(self, header: Sequence[str], dry_run: bool) -> Options:
        """The import's own options. A dry run looks at every row, whatever is to become of bad ones."""
        explicit, ignored = self._wishes(header)
        return Options(
            on_duplicate=self.on_duplicate,
            on_error="skip" if dry_run else self.on_error,
            dry_run=dry_run,
            again=self.again or dry_run,
            explicit=explicit,
            constants=dict(self.constants),
            ignored=ignored,
        )

    def _wishes(self, header: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """Where the plan differs from what the import does by itself: columns to map, and columns to leave out."""
        explicit, ignored = {}, []
        times = Counter(header)
        for place, (name, chosen) in enumerate(zip(header, self.columns, strict=True)):
            wish = name if name and times[name] == 1 else f"#{place + 1}"
            if chosen != LEAVE_OUT and chosen != detected(name):
                explicit[wish] = chosen
            elif chosen == LEAVE_OUT and LEADS.known(name)[0] != "not_stored":
                ignored.append(wish)
        return explicit, ignored

    def command(self, name: str, header: Sequence[str]) -> str:
        """What an operator types to do the same on the server."""
        explicit, ignored = self._wishes(header)
        words = ["manage.py", "import_leads", name, "--on-duplicate", self.on_duplicate, "--on-error", self.on_error]
        words += [word for wish, target in explicit.items() for word in ("--map", f"{wish}={target}")]
        words += [word for name, value in self.constants.items() for word in ("--set", f"{name}={value}")]
        words += ["--ignore-columns", _as_csv(ignored)] if ignored else []
        words += ["--rejects", "rejects.csv"] if self.on_error == "skip" else []
        return shlex.join(words)


def _as_csv(names: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(names)
    return line.getvalue().rstrip("\r\n")
