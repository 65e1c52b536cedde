"""An export that a spreadsheet has opened and saved is read as what it was, but for what the spreadsheet drops."""

import csv
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from tests.exporting.command import export_leads
from tests.exporting.test_round_trip import empty_the_table, store, stored
from tests.importing.command import counts, import_leads

pytestmark = pytest.mark.django_db

DATES = ("created_at", "updated_at", "closed_at")
words = st.text("abcdeéñö ’-", max_size=20).map(str.strip)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
budgets = st.none() | st.integers(0, 10**9)
rows = st.fixed_dictionaries(
    {
        "first_name": words,
        "last_name": words.filter(bool),
        "email": st.sampled_from(["", "ann@example.com", "zoë@exämple.com"]),
        "phone": st.sampled_from(["", "555-0100", "0041445550100", "+1 (555) 555-0101", "5550100"]),
        "status": st.sampled_from(["new", "closed", "sphere"]),
        "source": words,
        "budget_min": budgets,
        "budget_max": budgets,
        "property_interest": words.filter(bool),
        "created_at": moments,
        "closed_at": moments,
    }
)


def saved_by_a_spreadsheet(path: Path, form: str, delimiter: str) -> Path:
    """The file as a spreadsheet saves it: dates in another form, numbers without leading zeros, cells at the ends."""
    target = path.with_name("saved.csv")
    with path.open(newline="", encoding="utf-8-sig") as file, target.open("w", newline="", encoding="utf-8-sig") as out:
        read, writer = csv.DictReader(file), csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
        header = list(read.fieldnames or ())
        writer.writerow([*header, "", ""])
        for row in read:
            writer.writerow([*_habits(row, form), "", ""])
        writer.writerow([""] * (len(header) + 2))
    return target


def _habits(row: dict[str, str], form: str) -> Iterator[str]:
    for name, cell in row.items():
        if name in DATES and cell:
            yield datetime.fromisoformat(cell).strftime(form)
        elif cell.isdecimal():
            yield str(int(cell))
        else:
            yield cell


def expected(lead: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a lead with the digits that remain of its telephone number."""
    return tuple(str(int(value)) if isinstance(value, str) and value.isdecimal() else value for value in lead)


@pytest.mark.parametrize(("form", "delimiter"), [("%m/%d/%Y %H:%M:%S", ","), ("%d.%m.%Y %H:%M:%S", ";")])
@given(leads=st.lists(rows, min_size=1, max_size=4))
def test_it_comes_back(form: str, delimiter: str, leads: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        for row in leads:
            store(row)
        before = sorted(map(expected, stored()), key=repr)
        export_leads(Path(folder) / "leads.csv")
        empty_the_table()
        report = import_leads(saved_by_a_spreadsheet(Path(folder) / "leads.csv", form, delimiter))
        assert counts(report) == (len(leads), len(leads), 0, 0, 0)
        assert stored() == before
        transaction.set_rollback(True)
