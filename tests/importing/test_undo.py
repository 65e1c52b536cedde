"""``manage.py undo_import``."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from leads.models import ImportRun, Lead
from tests.conftest import Api
from tests.factories import activity_row, make_lead
from tests.importing.command import import_leads, write_csv

pytestmark = pytest.mark.django_db


def undo(run: int) -> str:
    out = io.StringIO()
    call_command("undo_import", str(run), stdout=out)
    return out.getvalue()


def test_what_was_created_is_deleted_softly(tmp_path: Path, api: Api) -> None:
    kept = make_lead()
    run = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new", "B,B,b@example.com,2,new"))["run"]
    assert "2 leads it created were deleted" in undo(run)
    assert [row["id"] for row in api.get("/api/leads").json()] == [kept.pk]
    assert Lead.objects.count() == 3
    assert ImportRun.objects.get(pk=run).state == "undone"


def test_what_was_updated_is_as_before(tmp_path: Path, api: Api) -> None:
    lead = make_lead(first_name="John", email="john@example.com", status="closed", budget_max=7)
    before = api.get(f"/api/leads/{lead.pk}").json()
    closed_at = lead.closed_at
    header = "First Name,Email,Status,Budget Max"
    path = write_csv(tmp_path, "Joe,john@example.com,lost,9", "Jim,JOHN@example.com,new,11", header=header)
    run = import_leads(path, "--on-duplicate", "update")["run"]
    assert "1 leads it updated have their earlier values again" in undo(run)
    after = api.get(f"/api/leads/{lead.pk}").json()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    lead.refresh_from_db()
    assert (lead.closed_at, lead.search.splitlines()[0]) == (closed_at, "john")


def test_what_was_touched_since_is_left_and_listed(tmp_path: Path, api: Api) -> None:
    updated = make_lead(email="old@example.com", first_name="Old")
    rows = [
        "A,A,a@example.com,1,new",
        "B,B,b@example.com,2,new",
        "New,O,old@example.com,3,new",
        "C,C,c@example.com,4,new",
    ]
    run = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "update")["run"]
    edited, called = Lead.objects.get(first_name="A"), Lead.objects.get(first_name="B")
    api.put(f"/api/leads/{edited.pk}", {"status": "contacted"})
    api.post(f"/api/leads/{called.pk}/activities", activity_row())
    api.put(f"/api/leads/{updated.pk}", {"phone": "99"})
    text = undo(run)
    assert "1 leads it created were deleted" in text
    assert "3 were changed since" in text
    report = ImportRun.objects.get(pk=run).undo_report
    assert (report["left_created"], report["left_updated"]) == ([edited.pk, called.pk], [updated.pk])
    updated.refresh_from_db()
    assert (updated.first_name, updated.phone) == ("New", "99")


def test_not_twice(tmp_path: Path) -> None:
    run = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new"))["run"]
    undo(run)
    with pytest.raises(CommandError, match="undone already"):
        undo(run)


def test_an_undone_file_may_come_again(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "A,A,a@example.com,1,new")
    undo(import_leads(path)["run"])
    assert import_leads(path)["created"] == 1


def test_only_what_stored_something(tmp_path: Path) -> None:
    dry = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new"), "--dry-run")["run"]
    with pytest.raises(CommandError, match="nothing to undo"):
        undo(dry)
    with pytest.raises(CommandError, match="no import run 999"):
        undo(999)


def test_an_undo_that_would_undo_nothing_is_refused_and_may_come_later(tmp_path: Path, api: Api) -> None:
    run = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new"))["run"]
    api.put(f"/api/leads/{Lead.objects.get().pk}", {"status": "contacted"})
    with pytest.raises(CommandError, match="changed since"):
        undo(run)
    assert ImportRun.objects.get(pk=run).state == "done"
