"""Properties of validation and normalization for arbitrary values."""

import json
import string
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_project import validation
from crm_project.validation import MAX_BIGINT, InvalidValue
from tests.strategies import any_json, any_text, storable
from tests.verdicts import verdict

CHECKS: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: validation.text(value, 20, 1),
    "lowered": lambda value: validation.lower_text(value, 20, 1),
    "integer": lambda value: validation.integer(value, 0, MAX_BIGINT),
    "email": validation.email,
    "email or blank": lambda value: validation.email(value, blank=True),
    "date": validation.date,
    "boolean": validation.boolean,
}


@given(st.integers(), st.integers(-100, 10**6), st.integers(0, 2**70))
@example(MAX_BIGINT, 0, MAX_BIGINT)
@example(MAX_BIGINT + 1, 0, MAX_BIGINT)
def test_integers_agree_with_python(number: int, lowest: int, span: int) -> None:
    highest = lowest + span
    expected = "greater_than_equal" if number < lowest else "less_than_equal" if number > highest else number
    for form in (number, str(number), f" {number}\n"):
        assert verdict(lambda value: validation.integer(value, lowest, highest), form) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_taken_when_they_are_whole(number: float) -> None:
    result = verdict(lambda value: validation.integer(value, -(2**53), 2**53), number)
    if number.is_integer() and abs(number) <= 2**53:
        assert result == int(number)
    else:
        assert result in ("int_from_float", "greater_than_equal", "less_than_equal")


@given(storable, st.lists(storable, min_size=2, max_size=3))
def test_an_accepted_address_has_the_parts_of_one(local: str, labels: list[str]) -> None:
    address = f"{local}@{'.'.join(labels)}"
    result = verdict(validation.email, address)
    if result in ("value_error", "string_too_long"):
        return
    name, at, domain = result.partition("@")
    assert (at, "@" in domain, bool(name)) == ("@", False, True)
    assert len(domain.split(".")) >= 2
    assert all(domain.split("."))
    assert result == "".join(result.split())
    assert validation.email(result) == result


@given(
    st.text(string.ascii_letters + string.digits + "éß中.+-_'", min_size=1, max_size=60),
    st.lists(st.text(string.ascii_letters + "é中-", min_size=1, max_size=20), min_size=2, max_size=5),
)
def test_ordinary_addresses_are_accepted(local: str, labels: list[str]) -> None:
    address = f"{local}@{'.'.join(labels)}"
    assert validation.email(address) == address


@given(st.dates())
def test_every_day_survives_a_round_trip(day: date) -> None:
    assert validation.date(day.isoformat()) == day
    assert validation.date(f"{day.isoformat()}T00:00:00.000Z") == day


@pytest.mark.parametrize("name", CHECKS)
@given(any_json)
@example(10**5000)
@example(-(10**5000))
@example(float("nan"))
@example(float("-inf"))
@example("\ud800")
@example("9" * 10_000)
@example("\0")
def test_nothing_but_invalid_is_ever_raised(name: str, value: Any) -> None:
    check = CHECKS[name]
    try:
        clean = check(value)
    except InvalidValue as invalid:
        refusal = invalid
    else:
        assert check(clean.isoformat() if isinstance(clean, date) else clean) == clean
        return
    assert refusal.type
    assert refusal.msg


@pytest.mark.parametrize("name", ["text", "lowered", "email"])
@given(any_text)
def test_accepted_text_survives_json_and_utf_8(name: str, value: str) -> None:
    try:
        clean = CHECKS[name](value)
    except InvalidValue:
        return
    assert "\0" not in clean
    assert clean == clean.strip()
    assert json.loads(json.dumps(clean).encode()) == clean.encode().decode() == clean
