"""An export from beginning to end: active leads, newest first, in the form that the import reads back.

No printing and no argument parsing here: the command and the admin may both call ``export_leads``.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from typing import Any, NamedTuple

from django.db import transaction

from crm_project.db.replica import reading
from crm_project.http.timestamps import iso
from leads import consent_cells
from leads.consents import REVOKED, WAYS, Consent
from leads.exporting.tables import Form, Write
from leads.models import Installation
from leads.querysets import LeadQuerySet
from leads.serializers import OUT

# All that the API shows of active leads, and when a closed one was closed, which the dashboard counts.
COLUMNS = (*(column for column in OUT if column != "is_active"), "closed_at")
# The owner by user name.
OWNER = "owner__username"
# "yes" where the lead has revoked consent: columns that other programs know, too.
REVOKED_WAYS = {f"do_not_{way}": way for way in WAYS}
# The name of the installation says where the ids are from.
OTHERS = ("owner", "tags", *REVOKED_WAYS, *consent_cells.COLUMNS, "installation")
LEADS = Form("leads", (*COLUMNS, *OTHERS), frozenset(("property_interest",)))
# The same with deleted leads, which the import skips as deleted in the source.
LEADS_AND_DELETED = LEADS._replace(columns=(*LEADS.columns, "is_active"))
CHUNK = 500  # leads fetched at a time
ATTACHED = 1_000  # activities looked up at a time

Rows = Sequence[dict[str, Any]]


class Attached(NamedTuple):
    """Rows that go with leads: ``of(ids)`` finds those of some leads; ``write`` adds one to a table of their own.

    Without ``write`` they are nested in the lead's row, under ``name``.
    """

    name: str
    of: Callable[[Sequence[int]], Mapping[int, Rows]]
    write: Write | None = None


def export_leads(leads: LeadQuerySet, write: Write, attached: Sequence[Attached] = ()) -> int:
    """Write the active ones of ``leads``, with what goes with them; returns how many leads there were.

    They are a snapshot: later writes do not change them, and no writer has to wait.
    """
    count = 0
    # Closed at once where writing fails, because the connection may not live as long as the failure does.
    with closing(exported_chunks(leads)) as chunks:
        for chunk in chunks:
            for part in _parts(chunk) if attached else [chunk]:
                for kind in attached:
                    found = kind.of([row["id"] for row in part])
                    for row in part:
                        _attach(row, found.get(row["id"], ()), kind)
                for row in part:
                    write(row)
            count += len(chunk)
    return count


def exported_chunks(leads: LeadQuerySet, with_deleted: bool = False) -> Generator[list[dict[str, Any]]]:
    """Yield ``leads``, newest first, ``CHUNK`` at a time, from one snapshot.

    Only the active ones; ``with_deleted`` all, each with ``is_active``.
    """
    installation = Installation.current_name()
    chosen, more = (leads, ("is_active",)) if with_deleted else (leads.active(), ())
    with _snapshot(), closing(_rows(chosen.newest_first(), installation, more)) as rows:
        while chunk := list(islice(rows, CHUNK)):
            _add_consents(chunk)
            yield chunk


def _add_consents(rows: Sequence[dict[str, Any]]) -> None:
    consents = Consent.objects.statements_in_force([row["id"] for row in rows])
    for row in rows:
        given = consents[row["id"]]
        revoked = {way for way, consent in given.items() if consent.state == REVOKED}
        row.update({column: "yes" if way in revoked else None for column, way in REVOKED_WAYS.items()})
        row.update({column: consent_cells.cell_of(given.get(way)) for column, way in consent_cells.COLUMNS.items()})
        row["installation"] = row.pop("installation")  # the last column


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Leads with at most ``ATTACHED`` activities together, or one lead: what goes with them is in memory at once."""
    part: list[dict[str, Any]] = []
    total = 0
    for row in rows:
        total += row["activity_count"]
        if part and total > ATTACHED:
            yield part
            part, total = [], row["activity_count"]
        part.append(row)
    yield part


def _attach(row: dict[str, Any], rows: Rows, attached: Attached) -> None:
    if attached.write is None:
        row[attached.name] = list(rows)
        return
    lead = {
        "lead_id": row["id"],
        "lead_email": row["email"],
        "lead_name": f"{row['first_name']} {row['last_name']}".strip(),
        "lead_phone": row["phone"],
        "lead_created_at": row["created_at"],
        "installation": row["installation"],
    }
    for own in rows:
        attached.write({**lead, **own})


def _rows(leads: LeadQuerySet, installation: str, more: tuple[str, ...]) -> Generator[dict[str, Any]]:
    for row in leads.values(*COLUMNS, OWNER, "tags", *more).iterator(chunk_size=CHUNK):
        row["created_at"], row["updated_at"] = iso(row["created_at"]), iso(row["updated_at"])
        row["closed_at"] = row["closed_at"] and iso(row["closed_at"])
        row["owner"], row["tags"] = row.pop(OWNER), row.pop("tags")
        row["installation"] = installation
        yield row


@contextmanager
def _snapshot() -> Iterator[None]:
    """Have all queries of the block see the same snapshot of the data.

    ``atomic()`` alone does not do so on PostgreSQL, and on SQLite it would block all writers.
    """
    with ExitStack() as stack:
        if reading().in_atomic_block:
            pass
        elif reading().vendor == "postgresql":
            stack.enter_context(transaction.atomic(reading().alias))
            _execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        else:
            _execute("BEGIN DEFERRED")
            stack.callback(_execute, "ROLLBACK")
        yield


def _execute(statement: str) -> None:
    with reading().cursor() as cursor:
        cursor.execute(statement)
