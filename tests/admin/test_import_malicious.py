"""Malicious and invalid uploads: each is rejected with a message, without an error page or much memory."""

import gzip
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from leads.models import ImportRun, Lead
from tests.admin.test_import_page import ADD, FILE, form, page, rejection, upload
from tests.conftest import Case
from tests.importing.test_file_kinds import ods
from tests.live import PROJECT, environment
from tests.stored import stored_files

pytestmark = pytest.mark.django_db

SHEET = "xl/worksheets/sheet1.xml"
START = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = "</sheetData></worksheet>"


def workbook(sheet: str, **more: str) -> bytes:
    """Return a workbook whose first sheet is this XML."""
    good, file = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(good) as written:
        written.add_worksheet("Leads").write(0, 0, "Name")
    with zipfile.ZipFile(good) as whole, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = {name: whole.read(name).decode() for name in whole.namelist()}
        for name, text in {**parts, SHEET: sheet, **more}.items():
            archive.writestr(name, text)
    return file.getvalue()


def cell(text: str) -> str:
    """Return a cell with inline text."""
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>'


def expanding() -> bytes:
    """Return a workbook whose entities expand to gigabytes and read a file of the server."""
    entities = '<!ENTITY e0 "ha"><!ENTITY file SYSTEM "file:///etc/passwd">' + "".join(
        f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10)
    )
    rows = f"<row>{cell('Name')}{cell('Email')}</row><row>{cell('&e9;&file;Ada')}{cell('a@example.com')}</row>"
    return workbook(f"<!DOCTYPE x [{entities}]>{START}{rows}{END}")


def bomb(size: int) -> bytes:
    """Return a workbook that unpacks to ``size`` spaces."""
    return workbook(START + " " * size + END)


REJECTED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "blank lines": ("blank.csv", lambda: b"\n" * 3_000_000, "has more than 2,000,000 lines"),
    "blank lines of an old Mac": ("blank.csv", lambda: b"a,b\n" + b"\r" * 3_000_000, "has more than 2,000,000 lines"),
    "packed blank lines": ("b.csv.gz", lambda: gzip.compress(b"\n" * 3_000_000), "has more than 2,000,000 lines"),
    "empty": ("empty.csv", lambda: b"", "is empty"),
    "header alone": ("bare.csv", lambda: b"Name,Email\n", "no rows"),
    "pdf": ("leads.csv", lambda: b"%PDF-1.7 ...", "PDF document"),
    "old excel": ("leads.xls", lambda: b"\xd0\xcf\x11\xe0" + bytes(600), "not a workbook that can be read"),
    "web page": ("leads.xls", lambda: b"<html><table></table></html>", "web page"),
    "picture": ("leads.csv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "No column is a name"),
    "a zip of something else": (
        "leads.xlsx",
        lambda: zipped({"a.txt": "hello", "b.txt": "hello"}),
        "a zip archive of 2 files",
    ),
    "a zip with paths that climb": ("leads.xlsx", lambda: zipped({"../../evil": "hello"}), "has a header but no rows"),
    "half a zip": ("leads.xlsx", lambda: bomb(1000)[:200], "damaged"),
    "half a gzip": ("leads.csv.gz", lambda: gzip.compress(FILE.encode() * 50)[:-30], "cannot be unpacked"),
    "one text in all cells": ("leads.xlsx", lambda: shared(1_000_000, 40_000), "of text"),
    "zip bomb": ("leads.xlsx", lambda: bomb(200 << 20), "more than 64 MB"),
    "gzip bomb": ("leads.csv.gz", lambda: gzip.compress((b"Ada Byron " * 9 + b"\n") * (2 << 20), 1), "more than 64 MB"),
    "zipped zip bomb": ("a.zip", lambda: zipped({"a.csv": "Ada Byron\n" * (8 << 20)}), "more than 64 MB"),
    "an .ods of spaces": ("a.ods", lambda: zipped({"content.xml": " " * (80 << 20)}), "more than 64 MB"),
    "an .xlsb of spaces": ("a.xlsb", lambda: zipped({"xl/workbook.bin": " " * (80 << 20)}), "more than 64 MB"),
    "an .ods of much memory": (
        "a.ods",
        lambda: ods(' table:number-rows-repeated="60000"', ' table:number-columns-repeated="100"'),
        "takes too much memory or time",
    ),
    "a broken .xlsb": ("a.xlsb", lambda: zipped({"xl/workbook.bin": "x"}), "not a workbook that can be read"),
    "many contacts": ("a.vcf", lambda: b"BEGIN:VCARD\r\nFN:A\r\nEND:VCARD\r\n" * 50_001, "more than 50,000 contacts"),
    "a cell far out": (
        "far.xlsx",
        lambda: workbook(f'{START}<row><c r="XFD1048576"><v>1</v></c></row>{END}'),
        "as far out",
    ),
    "millions of cells": ("wide.csv", lambda: b"Name,Email\n" + (b"ab," * 1000 + b"\n") * 2100, "cells"),
    "millions of lists": ("deep.json", lambda: b'[{"name": [' + b"[]," * 600_000 + b"[]]}]", "lists and objects"),
    "one endless line": ("line.csv", lambda: b"Name,Email\n" + b"x" * (3 << 20), "is not a table"),
    "many columns": ("wide.csv", lambda: b",".join(b"h%d" % n for n in range(500)) + b"\nAda\n", "500 columns"),
    "an open quotation mark": ("open.csv", lambda: b'Name,Email\n"Ada,a@example.com\n' + b"x\n" * 9, "never closed"),
}


def shared(length: int, rows: int) -> bytes:
    """Return a workbook whose cells all refer to one long text."""
    cells = '<c t="s"><v>0</v></c>' * 2
    header = f"<row>{cell('Name')}{cell('Email')}</row>"
    texts = f"<sst><si><t>{'a' * length}</t></si></sst>"
    return workbook(START + header + f"<row>{cells}</row>" * rows + END, **{"xl/sharedStrings.xml": texts})


def zipped(files: dict[str, str]) -> bytes:
    """Return a zip archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


@pytest.mark.parametrize("kind", REJECTED)
def test_invalid_files(boss: Client, kind: str) -> None:
    name, make, message = REJECTED[kind]
    data = make()
    reply = boss.post(ADD, {"file": SimpleUploadedFile(name, data)})
    html = reply.content.decode() if reply.status_code == 200 else page(boss, reply["Location"])
    assert message in html
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()
    if reply.status_code == 200:
        assert stored_files() == []


def test_no_file(boss: Client) -> None:
    assert "Choose a file first" in boss.post(ADD, {}).content.decode()


def test_entities_are_not_expanded(boss: Client) -> None:
    reply = boss.post(ADD, {"file": SimpleUploadedFile("leads.xlsx", expanding())})
    html = reply.content.decode() if reply.status_code == 200 else page(boss, reply["Location"])
    assert "root:" not in html
    assert "hahaha" not in html


@pytest.mark.slow
def test_too_many_rows_show_the_command(boss: Client) -> None:
    rows = "".join(f"Ada,{number}@example.com\n" for number in range(50_001))
    html = rejection(boss, f"Name,Email\n{rows}".encode(), "big list; rm.csv")
    assert "more than 50,000 rows" in html
    assert "manage.py import_leads &#x27;big list; rm.csv&#x27;" in html


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.csv", "a\0b.csv", "<script>alert(1)</script>.csv", "é" * 300]
)
def test_file_names_are_escaped(boss: Client, name: str) -> None:
    review = upload(boss, name=name)
    assert "<script>alert" not in page(boss, review)
    boss.post(review, form(**{"import": "1"}))
    assert ImportRun.objects.get().state == "done"


def test_cells_are_escaped(boss: Client) -> None:
    rows = 'Name,Email,"<b>Bold</b>"\n<script>alert(1)</script>,"<img src=x>",<i>\n'
    html = page(boss, upload(boss, rows))
    for tag in ("<script>alert", "<img src=x", "<b>Bold", "<i>"):
        assert tag not in html


def test_invalid_forms(boss: Client, case: Case) -> None:
    for fields in [
        {"column-0": "is_superuser"},
        {"on_duplicate": "destroy"},
        {"on_error": ""},
        {"source": "x" * 65},
        {"status": "a\0b"},
        {"attempt": "-1", "column-1": "first_name", "column-0": "email", "column-2": "email"},
        {"attempt": "9" * 5000, "column-0": "nonsense"},
    ]:
        with case(fields):
            review = upload(boss)
            for step in ("check", "import"):
                reply = boss.post(review, form(**{**fields, step: "1"}), follow=True)
                assert reply.status_code == 200
            assert not Lead.objects.exists()


MEASURE = """
import resource, sys
from pathlib import Path
import django
django.setup()
from leads.back_office.upload_limits import inspect
from leads.back_office.import_plan import Plan
from leads.back_office.preview import _rows, _samples
from leads.importing.sources.reader import open_source
from leads.importing.stats import Refused
from leads.importing.pipeline import checked
from leads.importing.columns.mapping import map_headers
from itertools import islice
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = Path(sys.argv[1])
try:
    inspect(path.open("rb"), sys.argv[2])
    with open_source(path, name=sys.argv[2]) as source:
        rows = list(islice(source, 20))
        columns = map_headers(source.header, unknown="ignore")
        for batch in checked(source, columns, lambda *row: row):
            pass
    result = "read"
except Refused as refused:
    result = str(refused)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, result)
"""


def large(kind: str) -> tuple[str, bytes]:
    """Return the files that take most memory among those within or near the limits."""
    row = "<row>" + '<c t="inlineStr"><is><t>Name</t></is></c>' + "<c><v>1</v></c>" * 199 + "</row>"
    files: dict[str, Callable[[], tuple[str, bytes]]] = {
        "cells of a workbook": lambda: ("a.xlsx", workbook(START + row * 6_500 + END)),
        "texts of a workbook": lambda: (
            "a.xlsx",
            workbook(
                START + row + END, **{"xl/sharedStrings.xml": "<sst>" + "<si><t>a</t></si>" * 1_400_000 + "</sst>"}
            ),
        ),
        "space in a workbook": lambda: (
            "a.xlsx",
            workbook(
                f'{START}<row><c r="A1" t="inlineStr"><is><t>Name</t></is></c></row>'
                f'<row r="99999"><c r="Z99999"><v>1</v></c></row>{END}'
            ),
        ),
        "cells of one row": lambda: ("a.csv", b"Name,Email\n" + b"ab," * 330_000 + b"\n"),
        "wide rows": lambda: ("a.csv", b"Name,Email\n" + (b"ab," * 1900 + b"\n") * 1000),
        "objects": lambda: ("a.jsonl", (b'{"name":"Ada","tags":[' + b"[]," * 490 + b"[]]}\n") * 1000),
        "an object": lambda: ("a.json", b'[{"name":"Ada","tags":[' + b"{}," * 490_000 + b"{}]}]"),
        "values of an object": lambda: ("a.json", b'[{"name":"Ada","tags":[' + b'"ab",' * 990_000 + b"1]}]"),
        "keys": lambda: ("a.jsonl", b'{"name":"Ada"' + b"".join(b',"k%d":1' % n for n in range(70_000)) + b"}\n"),
    }
    return files[kind]()


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize(
    "kind",
    [
        "cells of a workbook",
        "texts of a workbook",
        "space in a workbook",
        "cells of one row",
        "wide rows",
        "objects",
        "an object",
        "values of an object",
        "keys",
    ],
)
def test_memory_is_limited(tmp_path: Path, kind: str) -> None:
    name, data = large(kind)
    path = tmp_path / "file"
    path.write_bytes(data)
    env: dict[str, Any] = environment(DJANGO_SETTINGS_MODULE="crm_project.settings")
    command = [sys.executable, "-c", MEASURE, str(path), name]
    run = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    megabytes, _, result = run.stdout.partition(" ")
    assert int(megabytes) < 200, result
