"""``--on-duplicate``: who is there already, in the table and earlier in the file."""

from pathlib import Path

import pytest

from leads.importing import writers
from leads.models import Lead
from tests.factories import make_lead
from tests.importing.command import counts, import_leads, write_csv

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=[1, 2, 2000], ids=lambda size: f"batches of {size}")
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome must not depend on where one batch of rows ends and the next begins."""
    monkeypatch.setattr(writers, "BATCH", request.param)


def test_create_asks_nobody(tmp_path: Path) -> None:
    make_lead(email="john@example.com")
    report = import_leads(write_csv(tmp_path, "John,Smith,john@example.com,1,new", "John,Smith,john@example.com,1,new"))
    assert counts(report) == (2, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("row", "same"),
    [
        ("Jo,S,JOHN@Example.com,,new", False),
        ("john,SMITH,,15550100,new", True),
        ("John,Smith,other@example.com,+1 (555) 0100,new", True),
        ("John,Smith,,555-0199,new", False),
        ("Jane,Smith,,+1-555-0100,new", False),
        ("John,Smith,,,new", False),
    ],
)
def test_what_is_the_same_person(tmp_path: Path, row: str, same: bool) -> None:
    make_lead(first_name="John", last_name="Smith", email="john@example.com", phone="+1-555-0100")
    report = import_leads(write_csv(tmp_path, row), "--on-duplicate", "skip")
    assert counts(report) == (1, 0, 0, 1, 0) if same else (1, 1, 0, 0, 0)


def test_deleted_leads_are_nobody(tmp_path: Path) -> None:
    make_lead(email="john@example.com", is_active=False)
    assert import_leads(write_csv(tmp_path, "J,S,john@example.com,1,new"), "--on-duplicate", "skip")["created"] == 1


def test_within_the_file_the_first_stays(tmp_path: Path) -> None:
    rows = [
        "Ann,A,a@example.com,1,new",
        "Ann,A,b@example.com,1,new",
        "Bob,B,b@example.com,2,new",
        "C,C,c@example.com,3,new",
    ]
    report = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "skip")
    assert counts(report) == (4, 3, 0, 1, 0)
    assert sorted(Lead.objects.values_list("first_name", flat=True)) == ["Ann", "Bob", "C"]


def test_update_writes_what_is_given_and_nothing_else(tmp_path: Path) -> None:
    lead = make_lead(first_name="John", email="john@example.com", phone="1", budget_min=5, source="Portal")
    header = "First Name,Email,Phone,Status,Budget Min"
    report = import_leads(
        write_csv(tmp_path, "John Q,JOHN@example.com,,Closed,", header=header), "--on-duplicate", "update"
    )
    assert counts(report) == (1, 0, 1, 0, 0)
    lead.refresh_from_db()
    assert (lead.first_name, lead.email, lead.phone, lead.budget_min) == ("John Q", "JOHN@example.com", "1", 5)
    assert (lead.status, lead.source, lead.version) == ("closed", "Portal", 2)
    assert lead.closed_at is not None
    assert lead.search.startswith("john q")


def test_updates_of_one_lead_follow_each_other(tmp_path: Path) -> None:
    lead = make_lead(first_name="A", email="john@example.com", phone="1")
    rows = ["A,A,john@example.com,2,new", "A,B,john@example.com,3,lost", "A,B,new@example.com,3,won"]
    report = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "update")
    assert counts(report) == (3, 0, 3, 0, 0)
    lead.refresh_from_db()
    assert (lead.first_name, lead.email, lead.phone, lead.status) == ("A", "new@example.com", "3", "won")


def test_a_row_may_update_one_that_came_before_it(tmp_path: Path) -> None:
    rows = ["A,A,a@example.com,1,new", "A,A,a@example.com,1,lost"]
    report = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "update")
    assert counts(report) == (2, 1, 1, 0, 0)
    assert Lead.objects.get().status == "lost"


def test_an_update_obeys_the_rules(tmp_path: Path) -> None:
    lead = make_lead(email="john@example.com", budget_max=100)
    path = write_csv(tmp_path, "john@example.com,200", header="Email,Budget Min")
    report = import_leads(path, "--on-duplicate", "update", code=1)
    assert "budget_min" in report["problems"][0]["reason"]
    lead.refresh_from_db()
    assert (lead.budget_min, lead.version) == (None, 1)


def test_error_refuses_and_names_whom(tmp_path: Path) -> None:
    lead = make_lead(first_name="John", email="john@example.com")
    rows = ["J,S,john@example.com,1,new", "X,Y,x@example.com,2,new", "X,Z,X@example.com,3,new"]
    report = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "error", code=1)
    reasons = {p["line"]: p["reason"] for p in report["problems"]}
    assert f"lead {lead.pk}" in reasons[2]
    assert set(reasons) == {2, 4}
    assert Lead.objects.count() == 1
