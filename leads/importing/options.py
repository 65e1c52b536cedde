"""What somebody asks of an import, and the files that it writes beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import IO, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from leads.erased_contacts import ErasedContact, ErasedContacts
from leads.importing.cells.date_order import Order
from leads.importing.columns.mapping import REFUSE
from leads.importing.columns.plan import CellOptions
from leads.importing.rejects import numbered
from users.directory import ids_by_name


@dataclass(frozen=True)
class Options:
    """The operator's options; ``import_leads --help`` explains each."""

    on_duplicate: str = "create"
    update_status: bool = False
    on_error: str = "abort"
    dry_run: bool = False
    again: bool = False
    explicit: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    unknown: str = REFUSE  # what becomes of columns that no field has: "refuse", "ignore" or "note"
    user: str = ""  # the name of who signs notes; of activities that name no author
    dates: Order | None = None  # found out where it is not said
    timezone: str | None = None  # of times without one; the office's where it is not said
    statuses: Mapping[str, str] = field(default_factory=dict)  # what values of the file become
    statuses_as_is: bool = False
    with_deleted: bool = False  # import rows that are deleted in the source, as deleted leads
    with_erased: bool = False  # import rows of people who were erased on request
    parallel: bool = False  # check rows in a process of their own; not where there are threads

    def cell_options(self) -> CellOptions:
        """Return how cells are read."""
        zone = ZoneInfo(self.timezone or settings.TIME_ZONE)
        return CellOptions(
            UTC if zone.key == "UTC" else zone,
            self.statuses,
            self.statuses_as_is,
            with_deleted=self.with_deleted,
            owners=ids_by_name(),
            erased=ErasedContacts() if self.with_erased else ErasedContact.objects.load(),
        )


class OutputPaths(NamedTuple):
    """The files that an import writes: of the rows with errors, and of the rows that were skipped or updated leads.

    Paths, or files that the caller has opened for one import.
    """

    rejects: Path | IO[bytes] | None = None
    skipped: Path | IO[bytes] | None = None

    def numbered(self, number: int) -> "OutputPaths":
        """Return those of one of several files: ``rejects.csv`` becomes ``rejects-2.csv``."""
        rejects, skipped = (numbered(path, number) if isinstance(path, Path) else path for path in self)
        return OutputPaths(rejects, skipped)
