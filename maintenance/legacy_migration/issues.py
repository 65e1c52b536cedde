"""What was found wrong in the source, or changed on the way: every single one, however many there are."""

import tempfile
from collections.abc import Iterator
from typing import Any

import orjson

LONGEST_SHOWN = 200  # characters of a value that are repeated
KEPT = 1000  # findings kept with the run; the report has all of them
HIDDEN = "(not shown)"

Finding = dict[str, Any]


class Findings:
    """A list of findings that grows on disk; ``kept`` has the first of them in memory."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the list
        self.kept: list[Finding] = []
        self.count = 0

    def add(self, table: str, row_id: Any, column: str, **told: Any) -> None:
        """One more; ``told`` is the rest of what is said, values in a form that may be shown."""
        finding = {"table": table, "id": shown(row_id), "column": column, **told}
        self.count += 1
        if len(self.kept) < KEPT:
            self.kept.append(finding)
        self.file.write(orjson.dumps(finding) + b"\n")

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Finding]:
        self.file.seek(0)
        yield from map(orjson.loads, self.file)
        self.file.seek(0, 2)

    def close(self) -> None:
        """Forget them."""
        self.file.close()


def shown(value: object) -> Any:
    """``value`` as any terminal and JSON column can hold it, cut where it is long."""
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    printable = text.encode(errors="replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")
    return printable if len(printable) <= LONGEST_SHOWN else printable[: LONGEST_SHOWN - 1] + "…"
