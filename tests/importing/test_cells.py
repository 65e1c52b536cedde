"""What the cells of offices' lists become: a table for each kind of cell."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leads import validators
from leads.importing.cells import email, lead_ads, names, phone, text
from leads.importing.cells.money import Budget, read_budget
from leads.importing.cells.status import StatusMap
from leads.importing.columns.mapping import map_headers


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("ann\u200b", "ann"),
        ("\xa0ann\u202fng", "ann ng"),
        ("\u202b+1\u202c", "+1"),
        ("di\xad", "di"),
        ("\ufeffann", "ann"),
        ("José", "José"),
    ],
)
def test_invisible_characters_are_removed(cell: str, found: str) -> None:
    assert text.visible(cell) == found


@pytest.mark.parametrize("name", ["علی\u200cرضا", "क्\u200dष"])
def test_joiners_between_letters_of_a_name_stay(name: str) -> None:
    assert text.visible(name, joiners=True) == name
    assert text.visible(f"\u200d{name}\u200c", joiners=True) == name
    assert set(text.visible(name)).isdisjoint("\u200c\u200d")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("O&#039;Brien", "O'Brien"),
        ("Smith &amp; Sons", "Smith & Sons"),
        ("Jos&eacute;", "José"),
        ("&#xE9;", "é"),
        ("A &amp;amp; B", "A & B"),
        ("AT&T", "AT&T"),
        ("R&notit", "R&notit"),
        ("&nosuch;", "&nosuch;"),
        ("&#0;", "&#0;"),
        ("&amp;" + "amp;" * 20, "&amp;" + "amp;" * 20),  # without end, so it stays
    ],
)
def test_entities_are_decoded(cell: str, found: str) -> None:
    assert text.decoded(cell) == found


@pytest.mark.parametrize(("cell", "doubtful"), [("JosÃ©", True), ("Oâ€™Brien", True), ("José", False), ("Âge", False)])
def test_wrongly_decoded_text_is_noticed(cell: str, doubtful: bool) -> None:
    assert text.is_doubtful(cell) == doubtful


@pytest.mark.parametrize("cell", ["NULL", r"\N", "N/A", "n/a", "-", "--", "—", ".", "#N/A"])
def test_placeholders_of_every_column(cell: str) -> None:
    assert text.is_placeholder(cell, name=True)
    assert text.is_placeholder(f" {cell} ")


@pytest.mark.parametrize("cell", ["null", "None", "NIL", "uNkNown", "na", "TBA", "?", "x"])
def test_placeholders_that_are_names_of_people(cell: str) -> None:
    assert text.is_placeholder(cell)
    assert not text.is_placeholder(cell, name=True)


@pytest.mark.parametrize(
    ("cell", "value", "left"),
    [
        ("ann@example.com", "ann@example.com", []),
        ("Ann Ng <ann@example.com>", "ann@example.com", []),
        ('"Ng, Ann" <ann@example.com>', "ann@example.com", []),
        ("mailto:ann@example.com?subject=Hi", "ann@example.com", []),
        ("'ann@example.com';", "ann@example.com", []),
        ("o'neil@example.com", "o'neil@example.com", []),
        ("a@example.com; b@example.com", "a@example.com", ["b@example.com"]),
        ("a@example.com/b@example.com", "a@example.com", ["b@example.com"]),
        ("ha@example..com, b@example.com", "b@example.com", []),
        ("a@example.com, A@example.com", "a@example.com", []),
        ("noemail@gmail.com", "", []),
        ("no-email@noemail.com, ann@example.com", "ann@example.com", []),
        ("None@None.com", "", []),
        ("x@y.invalid", "", []),
        ("no email", "", []),
        ("nora@example.com", "nora@example.com", []),
        ("ha@example..com", "ha@example..com", []),
        ("call her", "call her", []),
    ],
)
def test_email_addresses(cell: str, value: str, left: list[str]) -> None:
    found = email.clean(cell)
    assert (found.value, [words for _, words in found.left]) == (value, left)


@pytest.mark.parametrize(
    ("cell", "value", "left"),
    [
        ("(555) 555-0101", "(555) 555-0101", []),
        ("5", "5", []),
        ("tel:+1-555-555-0101", "+1-555-555-0101", []),
        ("p:+15555550101", "+15555550101", []),
        ("555-555-0101 ext. 4", "555-555-0101 ext. 4", []),
        ("555-555-0101, ext 4; 555-555-0102", "555-555-0101, ext 4", ["555-555-0102"]),
        ("555-555-0101 / 555-555-0102", "555-555-0101", ["555-555-0102"]),
        ("5555550101 5555550102", "5555550101", ["5555550102"]),
        ("555-555-0101, (555) 555-0101", "555-555-0101", []),
        ("Cell: 555-555-0101", "555-555-0101", []),
        ("555-555-0101 (do not call)", "555-555-0101", ["do not call"]),
        ("Fax: 555-555-0100", "", ["Fax: 555-555-0100"]),
        ("fax 555-555-0100; 555-555-0101", "555-555-0101", ["fax 555-555-0100"]),
        ("030/1234567", "030/1234567", []),
        ("1-800-FLOWERS", "1-800-FLOWERS", []),
        ("ask wife", "", ["ask wife"]),
        ("1" * 70, "", ["1" * 70]),
    ],
)
def test_telephone_numbers(cell: str, value: str, left: list[str]) -> None:
    found = phone.clean(cell)
    assert (found.value, [words for _, words in found.left]) == (value, left)


THOUSANDS, NO_LIMIT = ("budget_in_thousands",), ("budget_without_limit",)


@pytest.mark.parametrize(
    ("cell", "budget"),
    [
        ("450", Budget(None, 450_000, THOUSANDS)),
        ("300 to 450", Budget(300_000, 450_000, THOUSANDS)),
        ("500k or less", Budget(None, 500_000)),
        ("$1.2M+", Budget(1_200_000, None)),
        ("min 300k, max 450k", Budget(300_000, 450_000)),
        ("~400k", Budget(None, 400_000)),
        ("R$ 500.000", Budget(None, 500_000)),
        ("No Min - $450,000", Budget(None, 450_000)),
        ("300k to no max", Budget(300_000, None)),
        ("300000 / 0", Budget(300_000, None, NO_LIMIT)),
        ("450k - 300k", Budget(450_000, 300_000)),
        ("Just looking", Budget(repairs=NO_LIMIT)),
        ("450000.50", Budget(None, 450_000, ("budget_without_cents",))),
        ("$2,000/mo", Budget(unread=True)),
        ("1,800 per month", Budget(unread=True)),
        ("1800-2200", Budget(unread=True)),
        ("3,000 - 450,000", Budget(None, 450_000, unread=True)),
        ("5", Budget(unread=True)),
        ("500-1M", Budget(unread=True)),
        ("9" * 20, Budget(unread=True)),
        ("half a million", Budget(unread=True)),
    ],
)
def test_budgets(cell: str, budget: Budget) -> None:
    assert read_budget(cell) == budget


@pytest.mark.parametrize(
    ("cell", "first", "last", "left"),
    [
        ("John Smith, Realtor", "John", "Smith, Realtor", []),
        ("John Smith CRS GRI", "John", "Smith CRS GRI", []),
        ("Smith, John, Jr.", "John", "Smith Jr.", []),
        ("García López, Ana", "Ana", "García López", []),
        ("John & Jane Smith", "John & Jane", "Smith", []),
        ("Jane Doe, John Doe", "Jane", "Doe", ["John Doe"]),
        ("Jane Doe & John Doe", "Jane", "Doe", ["John Doe"]),
        ("Ann Ng / Bo Li", "Ann", "Ng", ["Bo Li"]),
        ("Jane Roe, Keller Williams Realty", "Jane", "Roe", ["Keller Williams Realty"]),
        ("Ann Ng (buyer) - Zillow", "Ann", "Ng", ["buyer", "Zillow"]),
        ("Ann Ng <ann@example.com> 555-555-0101", "Ann", "Ng", ["ann@example.com", "555-555-0101"]),
        ("+1 555-555-0101", "", "", ["+1 555-555-0101"]),
        ("Mary St. James", "Mary", "St. James", []),
        ("Ann Ng -", "Ann", "Ng", []),
    ],
)
def test_whole_names(cell: str, first: str, last: str, left: list[str]) -> None:
    found = names.split(cell)
    assert (found.first, found.last, [words for _, words in found.left]) == (first, last, left)


def test_a_column_of_names_with_the_last_name_first() -> None:
    cells = ["García Márquez, Gabriel José", "Ng, Ann", "Li, Bo"]
    assert names.written_last_name_first([(2, [cell]) for cell in cells], [0])
    assert not names.written_last_name_first([(2, [cell]) for cell in ("Ann Ng", "Bo Li, Realtor", "Ng, Cy")], [0])
    assert names.split(cells[0], last_name_first=True)[:2] == ("Gabriel José", "García Márquez")
    assert names.split(cells[0])[:2] == ("García", "Márquez")


def test_statuses_of_other_systems() -> None:
    statuses = StatusMap({"Sphere": "contacted", "hot": "qualified"}, as_is=False)
    given = ["CLOSED_WON", "Closed - Won", "Hot", "Hot Lead", "sphere", "Active", "lost", "x" * 33]
    found = [statuses.map(value) for value in given]
    statuses.counts.update(given)
    assert found == ["closed", "closed", "qualified", "new", "contacted", "active", "lost", None]
    assert statuses.taken()["Closed - Won", "closed"] == 1
    as_they_are = StatusMap({"hot": "qualified"}, as_is=True)
    assert [as_they_are.map(value) for value in ("Hot Lead", "Hot")] == ["hot lead", "qualified"]


def test_lead_ads() -> None:
    assert [lead_ads.source_of(platform) for platform in ("fb", "IG", "tv")] == ["Facebook", "Instagram", ""]
    assert [lead_ads.is_id(cell) for cell in ("l:100", "ag:1", "f:1", "Form")] == [True, True, True, False]
    assert lead_ads.is_test_lead(["1", "<test lead: dummy data for email>"])


HEADER = ["First Name", "Last Name", "Email", "Phone", "Status", "Source", "Min Price", "Max Price", "Interest"]
FRAGMENTS = [
    *("Ann", "Ng", "O'Brien", "José", "ann@example.com", "none@none.com", "555-555-0101", "+44 20 7946 0958", "ext 4"),
    *("450k", "1,200", "No Max", "300", "new", "Sold", "NULL", "x", "fax", "tel:", "&amp;", "#39;", "\u200b", "\xa0"),
    *(" ", "-", "/", ",", ";", "(", ")", "<", ">", "'", '"', "|", " - ", " & ", "\n", ".", "and", "0", "7"),
]
cells = st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join) | st.text(max_size=30)


@given(st.lists(cells, min_size=len(HEADER), max_size=len(HEADER)))
def test_a_repaired_row_is_not_repaired_again(row: list[str]) -> None:
    plan = map_headers(HEADER)
    given, problems = plan.convert(row)
    clean, more = validators.validate(given)
    if problems or more:
        return
    plan.report.taken()
    stored: list[Any] = [clean[field] for field in plan.columns]
    again, problems = plan.convert(stored)
    assert problems == []
    assert validators.validate(again) == (clean, [])
    assert plan.report.taken()[:1] in ([], [{}])


ORDINARY = ("Ann", "Ng", "ann@example.com", "+1-555-01", "Sold", "fair", "300000", "450000", "condo", "2025-10-03")
LONG = ("x" * 33, "x" * 65, "Ann" * 60, f"{'a' * 245}@example.com", "x" * 20_001)
odd = cells | st.sampled_from((*LONG, "a\0b", " a", "a ", "\ta", "a\t", "İ", "900000"))


@given(st.tuples(*(st.just(cell) | odd for cell in ORDINARY)))
@example(ORDINARY)
def test_a_row_that_needs_no_look_at_the_rules_follows_them(row: tuple[str, ...]) -> None:
    plan = map_headers([*HEADER, "Created"])
    given, problems, ruled = plan.read(list(row))
    if row == ORDINARY:
        assert ruled
    if ruled:
        assert problems == []
        assert validators.validate(given) == (ruled, [])


@given(cells)
def test_no_word_of_a_name_is_lost(cell: str) -> None:
    plan = map_headers(["Name"])
    row, _ = plan.convert([cell])
    kept = " ".join((row["first_name"], row["last_name"], row["email"], row["phone"]))
    kept += " ".join(words for _, words in row.get("remainders", ()))
    shown = text.visible(text.decoded(cell), joiners=True)
    if not text.is_placeholder(shown, name=True):
        assert [letter for letter in shown if letter.isalnum() and letter not in kept] == []
