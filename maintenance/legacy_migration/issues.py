"""The log of what is invalid in the source or changed by the migration, complete however long it is."""

import tempfile
from collections.abc import Iterator
from typing import Any

import orjson

MAX_VALUE_LENGTH = 200  # characters of a value that the report repeats
MAX_STORED = 1000  # issues stored with the run; the report has all of them
HIDDEN = "(not shown)"

Issue = dict[str, Any]


class IssueLog:
    """A list of issues in a temporary file. ``first`` has the first ``MAX_STORED`` of them in memory."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the log
        self.first: list[Issue] = []
        self.count = 0

    def add(self, table: str, row_id: Any, column: str, **details: Any) -> None:
        """Append an issue. Values in ``details`` must be printable already (see ``printable``)."""
        issue = {"table": table, "id": printable(row_id), "column": column, **details}
        self.count += 1
        if len(self.first) < MAX_STORED:
            self.first.append(issue)
        self.file.write(orjson.dumps(issue) + b"\n")

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Issue]:
        self.file.seek(0)
        yield from map(orjson.loads, self.file)
        self.file.seek(0, 2)

    def close(self) -> None:
        """Delete the temporary file."""
        self.file.close()


def printable(value: object) -> Any:
    """Return ``value`` as any terminal and JSON column can store it, shortened if it is long."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = text.encode(errors="replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 1] + "…"
