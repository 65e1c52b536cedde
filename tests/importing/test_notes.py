"""What no field has becomes notes of the leads."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from activities.models import Activity
from leads.models import Lead
from tests.conftest import Api
from tests.factories import activity_row, make_lead, make_user
from tests.importing.command import import_leads, run_import, summary, write_csv
from tests.importing.test_undo import undo

pytestmark = pytest.mark.django_db

HEADER = "First Name,Email,Favourite colour"
NOTE = ("--unknown", "note")
UPDATE = ("--on-duplicate", "update")


@pytest.fixture(autouse=True)
def boss() -> Any:
    return make_user(username="boss", is_superuser=True, is_staff=True)


def notes_of(lead: Lead) -> list[str]:
    return [note.notes for note in Activity.objects.filter(lead=lead).order_by("pk")]


def check_counts() -> None:
    """What is stored twice agrees: the counts of activities, and those of the dashboard."""
    call_command("verify", verbosity=0)


@pytest.mark.parametrize("on_duplicate", ["create", "skip"])
def test_leads_are_in_the_order_of_the_file_and_count_their_notes(tmp_path: Path, api: Api, on_duplicate: str) -> None:
    rows = [f"P{number},p{number}@example.com,{'red' if 1500 < number < 2500 else ''}" for number in range(3100)]
    path = write_csv(tmp_path, *rows, header=HEADER)
    import_leads(path, *NOTE, "--on-duplicate", on_duplicate)
    names = list(Lead.objects.order_by("pk").values_list("first_name", flat=True))
    assert names == [f"P{number}" for number in range(3100)]
    noted = Lead.objects.filter(activity_count=1)
    assert noted.count() == Activity.objects.count() == 999
    check_counts()
    lead = Lead.objects.get(first_name="P2000")
    assert notes_of(lead) == ["Favourite colour: red"]
    (found,) = api.get(f"/api/leads/{lead.pk}/activities").json()
    assert (found["activity_type"], found["title"]) == ("note", "Imported from leads.csv")


def test_an_update_adds_a_note_once_and_undoing_it_takes_the_note_out(tmp_path: Path, api: Api) -> None:
    lead = make_lead(first_name="Ann", email="ann@example.com", budget_max=5)
    run = import_leads(write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER), *NOTE, *UPDATE)["run"]
    again = write_csv(tmp_path, "Ann,ann@example.com,green", "Bo,bo@example.com,red", header=HEADER, name="again.csv")
    import_leads(again, *NOTE, *UPDATE)
    assert notes_of(lead) == ["Favourite colour: green"]
    check_counts()
    last = import_leads(again, *NOTE, *UPDATE, "--again")["run"]
    undo(last)
    undo(last - 1)
    assert "1 notes of these were deleted" in undo(run)
    assert notes_of(lead) == []
    assert api.get(f"/api/leads/{lead.pk}").json()["activity_count"] == 0
    history = api.get(f"/api/leads/{lead.pk}/history").json()
    assert ["note: Imported from leads.csv"] in [change["old"] for entry in history for change in entry["changes"]]
    check_counts()


def test_filling_a_lead_that_lacks_only_the_note(tmp_path: Path) -> None:
    lead = make_lead(first_name="Ann", email="ann@example.com")
    path = write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER)
    report = import_leads(path, *NOTE, "--on-duplicate", "fill")
    assert (report["updated"], report["skipped"], notes_of(lead)) == (1, 0, ["Favourite colour: green"])
    lead.refresh_from_db()
    assert lead.version == 1
    again = import_leads(path, *NOTE, "--on-duplicate", "fill", "--again")
    assert (again["updated"], again["skipped"]) == (0, 1)
    undo(report["run"])
    assert notes_of(lead) == []


def test_rows_of_one_person_in_one_file_give_one_lead_with_all_notes(tmp_path: Path) -> None:
    rows = ("Ann,ann@example.com,green", "Ann,ann@example.com,red", "Ann,ann@example.com,green")
    import_leads(write_csv(tmp_path, *rows, header=HEADER), *NOTE, *UPDATE)
    assert notes_of(Lead.objects.get()) == ["Favourite colour: green", "Favourite colour: red"]
    check_counts()


def test_undo_leaves_leads_with_other_activities(tmp_path: Path, api: Api) -> None:
    rows = ("Ann,ann@example.com,green", "Bo,bo@example.com,red", "Cy,cy@example.com,")
    run = import_leads(write_csv(tmp_path, *rows, header=HEADER), *NOTE)["run"]
    bo = Lead.objects.get(first_name="Bo")
    api.post(f"/api/leads/{bo.pk}/activities", activity_row())
    printed = undo(run)
    assert "2 leads it created were deleted" in printed
    assert f"activities were logged: lead {bo.pk}" in printed
    assert list(Lead.objects.filter(is_active=True)) == [bo]
    check_counts()


def test_notes_have_their_own_dates(tmp_path: Path) -> None:
    header = "Name,Email,Created,Last Note,Last Note Date,Background"
    rows = (
        "Ann,ann@example.com,2024-05-13,Called,06/01/2024,Has a dog",
        "Bo,bo@example.com,2024-05-13,Called,soon,",
        "Cy,cy@example.com,2024-05-13,,2024-06-01,",
    )
    import_leads(write_csv(tmp_path, *rows, header=header), *NOTE)
    stored = Activity.objects.order_by("pk").values_list("lead__first_name", "title", "notes", "activity_date")
    came_in = date(2024, 5, 13)
    assert list(stored) == [
        ("Ann", "Last Note", "Called", date(2024, 6, 1)),
        ("Ann", "Background", "Has a dog", came_in),
        ("Bo", "Imported from leads.csv", "Last Note Date: soon", came_in),
        ("Bo", "Last Note", "Called", came_in),
        ("Cy", "Imported from leads.csv", "Last Note Date: 2024-06-01", came_in),
    ]


def test_what_notes_contain(tmp_path: Path) -> None:
    header = "Email,Favourite colour,MLS ID,Owner ID,Newsletter,id,Hobby"
    row = "ann@example.com,N/A,M-17,U-18,x,7,=1+1"
    import_leads(write_csv(tmp_path, row, header=header), *NOTE, "--ignore-columns", "Hobby")
    assert notes_of(Lead.objects.get()) == ["MLS ID: M-17\nNewsletter: x"]


def test_long_texts_are_divided(tmp_path: Path) -> None:
    words = "word " * 5000
    import_leads(write_csv(tmp_path, f'Ann,ann@example.com,"{words}\n{words}"', header="First Name,Email,Notes"), *NOTE)
    parts = notes_of(Lead.objects.get())
    assert " ".join(parts).split() == (words * 2).split()
    assert max(map(len, parts)) <= 20_000
    path = write_csv(tmp_path, f"Bo,bo@example.com,{'x' * 100_000}" * 1, header="First Name,Email,Notes", name="b.csv")
    assert import_leads(path, *NOTE)["created"] == 1
    columns = [f"Extra {number}" for number in range(12)]
    row = ",".join(["bo@example.com", *["x" * 100_000] * 12])
    too_long = write_csv(tmp_path, row, header=",".join(["Email", *columns]), name="c.csv")
    (problem,) = import_leads(too_long, *NOTE, code=1)["problems"]
    assert "more than 1,000,000 characters" in problem["reason"]


def test_who_signs(tmp_path: Path, boss: Any) -> None:
    sam = make_user(username="sam", first_name="Sam", last_name="Agent")
    path = write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER)
    assert "no user 'tim'" in import_leads(path, *NOTE, "--user", "tim", code=1)["message"]
    import_leads(path, *NOTE, "--user", "SAM")
    note = Activity.objects.get()
    assert (note.user, note.user_name, note.channel) == (sam, "Sam Agent", "import")
    boss.is_active = False
    boss.save()
    left = write_csv(tmp_path, "Bo,bo@example.com; bo2@example.com", header="Name,Email", name="left.csv")
    assert "nobody can sign notes (--user)" in summary(left)
    assert Activity.objects.count() == 1
    assert "--user" in import_leads(path, *NOTE, "--again", code=1)["message"]


def test_the_report_names_the_columns(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER)
    assert "--unknown note" in import_leads(path, code=1)["message"]
    text = summary(path, *NOTE)
    assert "In the notes of the leads: Favourite colour" in text
    assert "1 lead got notes of what no field has." in text
    other = write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER, name="other.csv")
    run_import("import_leads", other, *NOTE, "--ignore-unknown", code=2)


def test_a_lead_that_is_full_takes_no_note(tmp_path: Path) -> None:
    lead = make_lead(first_name="Ann", email="ann@example.com")
    Lead.objects.update(activity_count=10_000)
    path = write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER)
    (problem,) = import_leads(path, *NOTE, *UPDATE, "--on-error", "skip", code=3)["problems"]
    assert "at most 10,000 activities" in problem["reason"]
    assert notes_of(lead) == []


def test_export_and_erasure_of_a_person_reach_notes(tmp_path: Path) -> None:
    import_leads(write_csv(tmp_path, "Ann,ann@example.com,green", header=HEADER), *NOTE)
    out = io.StringIO()
    call_command("export_person", "ann@example.com", stdout=out)
    assert "Favourite colour: green" in out.getvalue()
    call_command("erase_person", "ann@example.com", "--yes", stdout=out)
    assert Activity.objects.values_list("title", "notes").get() == ("erased", None)
