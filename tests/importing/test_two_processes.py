"""An import whose rows are checked by a child process comes to the same as one that checks them itself."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from activities.models import Activity
from crm_project.validation import FieldError
from leads.importing import pipeline
from leads.importing.ipc import Batch, deserialize, deserialize_cells, serialize, serialize_cells, timestamp
from leads.importing.sources.rows import BadRow
from leads.models import Lead
from tests.factories import make_lead, make_user
from tests.importing.command import import_leads
from tests.importing.workbooks import workbook
from tests.strategies import any_text

pytestmark = pytest.mark.django_db

BIGGEST = 2**63 - 1
HEADER = ["First Name", "Email", "Budget Min", "Budget Max", "Created At", "Closed At", "Status", "Hat size"]
WHEN = datetime(2024, 2, 29, 13, 5, 6, 123456, UTC)


def csv_file() -> bytes:
    """Texts of every kind, bytes that are none, the largest number, moments to the microsecond, bad rows."""
    rows = [
        f"Zoë,a@example.com,1,{BIGGEST},{WHEN.isoformat()},2024-03-01 08:00,closed,\U0001f3a9".encode(),
        b"B\xff,b@example.com,,,,,new,",
        b"Cy,c@example.com,2,3,,,new,\xfe\xff",
        b"Dee,bad,9223372036854775808,x,9999-01-01,,new,",
        b"Eve,e@example.com,5",
        b"Ada,a@example.com,7,8,,,new,hat",
    ]
    return b"\n".join([",".join(HEADER).encode(), *["Zoë".encode() * 9 + b",z@example.com,,,,,new,"] * 3, *rows, b""])


def json_file() -> bytes:
    """Numbers that no column holds, halves of characters, lists and objects, a field that comes late."""
    lines = [
        json.dumps(dict.fromkeys(HEADER, "") | {"First Name": "Zoë", "Email": "a@example.com"}),
        json.dumps({"First Name": "B", "Budget Min": BIGGEST, "Created At": WHEN.isoformat()}),
        json.dumps({"First Name": "C", "Budget Min": 10**30, "Budget Max": 1e300}),
        json.dumps({"First Name": ["a", {"b": [1.5, None, True]}], "Email": {"x": []}}),
        json.dumps({"First Name": "a\0b\udcffc"}),
        json.dumps([1, "two"]),
        json.dumps({"First Name": [[[]]] * 3, "Hat size": "\ud800"}),
        "no json",
    ]
    return "\n".join(lines).encode()


def excel_file() -> bytes:
    """Numbers, dates and booleans as Excel has them, and floats that are none."""
    rows: list[list[Any]] = [
        [*HEADER],
        ["Zoë", "a@example.com", 1.0, 450000.0, WHEN.replace(tzinfo=None), None, "new", 7.25],
        ["B", "bad", 0.5, float("1e300"), datetime(1850, 1, 1), True, "new", WHEN.replace(tzinfo=None)],
        ["C", WHEN.replace(tzinfo=None), False, "x", 1.5, None, "new", None, "one", 2.5, WHEN.replace(tzinfo=None)],
        ["D", "d@example.com", 2.0, 3.0, None, None, "closed", "hat"],
    ]
    return workbook(rows)


FILES: dict[str, Callable[[], bytes]] = {"leads.csv": csv_file, "leads.jsonl": json_file, "leads.xlsx": excel_file}


@pytest.mark.parametrize("mode", ["create", "skip", "update", "error"])
@pytest.mark.parametrize("name", FILES)
def test_both_ways_come_to_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, mode: str) -> None:
    path, rejects = tmp_path / name, tmp_path / "rejects.csv"
    path.write_bytes(FILES[name]())
    make_lead(email="d@example.com", first_name="There already")
    make_user(is_superuser=True)
    outcomes = []
    for processes, ahead in ((1, 1 << 40), (2, 0)):
        monkeypatch.setattr(pipeline, "AHEAD", ahead)
        monkeypatch.setattr("threading.active_count", lambda: 1)
        with transaction.atomic(), mock.patch.object(pipeline, "_from_child", wraps=pipeline._from_child) as parted:
            rest = ["--on-error", "skip", "--on-duplicate", mode, "--rejects", rejects, "--unknown", "note"]
            report = import_leads(path, *rest, code=3)
            assert parted.called == (processes == 2)
            del report["run"]
            fields = ("first_name", "email", "budget_min", "budget_max", "status", "search", "version", "email_key")
            stored = [*Lead.objects.order_by("pk").values_list(*fields)]
            moments = [row for row in Lead.objects.order_by("pk").values_list("created_at", "closed_at") if WHEN in row]
            notes = [*Activity.objects.order_by("lead_id", "pk").values_list("title", "notes", "activity_date")]
            outcomes.append((report, rejects.read_bytes(), stored, moments, notes))
            transaction.set_rollback(True)
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][2]) > 1
    assert outcomes[0][3] or name == "leads.xlsx"  # whose moments are fractions of days


def test_a_damaged_file_is_refused_in_the_same_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "leads.json"
    path.write_text('[{"email": "a@example.com"}, {"email": "b@ex')
    monkeypatch.setattr("threading.active_count", lambda: 1)
    reported = []
    for ahead in (1 << 40, 0):
        monkeypatch.setattr(pipeline, "AHEAD", ahead)
        reported.append(import_leads(path, code=1)["message"])
    assert reported[0] == reported[1] != ""
    assert not Lead.objects.exists()


@pytest.mark.parametrize("name", ["deep.jsonl", "deep.json"])
@pytest.mark.parametrize("depth", [101, 900, 1000, 1023, 20_000])
def test_a_row_that_nests_too_deep_is_a_bad_one(tmp_path: Path, name: str, depth: int) -> None:
    deep = f'{{"first_name": {"[" * depth + "]" * depth}, "property_interest": ""}}'
    flat = '{"first_name": "Ada", "property_interest": "[[[[{{{{"}'
    rows, ends = [flat, deep, flat], ("[", "]") if name.endswith(".json") else ("", "")
    path = tmp_path / name
    path.write_text(ends[0] + (",\n" if ends[0] else "\n").join(rows) + ends[1])
    try:
        json.loads(deep)
        code = 3
    except RecursionError:  # at which depth depends on the release of Python
        code = 1 if ends[0] else 3
    report = import_leads(path, "--on-error", "skip", code=code)
    assert Lead.objects.count() == report["created"]
    assert report["rejected"] == 1 or "not a JSON array" in report["message"]


# Halves of characters may stand alone; two that make a character are that character to every reader of JSON.
any_text = any_text.map(lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))
plain = st.none() | st.text() | st.integers(-(2**63), BIGGEST)
moments = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
whole_times = st.times() | st.datetimes()
cells = (
    values
    | st.dates()
    | whole_times.map(lambda at: at.replace(fold=0))
    | st.timedeltas()
    | st.lists(values | st.dates())
)
problems = st.lists(st.builds(FieldError, st.text(), st.just(("email",)), any_text, cells), max_size=2)
bad_rows = st.tuples(st.integers(1, 2**40), st.lists(cells) | st.lists(cells).map(BadRow), problems)
counted = st.dictionaries(st.tuples(st.text(), st.text() | st.integers(0, 2000)), st.integers(1, 1000)).map(Counter)
batches = st.builds(
    Batch,
    st.integers(0, 1000),
    st.lists(st.lists(plain)),
    st.lists(bad_rows),
    st.integers(0),
    counted,
    st.just([]),
    aside=st.just(()),
)


@given(batches)
def test_a_batch_comes_out_as_it_went_in(batch: Batch) -> None:
    again = deserialize(serialize(batch, list), list)
    assert [type(row) for _, row, _ in again.bad] == [type(row) for _, row, _ in batch.bad]
    assert repr(again) == repr(batch)  # unlike equality, tells true from 1 and 1 from 1.0


@given(st.lists(cells))
def test_cells_of_good_rows_too(row: list[Any]) -> None:
    sent = serialize(Batch(1, [[serialize_cells(row)]], [], 0, Counter(), []), list)
    assert repr([deserialize_cells(one) for (one,) in deserialize(sent, list).good]) == repr([row])


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), -0.0])
def test_numbers_that_are_none(number: float) -> None:
    batch = Batch(
        1, [], [(2, [number], [FieldError("finite_number", ("budget_min",), "no", number)])], 0, Counter(), []
    )
    assert repr(deserialize(serialize(batch, list), list)) == repr(batch)


@given(st.lists(moments))
def test_moments_of_good_rows_to_the_microsecond(row: list[datetime]) -> None:
    batch = deserialize(
        serialize(Batch(1, [row], [], 0, Counter(), []), list), lambda rows: [[*map(timestamp, one)] for one in rows]
    )
    assert batch.good == [row]
