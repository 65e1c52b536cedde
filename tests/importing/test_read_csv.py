"""CSV files of every kind that offices have."""

import csv
import gzip
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import BadRow, Source, Unreadable, open_source


def opened(content: str | bytes, encoding: str = "utf-8", **how: str) -> Source:
    """Return a source made of text or bytes."""
    return open_source(io.BytesIO(content.encode(encoding) if isinstance(content, str) else content), **how)


def cells(source: Source) -> list[list[str]]:
    """Return the cells of every record."""
    return [cells for _, cells in source]


def test_it_reads_header_rows_and_lines() -> None:
    content = b"Name,Email\nAnn Ng,ann@example.com\nBo Li,bo@example.com\n"
    with opened(content, name="leads.csv") as source:
        assert source.header == ["Name", "Email"]
        assert list(source) == [(2, ["Ann Ng", "ann@example.com"]), (3, ["Bo Li", "bo@example.com"])]
        assert (source.format, source.encoding, source.delimiter) == ("csv", "utf-8", ",")
        assert (source.size, source.sha256) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_although_the_others_occur(delimiter: str) -> None:
    rows = [["Name", "Budget, wish; or | guess", "Phone"], ["Ng, Ann", "450,000; 2 rooms", "1|2"], ["Li", "1\t2", ""]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    source = opened(text.getvalue())
    assert source.delimiter == delimiter
    assert [source.header, *cells(source)] == rows


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Email;Budget\na@b.co;450,000\nc@d.co;500,000\n", ";"),
        ("Email\tNotes\na@b.co\tone, two, three\nc@d.co\tfour, five\n", "\t"),
        ('"Name";"Price";"City, State"\n"Ann";"1,5";"Austin, TX"\n', ";"),
        ("Email\na@b.co\nc@d.co\n", ","),
        ("sep=|\nEmail|Phone\na;b@b.co|1\n", "|"),
    ],
)
def test_real_looking_delimiters(text: str, delimiter: str) -> None:
    source = opened(text)
    assert source.delimiter == delimiter
    assert all(type(row) is list for row in cells(source))


def test_a_file_of_one_column_is_read_to_its_end() -> None:
    assert list(opened("Email\na@b.co\n\nc@d.co")) == [(2, ["a@b.co"]), (4, ["c@d.co"])]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_counts_them(newline: str) -> None:
    text = 'Name,Notes\nAnn,"one\ntwo\n\nfour"\n\nBo,"x"\nCy,y'.replace("\n", newline)
    source = opened(text)
    assert [line for line, _ in source] == [2, 7, 8]
    assert cells(source)[0] == ["Ann", newline.join(("one", "two", "", "four"))]


def test_blank_lines_do_not_come() -> None:
    source = opened("\n\nName,Phone\n\n,\n  ,  \n\t\nAnn,1\n\n\n")
    assert list(source) == [(8, ["Ann", "1"])]


def test_rows_that_do_not_fit_are_problems_of_their_own() -> None:
    source = opened("Name,Phone,Email\nAnn,1\nBo,2,b@c.co,what?\nCy,3,c@d.co\nDi,4,d@e.co,,\n")
    rows = list(source)
    assert [line for line, _ in rows] == [2, 3, 4, 5]
    assert [type(row) is BadRow for _, row in rows] == [False, True, False, False]
    messages = [row.problems[0].msg for _, row in rows if isinstance(row, BadRow)]
    assert messages == ["Too many cells: 4 in this row, 3 in the header"]
    assert rows[0][1] == ["Ann", "1", ""]  # cells that are missing at the end are blank
    assert rows[1][1] == ["Bo", "2", "b@c.co", "what?"]  # all of it can be written to the rejects
    assert rows[3][1] == ["Di", "4", "d@e.co"]  # a spreadsheet's empty cells to the right are nothing


def test_quotation_marks_escaped_by_a_backslash() -> None:
    source = opened('Name,Notes\nAnn,"a \\"cosy, quiet\\" place"\nBo,"in C:\\\\"\nCy,plain\n')
    assert cells(source) == [["Ann", 'a "cosy, quiet" place'], ["Bo", "in C:\\"], ["Cy", "plain"]]


def test_a_backslash_at_the_end_of_a_cell_escapes_nothing_in_other_files() -> None:
    source = opened('Name,Notes\nAnn,"C:\\"\nBo,"\\N ""x"""\n')
    assert cells(source) == [["Ann", "C:\\"], ["Bo", '\\N "x"']]


@pytest.mark.parametrize("last", ['Bo,"2\nCy,3\n', 'Bo,"2', '"Bo,2\nCy,3'])
def test_a_quotation_mark_that_is_never_closed_stops_the_import(last: str) -> None:
    source = opened("Name,Phone\nAnn,1\n" + last)
    with pytest.raises(Unreadable, match="line 3 is never closed"):
        list(source)


def test_a_quotation_mark_left_open_in_a_long_file_is_found_early() -> None:
    source = opened('Name,Phone\nAnn,1\nCy,"2\n' + "Bo,2\n" * 300_000)
    with pytest.raises(Unreadable, match="on line 3 is never closed: field larger than"):
        list(source)


def test_long_fields_are_read() -> None:
    assert len(cells(opened("Name,Notes\nAnn," + "x" * 500_000))[0][1]) == 500_000


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(Unreadable, match="line of more than 16 MB"):
        opened(b"Name,Phone\n" + b"x" * (20 << 20))


def test_nul_characters_come_through_for_the_rules_to_refuse() -> None:
    assert cells(opened("Name,Phone\nA\0nn,1\n")) == [["A\0nn", "1"]]


def test_utf_16_without_a_mark_is_refused() -> None:
    with pytest.raises(Unreadable, match="NUL"):
        opened("Name,Phone\nAnn,1\n", "utf-16-le")


def test_spaces_around_header_and_after_delimiters_do_not_count() -> None:
    source = opened(' Name , "Phone" \nAnn, "1, 2"\n')
    assert source.header == ["Name", "Phone"]
    assert cells(source) == [["Ann", "1, 2"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"Name,Email\n", "no rows"),
        (b"Name,Email\n\n,,\n", "no rows"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<html><table><tr><td>Name</td></tr></table>", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "not a workbook that can be read"),
        (gzip.compress(b"Name\nAnn\n" * 99, mtime=0)[:-9], "damaged"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\x1f\x8bgarbage", "damaged"),
        (",".join(f"c{n}" for n in range(3000)).encode() + b"\n1\n", "3,000 columns"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as refusal:
        opened(content, name="leads.csv")
    assert str(refusal.value).endswith(".")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(str.strip)


def in_cp1252(cell: str) -> str:
    """Return the characters of a text that cp1252 has; never an empty text."""
    return cell.encode("cp1252", "ignore").decode("cp1252").strip() or "é"


@given(
    rows=st.lists(st.tuples(TEXT.filter(bool), TEXT, TEXT), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    # Python's writer quotes a line break only if its own lines end so; others quote all or end lines with both.
    style=st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)]),
)
def test_what_a_csv_writer_writes_comes_back(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str, style: tuple[str, int]
) -> None:
    if encoding == "cp1252":  # with letters that are no UTF-8, or else the file is read as UTF-8, rightly
        rows = [(in_cp1252(one), in_cp1252(two), in_cp1252(three)) for one, two, three in rows]
        rows.append(("Müller", "Zoë", "naïve"))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=style[0], quoting=style[1])  # type: ignore[arg-type]
    writer.writerows([("First name", "Last name", "Notes"), *rows])
    hints = FormatOptions(encoding="cp1252" if encoding == "cp1252" else None)  # random letters are no words
    source = open_source(io.BytesIO(text.getvalue().encode(encoding)), name="leads.csv", hints=hints)
    assert source.delimiter == delimiter
    assert cells(source) == [list(row) for row in rows]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_rows_that_are_in_quotation_marks_as_a_whole(delimiter: str) -> None:
    rows = [["Name", "Email", "Property Interest"], ["Ann Ng", "ann@x.co", 'a "cosy" loft'], ["Bo Li", "bo@x.co", ""]]
    inner, outer = io.StringIO(), io.StringIO()
    csv.writer(inner, delimiter=delimiter).writerows(rows)
    csv.writer(outer, quoting=csv.QUOTE_ALL).writerows([line] for line in inner.getvalue().splitlines())
    with open_source(io.BytesIO(outer.getvalue().encode()), name="a.csv") as source:
        assert (source.header, source.delimiter) == (rows[0], delimiter)
        assert list(source) == [(2, rows[1]), (3, rows[2])]
