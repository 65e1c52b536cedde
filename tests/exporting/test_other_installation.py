"""An export that is imported into another installation: every activity is on its own lead, whatever its id there."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from activities.models import Activity
from leads.models import Installation, Lead
from tests.activities.command import assert_counted, errors_of, import_activities, write_activities
from tests.exporting.command import export_leads
from tests.factories import make_activity, make_lead, make_user
from tests.importing.command import counts, import_leads
from users.models import User

pytestmark = pytest.mark.django_db

# Leads by what identifies them. Each of them has one activity, which has the lead's place here as its title.
LEADS: list[dict[str, Any]] = [
    {"first_name": "Ann", "last_name": "Ng", "email": "ann@example.com", "phone": "555-555-0101"},
    {"first_name": "Bo", "last_name": "Li", "email": "", "phone": "+1 (555) 555-0102"},
    {"first_name": "Cy", "last_name": "", "email": "", "phone": "555-555-0103"},
    # one number, two people
    {"first_name": "Di", "last_name": "Po", "email": "", "phone": "555-555-0102"},
    # one address, two people, and one of them twice
    {"first_name": "John", "last_name": "Smith", "email": "smiths@example.com", "phone": ""},
    {"first_name": "Jane", "last_name": "Smith", "email": "smiths@example.com", "phone": ""},
    {"first_name": "Jane", "last_name": "Smith", "email": "Smiths@example.com", "phone": ""},
    # two people of one name and number
    {"first_name": "Ed", "last_name": "Qi", "email": "", "phone": "5"},
    {"first_name": "Ed", "last_name": "Qi", "email": "", "phone": "5"},
    # people with a name or a number alone
    {"first_name": "Madonna", "last_name": "", "email": "", "phone": ""},
    {"first_name": "", "last_name": "Prince", "email": "", "phone": ""},
    {"first_name": "", "last_name": "", "email": "", "phone": "555-555-0109"},
    {"first_name": "", "last_name": "", "email": "", "phone": "555-555-0110"},
    {"first_name": "", "last_name": "", "email": "no.name@example.com", "phone": ""},
]


def move(folder: Path, name: str) -> Path:
    """Export everything, and make this an empty installation with other ids; returns the file with the activities."""
    export_leads(folder / name, "--with-activities")
    Activity.objects.all().delete()
    Lead.objects.all().delete()
    Installation.objects.update(name=uuid4())
    for number in range(len(LEADS) // 2):
        make_lead(first_name=f"Other {number}")
    return folder / (name if "jsonl" in name else name.replace("leads", "leads-activities"))


@pytest.mark.parametrize("name", ["leads.csv", "leads.csv.gz", "leads.xlsx", "leads.jsonl", "leads.jsonl.gz"])
def test_every_activity_is_on_its_lead(tmp_path: Path, name: str) -> None:
    author = make_user(username="maria")
    for number, fields in enumerate(LEADS):
        lead = make_lead(**fields, source=f"source {number}")
        make_activity(lead, author, title=f"source {number}")
    path = move(tmp_path, name)
    assert import_leads(tmp_path / name)["created"] == len(LEADS)
    assert counts(import_activities(path, ids_are_ours=False)) == (len(LEADS), len(LEADS), 0, 0, 0)
    placed = Activity.objects.values_list("lead__source", "title")
    assert sorted(placed) == sorted((f"source {number}",) * 2 for number in range(len(LEADS)))
    assert_counted()


def test_leads_that_were_created_together_are_told_apart(tmp_path: Path) -> None:
    author = make_user()
    same = [make_lead(first_name="Ann", last_name="Ng", email="", phone=phone) for phone in ("", "", "5")]
    Lead.objects.update(created_at=same[0].created_at)
    for lead in same:
        make_activity(lead, author)
    path = move(tmp_path, "leads.jsonl")
    import_leads(tmp_path / "leads.jsonl")
    report = import_activities(path, "--on-error", "skip", code=3, ids_are_ours=False)
    assert counts(report) == (3, 1, 0, 0, 2)
    reasons = [reason for _, _, reason in errors_of(report)]
    assert reasons == ["2 leads have this name; give lead_id"] * 2


@pytest.mark.parametrize("moment", ["13/13/2024", "5/13/2024 10:22", "2124-01-01", ""])
def test_the_time_of_a_lead_only_helps(tmp_path: Path, agent: User, moment: str) -> None:
    lead = make_lead(first_name="Ann", email="ann@example.com")
    row = f"ann@example.com,{moment},{agent.username},call,Call,2024-05-02"
    path = write_activities(tmp_path, row, header="lead_email,lead_created_at,user,activity_type,title,activity_date")
    import_activities(path, ids_are_ours=False)
    assert Activity.objects.get().lead == lead


HEADER = "lead_id,lead_email,lead_name,lead_phone,installation,user,activity_type,title,activity_date"
OURS, OTHER, NONE = "ours", "another", ""
FOUND = "found"


@pytest.mark.parametrize(
    ("lead_id", "email", "name", "phone", "installation", "expected"),
    [
        # our own numbers decide, also where something was changed since
        (True, "", "", "", OURS, FOUND),
        (True, "old@example.com", "Ann Ng", "", OURS, FOUND),
        (True, "old@example.com", "", "", OURS, "No active lead has this email address"),
        # another installation's never do
        (True, "", "", "", OTHER, "may be another installation's"),
        (True, "", "Ann Ng", "", OTHER, "No active lead has this name and number"),
        (True, "ann@example.com", "", "", OTHER, FOUND),
        (True, "", "ann  NG", "+1 555 555 0101", OTHER, FOUND),
        (False, "ann@example.com", "", "", OTHER, FOUND),
        # of no installation in particular, where the rest agrees
        (True, "", "", "", NONE, "may be another installation's"),
        (True, "", "Ann Ng", "", NONE, FOUND),
        (True, "", "", "(555) 555-0101", NONE, FOUND),
        (True, "ANN@example.com", "", "", NONE, FOUND),
        (True, "", "Bo Li", "", NONE, "No active lead has this name and number"),
        (True, "", "Ann Ng", "555-555-0199", NONE, "No active lead has this name and number"),
        # without a number
        (False, "ann@example.com", "A. Ng", "", NONE, FOUND),
        (False, "ann@example.com", "Bo Li", "", NONE, "Only leads of another name have this email address"),
        (False, "", "Ann Ng", "5555550101 x7", NONE, FOUND),
        (False, "", "Ann Ng", "", NONE, "No active lead has this name and number"),
        (False, "", "", "555-555-0101", NONE, "No active lead has this name and number"),
        (False, "", "", "", NONE, "Neither the lead's number nor its email address"),
    ],
)
def test_whose_activity_a_row_is(
    tmp_path: Path,
    agent: User,
    lead_id: bool,
    email: str,
    name: str,
    phone: str,
    installation: str,
    expected: str,
) -> None:
    lead = make_lead(first_name="Ann", last_name="Ng", email="ann@example.com", phone="555-555-0101")
    make_lead(first_name="Bo", last_name="Li", email="", phone="555-555-0102")
    names = {OURS: Installation.current_name(), OTHER: str(uuid4()), NONE: ""}
    cells = (lead.pk if lead_id else "", email, name, phone, names[installation], agent.username)
    row = f"{','.join(map(str, cells))},call,Call,2024-05-02"
    path = write_activities(tmp_path, row, header=HEADER)
    report = import_activities(path, code=0 if expected == FOUND else 1, ids_are_ours=False)
    if expected == FOUND:
        assert Activity.objects.get().lead == lead
    else:
        assert expected in errors_of(report)[0][2]
