"""Where the header of a file is: below titles, on a later sheet of a workbook, or where nobody can tell."""

import io
from pathlib import Path

import pytest

from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import Source, Unreadable, open_source
from tests.importing.command import import_leads, write_csv
from tests.importing.workbooks import from_xml, sheet, workbook


def opened(content: str | bytes, name: str, hints: FormatOptions = FormatOptions()) -> Source:  # noqa: B008
    """Return a source made of text or bytes."""
    return open_source(io.BytesIO(content.encode() if isinstance(content, str) else content), name=name, hints=hints)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("title", ["Leads of May", "Leads, exported 3 May", "Leads;2;3,4", '"two\nlines"'])
def test_titles_above_a_csv_header_are_skipped_and_told(title: str, delimiter: str) -> None:
    rows = [["Name", "Email", "Phone"], ["Ann", "a@x.co", "1"], ["Bo", "b@x.co", "2"]]
    text = f"{title}\n\n" + "\n".join(delimiter.join(row) for row in rows) + "\n"
    source = opened(text, "leads.csv")
    lines = title.count("\n")
    assert (source.delimiter, source.header) == (delimiter, rows[0])
    assert list(source) == [(4 + lines, rows[1]), (5 + lines, rows[2])]
    assert source.notes[0].startswith(f"The header is on line {3 + lines}. What stands above it was not read")


def test_a_header_of_unknown_names_is_the_first_line(tmp_path: Path) -> None:
    source = opened("Wer,Wohin\nAnn,1\n", "leads.csv")
    assert (source.header, source.notes) == (["Wer", "Wohin"], [])


@pytest.mark.django_db
def test_a_mapped_header_is_known(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Wer,Nummer", "Ann,1", header="Kundenliste")
    report = import_leads(path, "--map", "Wer=name", "--map", "Nummer=phone")
    assert report["created"] == 1
    assert "The header is on line 2" in str(report["notes"])


def test_a_row_that_mentions_a_field_is_no_header() -> None:
    source = opened("Wer,Wie\nAnn,Email\nBo,Phone\n", "leads.csv")
    assert source.header == ["Wer", "Wie"]


COVER = sheet([["Open house"], ["Prepared by Ann"]])
LEADS = sheet([["Open house, May"], [], ["Name", "Email"], ["Ann", "a@x.co"]])


def test_the_first_sheet_with_a_header_is_read() -> None:
    source = opened(from_xml({"Cover": COVER, "People": LEADS, "More": LEADS}), "fair.xlsx")
    assert source.header == ["Name", "Email"]
    assert list(source) == [(4, ["Ann", "a@x.co"])]
    assert source.notes == [
        "The sheet 'Cover' was not read, only 'People'.",
        "The sheet 'More' was not read, only 'People'.",
        "The header is in row 3. What stands above it was not read ('Open house, May').",
    ]


def test_a_sheet_may_be_named() -> None:
    content = from_xml({"People": LEADS, "Old": sheet([["Name"], ["Bo"]])}, hidden=["Old"])
    assert list(opened(content, "fair.xlsx", FormatOptions(sheet="old"))) == [(2, ["Bo"])]
    with pytest.raises(Unreadable, match="no sheet 'May' with anything in it; there are 'People', 'Old'"):
        opened(content, "fair.xlsx", FormatOptions(sheet="May"))


def test_only_the_first_rows_are_looked_at() -> None:
    rows = [["note", "more"] for _ in range(30)]
    source = opened(workbook([*rows, ["Name", "Email"], ["Ann", "a@x.co"]]), "fair.xlsx")
    assert source.header == ["note", "more"]


@pytest.mark.parametrize(
    ("name", "hints", "reason"),
    [
        ("fair.xlsx", FormatOptions(encoding="cp1252"), "is a workbook, so --encoding 'cp1252' means nothing"),
        ("fair.xlsx", FormatOptions(delimiter=";"), "is a workbook, so --delimiter"),
        ("leads.csv", FormatOptions(sheet="May"), "is no workbook, so --sheet 'May'"),
        ("leads.jsonl", FormatOptions(delimiter=";"), "is JSON, so --delimiter"),
    ],
)
def test_a_hint_that_means_nothing_is_refused(name: str, hints: FormatOptions, reason: str) -> None:
    contents = {"fair.xlsx": workbook([["Name"], ["Ann"]]), "leads.csv": "Name\nAnn\n", "leads.jsonl": '{"name": "A"}'}
    with pytest.raises(Unreadable, match=reason):
        opened(contents[name], name, hints)


HIDDEN = "Name,Email\nthis list,office@x.co\n\nWer,Wohin\nAnn,a@x.co\n"  # its first line looks like the header


@pytest.mark.parametrize("row", [3, 4])
def test_the_row_of_the_header_may_be_given(row: int) -> None:
    source = opened(HIDDEN, "leads.csv", FormatOptions(header_row=row))
    assert (source.header, source.header_row, list(source)) == (["Wer", "Wohin"], 4, [(5, ["Ann", "a@x.co"])])
    rows = [line.split(",") for line in HIDDEN.splitlines()]
    source = opened(from_xml({"People": sheet(rows)}), "leads.xlsx", FormatOptions(header_row=row))
    assert (source.header, source.header_row, list(source)) == (["Wer", "Wohin"], 4, [(5, ["Ann", "a@x.co"])])


@pytest.mark.parametrize("name", ["leads.csv", "leads.xlsx"])
def test_a_row_below_the_last_is_no_header(name: str) -> None:
    content = HIDDEN if name.endswith("csv") else from_xml({"People": sheet([["Name"], ["Ann"]])})
    with pytest.raises(Unreadable, match="with anything in it"):
        opened(content, name, FormatOptions(header_row=6))


@pytest.mark.parametrize("options", [["--header-row", "0"], ["--header-row", "x"], ["--header-row=2", "--no-header"]])
def test_a_row_that_is_none(options: list[str], tmp_path: Path) -> None:
    import_leads(write_csv(tmp_path, "Ann,Ng,a@x.co,1,new"), *options, code=2)


GROUPS = [["Client", "", "Contact", ""], ["First", "Last", "Phone", "Email"], ["Ann", "Ng", "5", "ann@x.co"]]


@pytest.mark.parametrize("name", ["leads.csv", "leads.xlsx"])
def test_names_of_groups_of_columns_above_the_header(name: str) -> None:
    text = "\n".join(map(",".join, GROUPS))
    source = opened(text if name.endswith("csv") else from_xml({"People": sheet(GROUPS)}), name)
    assert (source.header, [cells for _, cells in source]) == (GROUPS[1], GROUPS[2:])
