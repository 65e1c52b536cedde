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
    path = write_csv(
        tmp_path, "John A.,john@example.com,lost,9", "John A. B.,JOHN@example.com,closed,11", header=header
    )
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
        "Old New,O,old@example.com,3,new",
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
    assert f"created by the run, edited since: lead {edited.pk}" in text
    assert f"created by the run, activities were logged: lead {called.pk}" in text
    assert f"updated by the run, edited since: lead {updated.pk}" in text
    report = ImportRun.objects.get(pk=run).undo_report
    assert (report["left_created"], report["left_updated"]) == ([edited.pk, called.pk], [updated.pk])
    updated.refresh_from_db()
    assert (updated.first_name, updated.phone) == ("Old New", "99")


HEADER = "First Name,Last Name,Email"


def update(tmp_path: Path, last_name: str, email: str = "a@example.com") -> int:
    """Return a run that gives the lead of that address another last name, or creates it."""
    path = write_csv(tmp_path, f"Ann,{last_name},{email}", header=HEADER, name=f"{last_name}.csv")
    run = import_leads(path, "--on-duplicate", "update")["run"]
    assert isinstance(run, int)
    return run


def test_imports_of_the_same_leads_all_come_off_in_the_reverse_of_their_order(tmp_path: Path, api: Api) -> None:
    lead = make_lead(first_name="Ann", last_name="Ash", email="a@example.com", status="closed")
    closed_at = lead.closed_at
    runs = [update(tmp_path, name) for name in ("Berg", "Cox", "Dahl")]
    for run, name in zip(reversed(runs), ("Cox", "Berg", "Ash"), strict=True):
        assert "1 leads it updated" in undo(run)
        assert api.get(f"/api/leads/{lead.pk}").json()["last_name"] == name
    lead.refresh_from_db()
    assert lead.closed_at == closed_at


def test_so_does_the_import_that_created_them(tmp_path: Path, api: Api) -> None:
    runs = [update(tmp_path, name) for name in ("Ash", "Berg", "Cox")]
    for run in reversed(runs):
        undo(run)
    assert api.get("/api/leads").json() == []


def test_what_a_person_did_between_two_imports_is_not_undone(tmp_path: Path, api: Api) -> None:
    first = update(tmp_path, "Ash")
    lead = Lead.objects.get()
    api.put(f"/api/leads/{lead.pk}", {"phone": "5"})
    undo(update(tmp_path, "Berg"))
    lead.refresh_from_db()
    assert (lead.last_name, lead.phone) == ("Ash", "5")
    with pytest.raises(CommandError, match="1 edited since"):
        undo(first)


def test_an_undo_goes_on_where_it_had_to_leave_off(tmp_path: Path, api: Api) -> None:
    rows = ("Ann,Ash,a@example.com", "Bo,Ash,b@example.com", "Cy,Ash,c@example.com")
    first = import_leads(write_csv(tmp_path, *rows, header=HEADER))["run"]
    second = update(tmp_path, "Berg")
    ann, gone = Lead.objects.get(last_name="Berg"), Lead.objects.get(first_name="Cy")
    api.delete(f"/api/leads/{gone.pk}")
    text = undo(first)
    assert "1 leads it created were deleted (softly)" in text
    assert "1 leads it created had been deleted before" in text
    assert f"created by the run, edited since: lead {ann.pk}" in text
    with pytest.raises(CommandError, match="nothing more of run"):
        undo(first)
    undo(second)
    assert "2 leads it created were deleted (softly)" in undo(first)
    report = ImportRun.objects.get(pk=first).undo_report
    assert (report["deleted"], report["left"], report["gone"]) == (2, 0, 1)
    assert api.get("/api/leads").json() == []


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
    refused = import_leads(write_csv(tmp_path, "A,A,a@example,1,new"), code=1)["run"]
    with pytest.raises(CommandError, match="nothing to undo"):
        undo(refused)
    with pytest.raises(CommandError, match="no import run 999"):
        undo(999)


def test_an_undo_that_would_undo_nothing_is_refused_and_may_come_later(tmp_path: Path, api: Api) -> None:
    run = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new"))["run"]
    api.put(f"/api/leads/{Lead.objects.get().pk}", {"status": "contacted"})
    with pytest.raises(CommandError, match="changed since"):
        undo(run)
    assert ImportRun.objects.get(pk=run).state == "done"
