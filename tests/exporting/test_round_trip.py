"""What ``export_leads`` writes, ``import_leads`` reads back: the same values of every field, the same moments."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from leads import formula_escape, validators
from leads.models import Lead
from leads.querysets import build_row
from tests.exporting.command import export_leads
from tests.importing.command import counts, import_leads
from tests.strategies import storable

FIELDS = (*validators.CREATE_RULES, "created_at", "closed_at")
# Line ends, quotation marks, guards, delimiters, escapes of workbooks, white space of many kinds, and what spreadsheets
# make of numbers and formulas.
tricky = st.lists(
    st.sampled_from(["'", "=", "+", "-", "@", "\t", "\r", "\n", "\r\n", '"', ",", ";", "|", "\\", " ", "\xa0", "\x85"])
    | st.sampled_from(
        ["\u2028", "\ufeff", "\x01", "\x1f", "_x0001_", "_x005F_", "sep=;", "null", "0", "1e5", "é", "😀"]
    )
    | st.sampled_from(['="5"', "4.47E+11", "5550101.0", "#N/A", "#REF!", "###", ".0", "E+"]),
    max_size=8,
).map("".join)
text = tricky | storable.filter(lambda value: not {"\ufffe", "\uffff"} & {*value})
budgets = st.none() | st.integers(0, 3) | st.integers(10**14, 10**16) | st.integers(0, 2**63 - 1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))
rows = st.fixed_dictionaries(
    {
        "first_name": text.map(lambda value: value[:150]),
        "last_name": text.map(lambda value: value[:150]),
        "email": st.sampled_from(["", "ann@example.com", "=cmd@example.com", "+ann@b.co", "'@b.co", "zoë@exämple.com"]),
        "phone": st.sampled_from(["", "+1-555-0100", "0123", "5550100", "'+1", "-", "4.47E+11", "5550101.0"])
        | text.map(lambda value: value[:64]),
        "status": st.sampled_from(["new", "closed", "'hot", "=warm", "i̇"]),
        "source": text.map(lambda value: value[:64]),
        "budget_min": budgets,
        "budget_max": budgets,
        "property_interest": st.none() | text,
        "created_at": moments,
        "closed_at": moments,
    }
)


def store(row: dict[str, Any]) -> None:
    """A stored lead with these values as the rules leave them, from whichever channel it may have come."""
    moment, lowest, highest = row["created_at"], row["budget_min"], row["budget_max"]
    if lowest is not None and highest is not None and lowest > highest:
        row = {**row, "budget_min": highest, "budget_max": lowest}
    clean, problems = validators.validate(row)
    assert not problems
    whole = build_row(clean, moment, moment)
    Lead.objects.create(**{**whole, "closed_at": whole["closed_at"] and row["closed_at"]})


def empty_the_table() -> None:
    """Also of what a deletion leaves to be checked at the end of the transaction, which never comes in a test."""
    Lead.objects.all().delete()
    connection.check_constraints()


def stored() -> list[tuple[Any, ...]]:
    """Return the own values of all leads."""
    return sorted(Lead.objects.values_list(*FIELDS), key=repr)


ANN = {
    "first_name": "=Ann",
    "last_name": "'t Hooft",
    "email": "",
    "phone": "+1-555-0100",
    "status": "closed",
    "source": "",
    "budget_min": 0,
    "budget_max": 2**63 - 1,
    "property_interest": "",
    "created_at": datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    "closed_at": datetime(2024, 3, 5, 8, 30, tzinfo=UTC),
}


@pytest.mark.parametrize("name", ["leads.csv", "leads.xlsx", "leads.jsonl"])
@pytest.mark.django_db
@given(st.lists(rows, min_size=1, max_size=4))
@example([ANN])
@example(
    [{**ANN, "property_interest": interest} for interest in (None, "'", "''", "'=1", '"', "two\r\nlines\rthree\n4")]
)
@example([{**ANN, "first_name": "", "phone": ""}])
def test_nothing_is_lost(name: str, leads: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        for row in leads:
            store(row)
        before, path = stored(), Path(folder) / name
        assert len(export_leads(path)) == len(leads)
        empty_the_table()
        assert counts(import_leads(path)) == (len(leads), len(leads), 0, 0, 0)
        assert stored() == before
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", ["leads.csv.gz", "leads.jsonl.gz"])
@pytest.mark.django_db
def test_nor_in_packed_files(tmp_path: Path, name: str) -> None:
    store(ANN)
    before = stored()
    export_leads(tmp_path / name)
    empty_the_table()
    assert import_leads(tmp_path / name)["created"] == 1
    assert stored() == before


@given(st.text() | tricky)
def test_a_guard_comes_off_as_it_was_put_on(value: str) -> None:
    guarded = formula_escape.escape(value)
    assert formula_escape.unescape(guarded) == value
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert guarded != ""


@pytest.mark.django_db
def test_the_report_names_the_columns_that_are_not_imported(tmp_path: Path) -> None:
    store(ANN)
    export_leads(tmp_path / "leads.jsonl", "--with-activities")
    options = [tmp_path / "leads.jsonl", "--on-duplicate", "skip"]
    notes = import_leads(*options)["notes"]
    assert any("id, updated_at, activity_count, installation, activities" in note for note in notes)
