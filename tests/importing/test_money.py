"""Budgets as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_project.validation import InvalidValue
from leads.importing.cells.money import amount, price


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("450000", 450_000),
        ("0", 0),
        ("$450,000", 450_000),
        ("€450.000", 450_000),
        ("450 000 €", 450_000),
        ("450\xa0000\xa0€", 450_000),
        ("450\u202f000 EUR", 450_000),
        ("CHF 450'000", 450_000),
        ("450’000.-", 450_000),
        ("450.000,-", 450_000),
        ("1,200,000.00", 1_200_000),
        ("1.200.000,00 €", 1_200_000),
        ("1,200,000", 1_200_000),
        ("1.200.000", 1_200_000),
        ("$1,234", 1234),
        ("1.234", 1234),
        ("450000.00", 450_000),
        ("450000,0", 450_000),
        ("450000.0", 450_000),
        ("450k", 450_000),
        ("450K", 450_000),
        ("$450 k", 450_000),
        ("1.2M", 1_200_000),
        ("1,2M", 1_200_000),
        ("£1.5m", 1_500_000),
        ("1.25 million", 1_250_000),
        ("2 Mio. €", 2_000_000),
        ("USD 450,000", 450_000),
        ("450,000 USD", 450_000),
        ("US$450,000", 450_000),
        ("12.5k", 12_500),
        ("９００", 900),
        (" 450000 ", 450_000),
        ("99999999999999999999", 99_999_999_999_999_999_999),  # the rules say that it is too much
    ],
)
def test_one_amount(text: str, units: int) -> None:
    assert amount(text) == units
    assert price(text) == (None, units)


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("cheap", "int_parsing"),
        ("n/a", "int_parsing"),
        ("-5", "int_parsing"),
        ("(450)", "int_parsing"),
        ("4,50,00", "int_parsing"),
        ("1,23,456", "int_parsing"),
        ("1.234,567", "int_from_float"),
        ("1,234.567.890", "int_parsing"),
        ("1.250M", "int_parsing"),
        ("1,250k", "int_parsing"),
        ("0.450", "int_from_float"),
        ("450000.50", "int_from_float"),
        ("450,000.99", "int_from_float"),
        ("1.2345k", "int_from_float"),
        ("450kk", "int_parsing"),
        ("450 thousand million", "int_parsing"),
        ("$", "int_parsing"),
        ("1" * 500, "int_parsing"),
        ("1e5", "int_parsing"),
        (True, "int_type"),
        (450_000.5, "int_from_float"),
        (float("nan"), "int_from_float"),
        (float("inf"), "int_from_float"),
        ([450_000], "int_type"),
    ],
)
def test_what_is_no_amount_is_told(text: object, type: str) -> None:
    for read in (amount, price):
        with pytest.raises(InvalidValue) as refusal:
            read(text)
        assert refusal.value.type == type


@pytest.mark.parametrize(("number", "units"), [(450_000, 450_000), (450_000.0, 450_000), (0.0, 0)])
def test_numbers_of_a_spreadsheet_or_json(number: float, units: int) -> None:
    assert amount(number) == units
    assert price(number) == (None, units)


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("300k-450k", (300_000, 450_000)),
        ("300-450k", (300_000, 450_000)),
        ("$300,000 - $450,000", (300_000, 450_000)),
        ("€300.000–€450.000", (300_000, 450_000)),
        ("300000-450k", (300_000, 450_000)),
        ("900k to 1.2M", (900_000, 1_200_000)),
        ("between 300k and 450k", (300_000, 450_000)),
        ("from 300k to 450k", (300_000, 450_000)),
        ("1-1.5M", (1_000_000, 1_500_000)),
        ("450k-300k", (450_000, 300_000)),  # the rules tell that they are the wrong way round
        ("up to $450K", (None, 450_000)),
        ("< 450k", (None, 450_000)),
        ("under 450,000", (None, 450_000)),
        ("300k+", (300_000, None)),
        ("from 300k", (300_000, None)),
        ("over $1M", (1_000_000, None)),
        ("450.000,-", (None, 450_000)),
    ],
)
def test_a_price_may_be_a_range(text: str, both: tuple[int | None, int | None]) -> None:
    assert price(text) == both


@pytest.mark.parametrize(
    "text", ["300k-", "-450k", "300k-450k-500k", "300k-cheap", "to", "+", "up to", "from", "1.250M-2M"]
)
def test_what_is_no_range_is_told(text: str) -> None:
    with pytest.raises(InvalidValue):
        price(text)


def test_a_range_is_no_single_budget() -> None:
    with pytest.raises(InvalidValue):
        amount("300k-450k")


@given(units=st.integers(0, 10**15))
def test_every_way_of_grouping_gives_the_number_back(units: int) -> None:
    for separator in (",", ".", " ", "'", "\xa0", "\u202f"):
        assert amount(f"{units:,}".replace(",", separator)) == units
    assert amount(f"${units:,}.00") == units
    assert amount(f"{units:,},00".replace(",", ".").removesuffix(".00") + ",00 €") == units


@given(text=st.text(max_size=100))
def test_any_text_is_an_amount_or_told(text: str) -> None:
    try:
        low, high = price(text)
    except InvalidValue:
        return
    assert all(isinstance(part, int) and part >= 0 for part in (low, high) if part is not None)
    assert (low, high) != (None, None)


@pytest.mark.parametrize("given", ["500-1M", "900 - 1.2M", "450-500,000", "300 mil", "٤٥٠,٠٠٠", "450²"])
def test_what_could_mean_two_things_is_refused(given: str) -> None:
    with pytest.raises(InvalidValue):
        price(given)
