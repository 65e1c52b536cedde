"""What the report says of rows that were imported, counted while they pass.

A warning is counted under what it is about. Counts travel with the batches of rows, so that it makes no difference
which process converts them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

Warnings = Counter[tuple[str, str | int]]

UNUSED = "unused"  # by the column's place: its value gave way to another column's
SHARED = "shared"  # a row that updated the oldest of several stored leads
OTHER_NAME = "other name"  # a new lead with the address of somebody of another name
CONSENT = "consent"  # by what is not wanted: a call, an email, a text message, anything
GRANTED = "granted"  # by way of contact: a consent of our own exports
LEFT_OUT = "left out"  # by reason: a row that is no lead
DELETED = "deleted"
ERASED = "erased"  # the person was erased on request
NOTED = "noted"  # a lead with notes of what has no field
UNSIGNED = "unsigned"  # something is left over, and nobody can sign notes of it
SAME_FILE = "same file"  # by action: a duplicate of an earlier row


def as_sentences(warnings: Warnings, header: Sequence[str], columns: Iterable[Sequence[int]]) -> list[str]:
    """Return the warnings as sentences; ``columns`` are the places of the columns that fill one field, in order."""
    preferred = {place: places[0] for places in columns for place in places}
    lines = []
    for (kind, about), count in sorted(warnings.items(), key=str):
        values, rows = _counted(count, "value"), _counted(count, "row")
        if kind == UNUSED and isinstance(about, int):
            name, first = header[about], header[preferred[about]]
            verb = "was" if count == 1 else "were"
            lines.append(f"Column {name!r} was used only where {first!r} was blank: {values} of it {verb} left over.")
        elif kind == SHARED:
            lines.append(f"Several stored leads have the row's {about}, the oldest was updated: {rows}.")
        elif kind == OTHER_NAME and count:
            verb = "has" if count == 1 else "have"
            lines.append(f"{rows} {verb} the address of somebody of another name, and became {_leads(count)}.")
        elif kind == CONSENT:
            wants = "does not want" if count == 1 else "do not want"
            lines.append(f"{_counted(count, 'lead')} {wants} {_wanted(about)}. Recorded as consent.")
        elif kind == GRANTED:
            lines.append(f"{_counted(count, 'lead')} agreed to {_wanted(about)}. Recorded for new leads.")
        elif kind == NOTED and count:
            lines.append(f"{_counted(count, 'lead')} got notes of what no field has.")
        elif kind == UNSIGNED:
            lines.append("What is left over is only in this report, because nobody can sign notes (--user).")
        elif kind == LEFT_OUT:
            lines.append(f"{rows} left out ({about}).")
        elif kind == DELETED:
            lines.append(f"{rows} deleted in the source, and skipped (--with-deleted imports deleted leads).")
        elif kind == ERASED:
            lines.append(f"{rows} of people erased on request; not brought back (--with-erased imports them).")
        elif kind == SAME_FILE:
            done = "duplicated" if about == "skipped" else "changed"
            lines.append(f"{rows} {done} an earlier row of the same file.")
    return lines


def _wanted(about: str | int) -> str:
    return {"call": "calls", "email": "emails", "text": "text messages"}.get(str(about), "to be contacted")


def _leads(count: int) -> str:
    return "a lead of its own" if count == 1 else "leads of their own"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
