"""Validation of dates and booleans."""

from datetime import date
from typing import Any

import pytest

from crm_project import validation
from tests.verdicts import verdict


@pytest.mark.parametrize(
    "given",
    [
        "2025-10-03",
        " 2025-10-03\n",
        "2025-10-03T00:00",
        "2025-10-03 00:00:00",
        "2025-10-03T00:00:00Z",
        "2025-10-03T00:00:00.000Z",
        "2025-10-03T00:00:00.000000+00:00",
        "2025-10-03T00:00:00-0000",
        "2025-10-03T00:00:00+02:00",
    ],
)
def test_dates(given: str) -> None:
    assert validation.date(given) == date(2025, 10, 3)


@pytest.mark.parametrize(
    ("given", "type"),
    [
        ("2025-02-29", "date_from_datetime_parsing"),
        ("2025-13-01", "date_from_datetime_parsing"),
        ("2025-00-10", "date_from_datetime_parsing"),
        ("0000-01-01", "date_from_datetime_parsing"),
        ("10000-01-01", "date_from_datetime_parsing"),
        ("-2025-01-01", "date_from_datetime_parsing"),
        ("2025-1-1", "date_from_datetime_parsing"),
        ("20251003", "date_from_datetime_parsing"),
        ("2025-W40-5", "date_from_datetime_parsing"),
        ("03.10.2025", "date_from_datetime_parsing"),
        ("10/03/2025", "date_from_datetime_parsing"),
        ("today", "date_from_datetime_parsing"),
        ("", "date_from_datetime_parsing"),
        ("２０２５-10-03", "date_from_datetime_parsing"),
        ("2025-10-03\0", "date_from_datetime_parsing"),
        ("2025-10-03T12:30:00", "date_from_datetime_inexact"),
        ("2025-10-03T00:00:00.000001Z", "date_from_datetime_inexact"),
        (20251003, "date_type"),
        (1.5, "date_type"),
        (True, "date_type"),
        (None, "date_type"),
        ([], "date_type"),
    ],
)
def test_other_things_are_no_dates(given: Any, type: str) -> None:
    assert verdict(validation.date, given) == type


# Truth


@pytest.mark.parametrize("given", [True, 1, 1.0, "true", "TRUE", " True ", "1", "yes", "Y", "on", "t"])
def test_true(given: Any) -> None:
    assert validation.boolean(given) is True


@pytest.mark.parametrize("given", [False, 0, 0.0, -0.0, "false", "FALSE", " False ", "0", "no", "N", "off", "f"])
def test_false(given: Any) -> None:
    assert validation.boolean(given) is False


@pytest.mark.parametrize(
    ("given", "type"),
    [
        (2, "bool_parsing"),
        (-1, "bool_parsing"),
        (0.5, "bool_parsing"),
        (float("nan"), "bool_parsing"),
        (10**400, "bool_parsing"),
        ("", "bool_parsing"),
        ("maybe", "bool_parsing"),
        ("１", "bool_parsing"),
        (None, "bool_type"),
        ([], "bool_type"),
        ({}, "bool_type"),
    ],
)
def test_neither_true_nor_false(given: Any, type: str) -> None:
    assert verdict(validation.boolean, given) == type
