"""The encoding is decided over the whole file."""

import io

import pytest

from crm_project.validation import InvalidValue, text
from leads.importing.sources.reader import Source, Unreadable, open_source


def opened(content: bytes) -> Source:
    """Return a source made of bytes."""
    return open_source(io.BytesIO(content))


NAMES = "Prénom;Téléphone\nZoë;+33 1\nSøren;+45 2\n"


@pytest.mark.parametrize(
    ("encoding", "reported"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
    ],
)
def test_each_encoding_is_found_and_told(encoding: str, reported: str) -> None:
    source = opened(NAMES.encode(encoding))
    assert source.encoding == reported
    assert source.header == ["Prénom", "Téléphone"]
    assert [cells for _, cells in source] == [["Zoë", "+33 1"], ["Søren", "+45 2"]]


def test_utf_16_with_tabs_as_excel_saves_unicode_text() -> None:
    text = NAMES.replace(";", "\t").replace("\n", "\r\n")
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        source = opened(mark + text.encode(encoding))
        assert (source.encoding, source.delimiter) == ("utf-16", "\t")
        assert [line for line, _ in source] == [2, 3]


def test_a_mark_before_a_quoted_header_is_no_part_of_it() -> None:
    assert opened('"Name","Phone"\n"Ann","1"\n'.encode("utf-8-sig")).header == ["Name", "Phone"]


def test_one_late_letter_makes_the_whole_file_cp1252() -> None:
    content = b"Name,Phone\n" + b"Ann,1\n" * 200_000 + "Zoë,2\n".encode("cp1252")
    source = opened(content)
    assert source.encoding == "cp1252"
    assert list(source)[-1] == (200_002, ["Zoë", "2"])


def test_a_letter_cut_by_the_megabyte_is_still_utf_8() -> None:
    head = b"Name,Phone\n"
    for shift in range(3):
        filler = b"x" * ((1 << 20) - len(head) - 1 - shift)
        source = opened(head + filler + "éèê,1\n".encode())
        assert source.encoding == "utf-8"


def test_one_bad_byte_does_not_garble_a_utf_8_file() -> None:
    """The bad cell alone is reported, by the rules; the other accented letters stay what they are."""
    content = ("Prénom,Téléphone\n" + "Zoë,1\n" * 50).encode() + b"Jos\xe9,2\n"
    source = opened(content)
    assert source.encoding == "utf-8"
    rows = [cells for _, cells in source]
    assert rows[0] == ["Zoë", "1"]
    with pytest.raises(InvalidValue, match="unicode"):
        text(rows[-1][0], 150)


def test_a_byte_without_a_meaning_in_cp1252_is_for_the_rules_to_refuse() -> None:
    source = opened(b"Name,Phone\nJos\xe9,1\nX\x81,2\n")
    rows = [cells for _, cells in source]
    assert (source.encoding, rows[0]) == ("cp1252", ["José", "1"])
    with pytest.raises(InvalidValue, match="unicode"):
        text(rows[1][0], 150)


def test_utf_16_that_breaks_off_is_unreadable() -> None:
    source = opened(("Name\tPhone\n" + "Ann\t1\n" * 99_999).encode("utf-16")[:-1])
    with pytest.raises(Unreadable, match="text all through"):
        list(source)
