"""Which rows of a workbook (.xlsx) are hidden, by a filter for example: the reader does not say."""

import html
import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import IO

from leads.importing.sources.source_file import PIECE

MAX_ROWS = 1 << 20
MAX_CONTENTS = 1 << 20  # bytes of the parts that list the sheets
WORKBOOK, RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
OVERLAP = 600  # bytes of a piece that are looked at again, so that no tag is cut

_sheet = re.compile(rb"<(?:[\w.-]{1,20}:)?sheet\s([^<>]{0,2000})>")
_relation = re.compile(rb"<(?:[\w.-]{1,20}:)?Relationship\s([^<>]{0,2000})>")
_row = re.compile(rb"<(?:[\w.-]{1,20}:)?row\s([^<>]{0,500})>")
_attribute = re.compile(rb"""([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def hidden_rows(file: IO[bytes], sheet: str) -> set[int]:
    """Return the numbers of the hidden rows of a sheet; none where the workbook does not say where the sheet is."""
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        member = _member_of(archive, sheet)
        return set(_hidden_in(archive, member)) if member in archive.namelist() else set()


def _member_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the part of the archive that has the sheet; "" if there is none."""
    names = archive.namelist()
    if not {WORKBOOK, RELATIONS}.issubset(names):
        return ""
    for entry in _entries(archive, WORKBOOK, _sheet):
        if entry.get("name") == sheet:
            number = next((value for name, value in entry.items() if name.endswith(":id")), "")
            targets = {one.get("Id"): one.get("Target", "") for one in _entries(archive, RELATIONS, _relation)}
            return posixpath.normpath(posixpath.join("/xl", targets.get(number, ""))).lstrip("/")
    return ""


def _entries(archive: zipfile.ZipFile, member: str, tag: re.Pattern[bytes]) -> list[dict[str, str]]:
    with archive.open(member) as part:
        text = part.read(MAX_CONTENTS)
    return [_attributes(found) for found in tag.findall(text)]


def _attributes(tag: bytes) -> dict[str, str]:
    pairs = ((name.decode("ascii", "replace"), (one or other)) for name, one, other in _attribute.findall(tag))
    return {name: html.unescape(value.decode(errors="replace")) for name, value in pairs}


def _hidden_in(archive: zipfile.ZipFile, member: str) -> Iterator[int]:
    tail = b""
    with archive.open(member) as part:
        while piece := part.read(PIECE):
            piece = tail + piece
            if b"hidden" in piece:
                for tag in _row.findall(piece):
                    if b"hidden" in tag and (number := _hidden_number(_attributes(tag))):
                        yield number
            tail = piece[-OVERLAP:]


def _hidden_number(row: dict[str, str]) -> int:
    """Return the number of a row that is hidden; 0 for others."""
    number = row.get("r", "")
    if row.get("hidden") not in ("1", "true") or not number.isdecimal() or len(number) > 7:
        return 0
    return int(number) if int(number) <= MAX_ROWS else 0
