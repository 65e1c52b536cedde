"""Further kinds of files: which are refused, and with what advice."""

import gzip
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from leads.importing.sources.encodings import detect
from leads.importing.sources.format_options import FormatOptions, names_by_content
from leads.importing.sources.reader import open_source
from leads.importing.sources.rows import BadRow, Unreadable

CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Ng\r\nEMAIL:ann@example.com\r\nEND:VCARD\r\n"
ODS_CELL = '<table:table-cell office:value-type="string"{}><text:p>x</text:p></table:table-cell>'
NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns"
ODS = f"""<?xml version="1.0"?>
<office:document-content xmlns:office="{NAMESPACE}:office:1.0" xmlns:table="{NAMESPACE}:table:1.0"
 xmlns:text="{NAMESPACE}:text:1.0">
<office:body><office:spreadsheet><table:table table:name="A"><table:table-row%s>%s</table:table-row></table:table>
</office:spreadsheet></office:body></office:document-content>"""
MANIFEST = f"""<?xml version="1.0"?>
<manifest:manifest xmlns:manifest="{NAMESPACE}:manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>
</manifest:manifest>"""


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def ods(row: str = "", cell: str = "") -> bytes:
    """Return a sheet of one row of one cell, each of which may be repeated."""
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": MANIFEST,
            "content.xml": ODS % (row, ODS_CELL.format(cell)),
        }
    )


def rows(file: bytes, name: str, **hints: Any) -> list[Any]:
    with open_source(io.BytesIO(file), name=name, hints=FormatOptions(**hints)) as source:
        return [cells for _, cells in source]


def encrypted(files: Mapping[str, str | bytes]) -> bytes:
    """Return an archive that says that its first file is encrypted."""
    data = bytearray(zipped(files))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


MANY_ROWS, MANY_COLUMNS = ' table:number-rows-repeated="1048576"', ' table:number-columns-repeated="16384"'


def refused() -> dict[str, tuple[bytes, str]]:
    """Return files by name, each with the reason to refuse it."""
    return {
        "two.zip": (zipped({"a.csv": "Email\na@b.co\n", "b.csv": "Email\na@b.co\n"}), "is a zip archive of 2 files"),
        "none.zip": (zipped({"__MACOSX/a": "x"}), "is a zip archive of no file"),
        "in-a.zip": (zipped({"a.zip": zipped({"a.csv": "Email"})}), "is an archive within an archive"),
        "gz-in-a.zip": (zipped({"a.csv.gz": gzip.compress(b"Email\na@b.co\n")}), "is an archive within an archive"),
        "twice.csv.gz": (gzip.compress(gzip.compress(b"Email\na@b.co\n")), "is an archive within an archive"),
        "locked.zip": (encrypted({"a.csv": "Email\na@b.co\n"}), "is encrypted"),
        "bomb.zip": (zipped({"a.csv": "0" * (1 << 27)}), "unpacks to more than"),
        "list.numbers": (zipped({"Index/Document.iwa": "x"}), "export it from Numbers as .xlsx"),
        "rows.ods": (
            ods(' table:number-rows-repeated="1048576"', ' table:number-columns-repeated="16384"'),
            "Save it as .xlsx or CSV",
        ),
        "broken.ods": (zipped({"content.xml": "<a", "mimetype": "x"}), "is not a workbook that can be read"),
        "broken.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is not a workbook that can be read"),
        "open.vcf": (CARD.replace("END:VCARD", "").encode(), "ends within the contact that starts on line 1"),
        "long.vcf": (CARD.replace("FN:", "NOTE:" + "x" * (5 << 20) + "\r\nFN:").encode(), "is too long"),
        "endless.vcf": (CARD.replace("FN:", "TEL:1\r\n" * 2_000 + "FN:").encode(), "is too long"),
        "nobody.vcf": (b"BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n", "has no contacts that can be read"),
    }


def test_refused(subtests: pytest.Subtests) -> None:
    for name, (file, reason) in refused().items():
        with subtests.test(name), pytest.raises(Unreadable, match=reason):
            rows(file, name)


def test_litter_of_a_mac_beside_the_file() -> None:
    archive = zipped({"a.csv": "Email\nann@example.com\n", "__MACOSX/._a.csv": "x", ".DS_Store": "x"})
    assert rows(archive, "a.zip") == [["ann@example.com"]]


def test_an_ods_is_read_as_calamine_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ods"
    path.write_bytes(ods(' table:number-rows-repeated="3"'))
    expected = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert rows(path.read_bytes(), "a.ods", header=False) == expected == [["x"]] * 3


VCARDS = {
    "folded and escaped": ("NOTE:Wants a\r\n  loft\\, quiet", {"Notes": "Wants a loft, quiet"}),
    "two numbers and a fax": (
        "TEL;TYPE=CELL:1\r\nTEL;TYPE=FAX:2\r\nTEL:3",
        {"Phone": "1", "Fax": "2", "Phone 2": "3"},
    ),
    "a name in parts": ("N:van Dyk;Ann;Maria;Dr.;Jr.", {"First Name": "Ann Maria", "Last Name": "van Dyk Jr."}),
    "quoted-printable": (
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;",
        {"First Name": "Jörg", "Last Name": "Müller"},
    ),
    "quoted-printable in several lines": (
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BC=\r\nller;J=C3=B6rg;;;",
        {"First Name": "Jörg", "Last Name": "Müller"},
    ),
    "something else within a card": ("BEGIN:X\r\nNOTE:x\r\nEND:X\r\nNOTE:a", {"Notes": "a"}),
    "much within a card": ("BEGIN:X\r\n" * 450 + "END:X\r\n" * 450, {}),
    "a photograph without indents": ("PHOTO;BASE64;JPEG:\r\nAAAA\r\nBBBB=\r\n\r\nNOTE:a", {"Notes": "a"}),
    "groups, addresses and photographs": (
        "item1.ORG:Acme;Sales\r\nADR:;;12 Elm;Town;IL;60601;USA\r\nPHOTO;ENCODING=b:AAAA",
        {"Company": "Acme, Sales", "Address": "12 Elm, Town, IL, 60601, USA"},
    ),
}


@pytest.mark.parametrize("what", VCARDS)
def test_vcards(what: str) -> None:
    text, expected = VCARDS[what]
    with open_source(io.BytesIO(CARD.replace("FN:Ann Ng\r\n", f"{text}\r\n").encode()), name="a.vcf") as source:
        ((_, cells),) = source
    found = dict(zip(source.header, cells, strict=True))
    assert found == {**expected, "Email": "ann@example.com"}


def test_a_card_that_is_none_is_a_row_with_an_error() -> None:
    wrong = "N;ENCODING=QUOTED-PRINTABLE;CHARSET=no-such:=C3"
    good, bad = rows((CARD + CARD.replace("EMAIL:ann@example.com", wrong)).encode(), "a.vcf")
    assert not isinstance(good, BadRow)
    assert isinstance(bad, BadRow)


ENCODINGS = {
    "cp1252": ("Peña", "O’Brien", "Jörg Groß", "Françoise Lefèvre", "Château – Margaux", "€500,000", "ÉMILE"),
    "mac_roman": ("Peña\nJosé", "O’Brien", "Zoë", "François,Lefèvre\nPat,O’Brien", "García Núñez"),
    "cp1250": ("Łukasz Wiśniewski\nPřemysl Dvořák\nŽofie Šťastná", "Małgorzata Wójcik\nGrażyna Dąbrowska"),
    "cp1251": ("Иван Петров\nМария Сидорова", "Олександр Шевченко"),
    "cp932": ("山田太郎\n鈴木花子",),
    "gb18030": ("王小明\n李华",),
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in ENCODINGS.items() for text in texts])
def test_encodings(encoding: str, text: str) -> None:
    detected = detect(text.encode(encoding))
    assert text.encode(encoding).decode(detected.encoding) == text
    assert set(detected.words) <= set(text.replace(",", " ").split())


@pytest.mark.parametrize("encoding", ["cp932", "gb18030"])
def test_a_sample_of_a_long_file_ends_with_a_whole_line(encoding: str) -> None:
    name = "山田太郎" if encoding == "cp932" else "王小明"
    for padding in range(4):
        file = f"Name,Phone\n{'x' * padding}{name},1\n" + f"{name},2\n" * 20_000
        with open_source(io.BytesIO(file.encode(encoding)), name="leads.csv") as source:
            assert next(iter(source)) == (2, [f"{'x' * padding}{name}", "1"])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["Ann", "Ng", "ann@example.com", "555-555-0101"], ["First Name", "Last Name", "Email", "Phone"]),
        (["ann@example.com", "Ann Ng"], ["Email", "Name"]),
        (["Ann Ng", "+1 555 555 0101", "likes lofts"], ["Name", "Phone", ""]),
        (["12", "a@b.co", "c@d.co"], ["", "Email", ""]),
    ],
)
def test_columns_without_a_header(cells: list[str], expected: list[str]) -> None:
    assert names_by_content([cells, cells]) == expected
