"""What the report says of values that made no row bad and yet were not stored as they came."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from leads.importing import pipeline
from leads.models import Lead
from tests.factories import make_lead
from tests.importing.command import import_leads, summary, write_csv

pytestmark = pytest.mark.django_db


def test_a_second_column_that_is_filled_is_counted(tmp_path: Path) -> None:
    rows = ("Ann,1,2,", "Bo,,3,4", "Cy,5,5,", "Di,6,,7", "Ed,,,8")
    path = write_csv(tmp_path, *rows, header="First Name,Phone,Mobile,Home Phone")
    text = summary(path)
    assert "Column 'Mobile' was used only where 'Phone' was blank: 1 value of it was left over." in text
    assert "Column 'Home Phone' was used only where 'Phone' was blank: 2 values of it were left over." in text
    assert list(Lead.objects.order_by("pk").values_list("phone", flat=True)) == ["1", "3", "5", "6", "8"]


def test_so_it_is_where_another_process_checks_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "AHEAD", 0)
    monkeypatch.setattr("threading.active_count", lambda: 1)
    path = write_csv(tmp_path, *["Ann,1,2"] * 2500, header="First Name,Phone,Mobile")
    (note,) = [note for note in import_leads(path)["notes"] if note.startswith("Column")]
    assert "2,500 values of it were left over" in note


def test_nothing_is_said_where_nothing_was_lost(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ann,1,", "Bo,,2", "Cy,3,3", header="First Name,Phone,Mobile")
    assert not [note for note in import_leads(path)["notes"] if note.startswith("Column")]


def test_several_values_in_one_cell_are_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ann,a@x.co ::: b@x.co", header="First Name,E-mail 1 - Value")
    assert "1 further email address in a cell, first: line 2, E-mail 1 - Value: 'b@x.co'" in summary(path)


def test_the_day_of_closing_is_kept_for_closed_leads_alone(tmp_path: Path) -> None:
    rows = ("Ann,Closed,2024-05-06", "Bo,new,2099-01-01", "Cy,closed,", "Di,lost,")
    path = write_csv(tmp_path, *rows, header="First Name,Status,closed_at")
    assert "1 closing date of a lead that is not closed, first: line 3, closed_at: '2099-01-01'" in summary(path)
    closed = dict(Lead.objects.values_list("first_name", "closed_at"))
    assert closed["Ann"] == datetime(2024, 5, 6, tzinfo=UTC)
    assert closed["Cy"] is not None
    assert (closed["Bo"], closed["Di"]) == (None, None)


@pytest.mark.parametrize("mode", ["skip", "update"])
def test_the_day_of_closing_comes_with_matched_rows_too(tmp_path: Path, mode: str) -> None:
    path = write_csv(tmp_path, "Ann,a@x.co,closed,2024-05-06", header="First Name,Email,Status,closed_at")
    import_leads(path, "--on-duplicate", mode)
    assert Lead.objects.get().closed_at == datetime(2024, 5, 6, tzinfo=UTC)


def test_an_update_closes_a_lead_on_the_day_it_says(tmp_path: Path) -> None:
    lead = make_lead(email="a@x.co", status="new")
    path = write_csv(tmp_path, "a@x.co,closed,2024-05-06", header="Email,Status,closed_at")
    import_leads(path, "--on-duplicate", "update")
    lead.refresh_from_db()
    assert (lead.status, lead.closed_at) == ("closed", datetime(2024, 5, 6, tzinfo=UTC))


def test_an_update_of_the_oldest_of_several_leads_is_told(tmp_path: Path) -> None:
    oldest, other = make_lead(email="a@x.co", first_name="Zoe"), make_lead(email="A@x.co", first_name="Zoe")
    path = write_csv(tmp_path, "Zoe,a@x.co", "Bo,b@x.co", header="First Name,Email")
    text = summary(path, "--on-duplicate", "update")
    assert "Several stored leads have the row's email, the oldest was updated: 1 row." in text
    oldest.refresh_from_db()
    other.refresh_from_db()
    assert (oldest.version, other.version) == (2, 1)
