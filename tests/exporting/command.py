"""``manage.py export_leads`` as an operator runs it, in this process."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from python_calamine import CalamineWorkbook


def export_leads(path: Path, *arguments: Any) -> list[dict[str, Any]]:
    """Run the command and return the rows of the file it wrote, by column, as that format has them."""
    call_command("export_leads", "--output", str(path), *map(str, arguments), stdout=io.StringIO())
    return rows_of(path)


def refused(*arguments: Any) -> tuple[int, str]:
    """Return the exit code and the message of an export that must fail."""
    try:
        call_command("export_leads", *map(str, arguments), stdout=io.StringIO())
    except CommandError as error:
        return error.returncode, str(error)
    raise AssertionError("the export was not refused")


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of an exported file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    name = path.name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in content.splitlines()]
    if name.endswith(".xlsx"):
        header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).iter_rows()
        return [dict(zip(header, row, strict=True)) for row in rows]
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
