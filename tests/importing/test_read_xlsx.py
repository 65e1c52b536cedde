"""Excel workbooks, honest and hostile."""

import gzip
import io
import zipfile
from datetime import datetime

import pytest

from leads.importing.sources.reader import BadRow, Source, Unreadable, open_source
from tests.importing.workbooks import from_xml, sheet, workbook, wrapped


def opened(content: bytes, name: str = "leads.xlsx") -> Source:
    """Return a source made of bytes."""
    return open_source(io.BytesIO(content), name=name)


ROWS = [
    ["Name", "Phone", "Price", "Created", "VIP"],
    ["Ann Ng", 5550100.0, 450000.0, datetime(2025, 10, 3, 14, 22), True],
    ["Zoë", "+1-555-0101", None, None, None],
]


def test_cells_keep_their_types_and_rows_their_numbers() -> None:
    source = opened(workbook(ROWS))
    assert (source.format, source.encoding, source.delimiter) == ("xlsx", None, None)
    assert source.header == ["Name", "Phone", "Price", "Created", "VIP"]
    assert list(source) == [
        (2, ["Ann Ng", 5550100.0, 450000.0, datetime(2025, 10, 3, 14, 22), True]),
        (3, ["Zoë", "+1-555-0101", "", "", ""]),
    ]


def test_empty_rows_and_columns_around_the_table_do_not_count() -> None:
    content = workbook([[], [None, None, "Name", "Phone"], [], [None, None, "Ann", "1"], [None, None, " "]])
    source = opened(content)
    assert source.header == ["Name", "Phone"]
    assert list(source) == [(4, ["Ann", "1"])]


def test_a_cell_beyond_the_header_has_a_column_without_a_name() -> None:
    source = opened(workbook([["Name", "Phone"], ["Ann", "1"], ["Bo", "2", "why?"]]))
    assert source.header == ["Name", "Phone", ""]
    assert [cells for _, cells in source] == [["Ann", "1", ""], ["Bo", "2", "why?"]]
    assert not any(isinstance(cells, BadRow) for _, cells in source)


def test_the_first_visible_sheet_with_something_in_it_is_read_and_the_others_are_named() -> None:
    sheets = {"Secret": sheet([["x"], ["y"]]), "Empty": sheet([]), "Fair": sheet([["Name"], ["Ann"]])}
    source = opened(from_xml({**sheets, "Old": sheet([["Name"], ["Bo"]])}, hidden=["Secret"]))
    assert [cells for _, cells in source] == [["Ann"]]
    assert source.notes == ["The sheet 'Old' was not read, only 'Fair'."]


@pytest.mark.parametrize("name", ["leads.csv", "leads.json", "upload"])
def test_the_content_tells_a_workbook_whatever_its_name(name: str) -> None:
    assert opened(workbook(ROWS), name).format == "xlsx"


def test_a_gzipped_workbook() -> None:
    packed = gzip.compress(workbook(ROWS))
    with opened(packed, "leads.xlsx.gz") as source:
        assert len(list(source)) == len(list(source)) == 2
        assert source.size == len(packed)


def far(cell: str) -> bytes:
    return from_xml({"Leads": wrapped(f'<row r="1"><c r="A1"><v>1</v></c></row><row r="2">{cell}</row>')})


@pytest.mark.parametrize(
    "content",
    [
        far('<c r="XFD1048576"><v>1</v></c>'),
        far("<c r='XFD1048576'><v>1</v></c>"),
        far('<c s="1" r = "xfd1048576"><v>1</v></c>'),
        far('<c r="ZZZZZZZZZZ1"><v>1</v></c>'),
        far('<c r="A99999999999"><v>1</v></c>'),
        far('<c><v>1</v></c></row><row r="4294967290"><c><v>1</v></c>'),
        far(" " * ((1 << 20) - 150) + '<c r="ABC1000000"><v>1</v></c>'),
    ],
)
def test_cells_placed_to_fill_the_memory_are_refused(content: bytes) -> None:
    with pytest.raises(Unreadable, match="as far out as"):
        opened(content)


def test_a_bomb_is_refused() -> None:
    with pytest.raises(Unreadable, match="unpacks to"):
        opened(from_xml({"Leads": wrapped(" " * (100 << 20))}))


MEGABYTE = "a" * (1 << 20)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("<si><t>{}</t></si>", '<c t="s"><v>0</v></c>'),
        ("<si><r><t>{}</t></r><r><t>b</t></r></si >", "<c\n t = 's' ><f>1</f><v> +0 </v></c>"),
        ("<x:si><x:t>{}</x:t></x:si>", '<x:c t="s"><x:v>0</x:v></x:c>'),
        ("<si><t><![CDATA[</si>{}]]></t></si>", '<c t="s"><v>0</v></c>'),
        ("<!-- </si> --><si><t>{}</t></si>", '<c t="&#115;"><v><!-- -->0</v></c>'),
        ("<si><t>short</t></si><si><t>{}</t></si>", '<c t="s"><v>0000000000000001</v></c>'),
        ("<si><t>{}</si>", '<c t="s"><v>0</v></c>'),
        ("<!DOCTYPE x><si><t>{}</t></si>", '<c t="s"><v>0</v></c>'),
    ],
)
def test_one_text_in_cells_enough_to_fill_the_memory_is_refused(text: str, cell: str) -> None:
    texts = f"<sst>{text.format(MEGABYTE)}</sst>"
    with pytest.raises(Unreadable, match="MB of text"):
        opened(from_xml({"Leads": wrapped(f"<row>{cell}</row>" * 2100)}, texts=texts))


def test_texts_that_many_cells_share_are_read_though_one_of_them_is_long() -> None:
    texts = "".join(f"<si><t>{text}</t></si>" for text in ("Name", "Note", "Ann", MEGABYTE))
    header, first = '<c t="s"><v>0</v></c><c t="s"><v>1</v></c>', '<c t="s"><v>2</v></c><c t="s"><v>3</v></c>'
    rows = f"<row>{header}</row><row>{first}</row>" + '<row><c t="s"><v>2</v></c></row>' * 3000
    with opened(from_xml({"Leads": wrapped(rows)}, texts=f"<sst>{texts}</sst>")) as source:
        read = list(source)
    assert (len(read), read[0][1], read[1][1][0]) == (3001, ["Ann", MEGABYTE], "Ann")


def test_entities_are_not_expanded() -> None:
    entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c></row>'
    rows += '<row r="2"><c r="A2" t="inlineStr"><is><t>&a;</t></is></c></row>'
    with pytest.raises(Unreadable, match="entity"):
        opened(from_xml({"Leads": entity + wrapped(rows)}))


def archive(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (workbook(ROWS)[:-40], "damaged"),
        (workbook(ROWS)[:10] + workbook(ROWS)[20:], "damaged"),
        (b"PK\x03\x04 nothing more", "damaged"),
        (archive(readme="x"), "not an Excel workbook"),
        (from_xml({"Leads": "not xml"}), "can be read"),
        (from_xml({"Leads": wrapped('<row r="1"><c r="??"><v>1</v></c></row>')}), "can be read"),
        (workbook([]), "is empty"),
        (workbook([["", " "]]), "is empty"),
        (workbook([["Name", "Phone"]]), "no rows"),
        (b"Name,Phone\nAnn,1\n", "not an Excel workbook"),
    ],
)
def test_what_is_no_workbook_with_rows_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        open_source(io.BytesIO(content), name="leads.xlsx", format="xlsx")
