"""What is taken for a person's and what is not in texts and rows that imports left: whole words and numbers."""

import pytest

from dashboard.personal_data.traits import Traits


def of(first: str = "", last: str = "", email: str = "", phone: str = "") -> Traits:
    """Somebody known by this."""
    return Traits([email], [phone], [(first, last)])


@pytest.mark.parametrize(
    ("whose", "text"),
    [
        (of("Ada", "Lovelace"), "offer-Ada_Lovelace.xlsx"),
        (of("Ada", "Lovelace"), "LovelaceAda2026.csv"),
        (of("Ada", "Lovelace"), "adaLovelaceOffer.csv"),
        (of("Ada", "Lovelace"), "2026ada lovelace.csv"),
        (of("Ada", "Lovelace"), "OFFER-ADA-LOVELACE.XLSX"),
        (of("Shaun", "O'Brien"), r"name: always 'Shaun O\'Brien'"),
        (of("Shaun", "O'Brien"), "Shaun OBrien"),
        (of("Ada", "Lovelace"), r"Column 'Ada\nLovelace' is blank"),
        (of("Ada", "Lovelace"), r"Column 'Ada\x00Lovelace' is blank"),
        (of("Édith", "Müller"), "ÉDITH  MU\u0308LLER.csv"),
        (of(email="ada@example.com"), "leads of ada.example.com.csv"),
        (of(email="ada@example.com"), "Ada@Example.com.csv"),
        (of(phone="+44 (0)20 7946-0000"), "00442079460000.csv"),
        (of(phone="+44 (0)20 7946-0000"), "call 020 7946 0000 today"),
        (of(phone="020 7946 0000"), "2026-11-27 +44 20 7946 0000 offer"),
        (of(phone="0341/5550001"), "0341-5550001"),
        (of(phone="555-0001 / 555-0002"), "list 555 0002.csv"),
        (of(phone="212 555 0001 ext 5"), "212 555 0001"),
        (of(phone="٠٢٠ ٧٩٤٦ ٠٠٠٠"), "020 7946 0000"),
        (of(phone="020\t7946~0000"), "list of 020\u20127946\u20120000.csv"),
        (of("", "Ada Lovelace"), "Ada Lovelace.csv"),
        (of("Ada Lovelace", "-"), "Ada Lovelace.csv"),
        (of("伟", "王"), "王伟.csv"),
        (of("राम", "शर्मा"), "राम शर्मा"),
        (of(email="ada.lovelace@example.com"), "x" * 190 + " ada.lovelace@"),
        (of(email="ada.lovelace@example.com"), "x" * 190 + " ada.lovelace@exam"),
        (of(email="ada.lovelace@example.com"), "x@y.z " * 40 + "ada.love"),
    ],
)
def test_texts_that_have_them_in_them(whose: Traits, text: str) -> None:
    assert whose.told_in(text)


@pytest.mark.parametrize(
    ("whose", "text"),
    [
        (of("Ian", "Ho"), "Christian Hofmann.csv"),
        (of("Ian", "Ho"), "Ian Hofmann"),
        (of("Ann", "Al"), "annals of 2026"),
        (of(email="al@ice.com"), "Alice Compton.csv"),
        (of(email="an@example.com"), "susan@example.com"),
        (of(phone="555 0001"), "+1 212 555 0001"),
        (of(phone="555 0001"), "5550001234"),
        (of(phone="212 555 0001"), "212 555 00012"),
        (of(phone="1234"), "1234.csv"),
        (of("", "Lovelace"), "Lovelace.csv"),
        (of("Li", "Na"), "Li Na"),
        (of("", "Lovelace"), "Lovelace"),
        (of("राम", "शर्मा"), "रोम शिरमु"),
        (of(phone="7946 0000"), "0161 7946 0000"),
        (of(phone="20 26 11 27"), "list of 2026-11-27.csv"),
        (of(email="ada.lovelace@example.com"), "x" * 90 + " ada.lovelace@"),
        (of(email="ada.lovelace@example.com"), "x" * 199 + " ada."),
    ],
)
def test_texts_that_do_not(whose: Traits, text: str) -> None:
    assert not whose.told_in(text)


@pytest.mark.parametrize(
    ("whose", "cells"),
    [
        (of("Ada", "Lovelace"), ["1", "Ada", "Lovelace", "x@"]),
        (of("Ada", "Lovelace"), ["lovelace", "", "ADA"]),
        (of("Ada", "Lovelace"), ["Ada", "King", "Lovelace"]),
        (of("Ada", "Lovelace"), ["Dr. Ada Lovelace, London"]),
        (of("Ian", "Ho"), ["Ian", "Ho"]),
        (of(email="ada@example.com"), ["Ada <Ada@Example.com>"]),
        (of(email="ada@example.com"), ["mailto:ada@example.com."]),
        (of(email="ada@example.com"), ["mine is 'ada@example.com', or was"]),
        (of(email="ada@example.com"), ["x", "-ada@example.com"]),
        (of(email="ada@example.com"), ["email=ada@example.com"]),
        (of(email="o'brien@example.com"), ["O'Brien@example.com"]),
        (of(phone="+1 212 555 0001"), ["x", "(212) 555-0001"]),
        (of(phone="+1 212 555 0001"), ["2125550001"]),
        (of(phone="555 0001"), ["555-0001"]),
        (of(phone="555 0001"), ["555-0001 / 555-0002"]),
        (of("Ada", "Lovelace"), ['"first_name": "Ada", "last_name": "Lovelace", oops']),
    ],
)
def test_rows_that_are_theirs(whose: Traits, cells: list[str]) -> None:
    assert whose.told_in_row(cells)


@pytest.mark.parametrize(
    ("whose", "cells"),
    [
        (of("Ian", "Ho"), ["Christian", "Hofmann"]),
        (of("Ian", "Ho"), ["Ian", "Ho Chi Minh City"]),
        (of("Ian", "Ho"), ["Susan Ian", "Ho"]),
        (of("Ada", "Lovelace"), ["Ada", "Smith", "1", "2", "Lovelace"]),
        (of(email="an@example.com"), ["susan@example.com"]),
        (of(email="an@example.com"), ["de-an@example.com"]),
        (of(email="brien@example.com"), ["o'brien@example.com"]),
        (of(email="ada@example.com"), ["ada@example.com.au"]),
        (of(email="ada@example.com"), ["ada", "example.com"]),
        (of(phone="555 0001"), ["+1 212 555 0001"]),
        (of(phone="555 0001"), ["555", "0001"]),
        (of(phone="0000000"), ["000 000 0000"]),
        (of(phone="212 555 0001"), ["212", "5550001"]),
    ],
)
def test_rows_that_are_somebody_elses(whose: Traits, cells: list[str]) -> None:
    assert not whose.told_in_row(cells)


def test_what_would_take_for_ever() -> None:
    """Texts of nothing but numbers, and an address that stands for thousands."""
    many = Traits(
        (f"p{number}@example.com" for number in range(3000)),
        (f"+49 30 555 {number:05}" for number in range(3000)),
        ((f"First{number}", f"Last{number}") for number in range(3000)),
    )
    for text in (
        "1 " * 20_000,
        "1" * 40_000,
        "a " * 20_000,
        "aB" * 20_000,
        "a@b." * 10_000,
        "(" * 40_000,
        "\\" * 40_000,
    ):
        assert not many.told_in(text)
        assert not many.told_in_row([text] * 20)
    assert many.told_in("First2999 Last2999")
    assert not many.told_in("First2999 Last2998")
