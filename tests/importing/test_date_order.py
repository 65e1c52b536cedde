"""Dates with strokes: the whole column says whether the day comes first."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from leads.importing.cells import date_order
from leads.models import Lead
from tests.importing.command import import_leads, summary, write_csv

pytestmark = pytest.mark.django_db

HEADER = "Name,Date Added"


def dates_of(folder: Path, *dates: str, options: tuple[str, ...] = (), code: int = 0) -> list[str]:
    """Return the stored days, as year-month-day, of a file with these dates."""
    rows = (f"Lead {number},{date}" for number, date in enumerate(dates))
    import_leads(write_csv(folder, *rows, header=HEADER), *options, code=code)
    return [f"{lead.created_at:%Y-%m-%d}" for lead in Lead.objects.order_by("pk")]


def test_one_date_that_has_the_day_first_speaks_for_all(tmp_path: Path) -> None:
    assert dates_of(tmp_path, "03/04/2024", "13/05/2024 10:00", "1/2/24") == ["2024-04-03", "2024-05-13", "2024-02-01"]


def test_one_that_has_the_month_first_too(tmp_path: Path) -> None:
    assert dates_of(tmp_path, "03/04/2024", "05/13/2024") == ["2024-03-04", "2024-05-13"]


def test_dates_that_could_mean_either_are_read_month_first_and_that_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ann,03/04/2024", header=HEADER)
    assert "Dates in 'Date Added' may mean either order, read month-first" in summary(path)
    assert Lead.objects.get().created_at == datetime(2024, 3, 4, tzinfo=UTC)


def test_dates_that_contradict_each_other_are_left_over(tmp_path: Path) -> None:
    dates = ("13/05/2024", "14/05/2024", "05/15/2024", "01/02/2024")
    today = f"{timezone.now():%Y-%m-%d}"
    assert dates_of(tmp_path, *dates) == ["2024-05-13", "2024-05-14", today, "2024-02-01"]
    report = import_leads(tmp_path / "leads.csv", "--again")
    assert report["remainders"] == [{"line": 4, "column": "Date Added", "value": "05/15/2024"}]
    assert "Dates in 'Date Added' contradict each other: 2 have the day first, 1 the month" in str(report["notes"])


def test_an_option_settles_it(tmp_path: Path) -> None:
    assert dates_of(tmp_path, "03/04/2024", options=("--dates", "day-first")) == ["2024-04-03"]


def test_the_other_way_too(tmp_path: Path) -> None:
    dates = dates_of(tmp_path, "03/04/2024", "13/04/2024", options=("--dates", "month-first"))
    assert dates == ["2024-03-04", f"{timezone.now():%Y-%m-%d}"]


def test_it_holds_for_dates_set_for_every_row(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ann", header="Name")
    import_leads(path, "--dates", "day-first", "--set", "created_at=3/4/2024")
    assert Lead.objects.get().created_at == datetime(2024, 4, 3, tzinfo=UTC)


def test_other_ways_of_writing_dates_stay_what_they_are(tmp_path: Path) -> None:
    dates = ("2024-03-04", "04.03.2024", "Mar 4 2024", "13/03/2024")
    assert dates_of(tmp_path, *dates) == ["2024-03-04", "2024-03-04", "2024-03-04", "2024-03-13"]


def test_the_look_ahead_goes_on_until_a_date_is_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(date_order, "LOOK_AHEAD", 3)
    assert dates_of(tmp_path, *["01/02/2024"] * 10, "13/02/2024")[0] == "2024-02-01"


def test_a_file_without_such_dates_is_looked_at_no_further() -> None:
    rows = iter([(line, ["2024-01-02"]) for line in range(2, 20_000)])
    assert date_order.decide(rows, {"created_at": [0]})["created_at"].notes("x") == []
    assert next(rows)[0] == 2 + date_order.LOOK_AHEAD
