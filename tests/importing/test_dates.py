"""Moments as exports write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_project.validation import InvalidValue
from leads.importing.cells.dates import timestamp


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("2025-10-03", "2025-10-03T00:00:00"),
        ("2025-10-03T14:22:11", "2025-10-03T14:22:11"),
        ("2025-10-03T14:22:11.123456", "2025-10-03T14:22:11.123456"),
        ("2025-10-03T14:22:11Z", "2025-10-03T14:22:11"),
        ("2025-10-03T14:22:11+02:00", "2025-10-03T12:22:11"),
        ("2025-10-03 14:22", "2025-10-03T14:22:00"),
        ("2025-10-03 14:22:11 UTC", "2025-10-03T14:22:11"),
        ("2025-10-03 14:22:11 -0500", "2025-10-03T19:22:11"),
        ("2025/10/03", "2025-10-03T00:00:00"),
        ("10/03/2025", "2025-10-03T00:00:00"),
        ("10/3/2025 14:22", "2025-10-03T14:22:00"),
        ("3/15/2024 2:30 PM", "2024-03-15T14:30:00"),
        ("3/15/2024 12:05 am", "2024-03-15T00:05:00"),
        ("3/15/2024, 12:05:09 p.m.", "2024-03-15T12:05:09"),
        ("10/3/25", "2025-10-03T00:00:00"),
        ("10-03-2025", "2025-10-03T00:00:00"),
        ("Oct 3, 2025", "2025-10-03T00:00:00"),
        ("October 3rd 2025 at 2:22 PM", "2025-10-03T14:22:00"),
        ("Sept. 3, 2025", "2025-09-03T00:00:00"),
        ("Fri, 3 Oct 2025 14:22:11 GMT", "2025-10-03T14:22:11"),
        ("3-Oct-2025", "2025-10-03T00:00:00"),
        ("03.10.2025", "2025-10-03T00:00:00"),
        ("25.12.2024 08:15", "2024-12-25T08:15:00"),
        (" 2025-10-03 ", "2025-10-03T00:00:00"),
    ],
)
def test_ways_of_writing_a_moment(text: str, reported: str) -> None:
    assert timestamp(text) == datetime.fromisoformat(reported).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "25/12/2024",  # not taken for the 25th: the file's 03/04 would then be wrong
        "13/13/2024",
        "2024-13-01",
        "2024-02-30",
        "02/30/2024",
        "Foo 3, 2024",
        "Oc 3, 2024",
        "10/03/2024 25:00",
        "10/03/2024 13:00 PM",
        "yesterday",
        "19999",
        "2024-05",
        "05/2024",
        "May 13",
        "today",
        "1969-12-31",
        "0001-01-01T00:00:00+10:00",
        "12.25.2024",
        "2024-10-03" * 50,
        19999.0,
        float("nan"),
        True,
        ["2024-10-03"],
    ],
)
def test_what_is_no_date_is_told(value: object) -> None:
    with pytest.raises(InvalidValue):
        timestamp(value)


def test_the_reason_names_the_order_of_day_and_month() -> None:
    with pytest.raises(InvalidValue, match="there is no month 25; dates with slashes in this column have the month"):
        timestamp("25/12/2024")


def test_a_lead_from_the_future_is_refused() -> None:
    assert timestamp((datetime.now(UTC) + timedelta(hours=12)).isoformat())  # a zone east of here, written without it
    with pytest.raises(InvalidValue, match="future"):
        timestamp((datetime.now(UTC) + timedelta(days=3)).isoformat())


def test_a_spreadsheets_own_dates() -> None:
    assert timestamp(datetime(2025, 10, 3, 14, 22)) == datetime(2025, 10, 3, 14, 22, tzinfo=UTC)
    assert timestamp(date(2025, 10, 3)) == datetime(2025, 10, 3, tzinfo=UTC)


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1971, 1, 1), datetime(2024, 12, 31), timezones=ZONES))
def test_every_iso_moment_comes_back(given: datetime) -> None:
    assert timestamp(given.isoformat()) == given
    assert timestamp(given.astimezone(UTC).strftime("%m/%d/%Y %I:%M:%S %p")) == given.replace(microsecond=0)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_told(text: str) -> None:
    try:
        assert timestamp(text).tzinfo is UTC
    except InvalidValue as invalid:
        assert invalid.msg  # noqa: PT017  either is right
