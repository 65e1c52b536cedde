"""``--on-duplicate``: who is there already, in the table and earlier in the file."""

import io
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.duplicates import leads_with_keys
from leads.importing import upsert_writer
from leads.models import ImportRun, Lead
from tests.factories import make_lead
from tests.importing.command import counts, import_leads, rows_of, summary, write_csv

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, params=[1, 2, 2000], ids=lambda size: f"batches of {size}")
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome must not depend on where one batch of rows ends and the next begins."""
    monkeypatch.setattr(upsert_writer, "BATCH", request.param)


def test_create_asks_nobody(tmp_path: Path) -> None:
    make_lead(email="john@example.com")
    report = import_leads(write_csv(tmp_path, "John,Smith,john@example.com,1,new", "John,Smith,john@example.com,1,new"))
    assert counts(report) == (2, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("row", "same"),
    [
        ("John,S,JOHN@Example.com,,new", True),
        ("J.,Smith,john@example.com,,new", True),
        ("Paul John,Smith,john@example.com,,new", True),
        ("JOHN-PAUL,Smith,john@example.com,,new", True),
        (",,john@example.com,,new", True),
        (",Smith,john@example.com,,new", True),
        (",Lee,john@example.com,,new", False),
        ("Jane,Smith,john@example.com,,new", False),
        ("Jo,Smith,john@example.com,,new", False),
        ("P. J. Q.,Smith,john@example.com,,new", False),
        ("Jo,S,JOHN@Example.com,,new", False),
        ("john,SMITH,,15550100,new", True),
        ("John,Smith,other@example.com,+1 (555) 0100,new", True),
        ("John  Smith,,,555-0100 ext. 7,new", True),
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
    assert (lead.first_name, lead.email, lead.phone, lead.status) == ("A", "new@example.com", "3", "closed")


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


def test_every_name_of_an_address_is_found_again(tmp_path: Path) -> None:
    rows = ["John,Smith,s@example.com,1,new", "Jane,Smith,s@example.com,2,new", "Jane,Doe,s@example.com,3,new"]
    report = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "skip")
    assert counts(report) == (3, 2, 0, 1, 0)
    assert "1 row has the address of somebody of another name, and became a lead of its own." in report["notes"]
    duplicate = {
        "line": 4,
        "action": "skipped",
        "of_line": 3,
        "name": "Jane Doe",
        "email": "s@example.com",
        "phone": "3",
    }
    assert report["skipped_rows"] == [duplicate]
    assert "1 row duplicated an earlier row of the same file." in report["notes"]


def test_the_summary_says_who_is_whose_duplicate(tmp_path: Path) -> None:
    lead = make_lead(first_name="John", last_name="Smith", email="s@example.com")
    rows = ["John,Smith,s@example.com,1,new", "Ann,Ng,,2,new", *["Ann,Ng,,2,new"] * 10]
    text = summary(write_csv(tmp_path, *rows), "--on-duplicate", "skip")
    assert f"line 2 (John Smith, s@example.com, 1) skipped: the same person as lead {lead.pk}" in text
    assert "line 4 (Ann Ng, 2) skipped: the same person as line 3" in text
    assert "… and 1 more duplicates (--skipped FILE writes down every such row)" in text


def test_fill_writes_what_is_blank_and_nothing_else(tmp_path: Path) -> None:
    lead = make_lead(first_name="Ann", last_name="Ng", email="ann@example.com", phone="", budget_max=5)
    header = "First Name,Last Name,Email,Phone,Status,Source,Budget Min,Budget Max,Property Interest"
    row = "Ann Maria,Oh,ANN@example.com,7,closed,Zillow,6,9,condo"
    report = import_leads(write_csv(tmp_path, row, header=header), "--on-duplicate", "fill")
    assert counts(report) == (1, 0, 1, 0, 0)
    lead.refresh_from_db()
    assert (lead.first_name, lead.last_name, lead.email, lead.phone) == ("Ann", "Ng", "ann@example.com", "7")
    assert (lead.status, lead.source, lead.closed_at) == ("new", "website", None)
    # A minimum of 6 would be above the maximum that is there.
    assert (lead.budget_min, lead.budget_max, lead.property_interest) == (None, 5, "condo")


def test_fill_skips_a_row_that_has_nothing_new(tmp_path: Path) -> None:
    lead = make_lead(first_name="Ann", last_name="Ng", email="ann@example.com", phone="1")
    report = import_leads(write_csv(tmp_path, "Ann,Ng,ann@example.com,2,new"), "--on-duplicate", "fill")
    assert counts(report) == (1, 0, 0, 1, 0)
    assert [(row["action"], row["lead_id"]) for row in report["skipped_rows"]] == [("skipped", lead.pk)]
    lead.refresh_from_db()
    assert (lead.phone, lead.version) == ("1", 1)


def test_fill_fills_the_lead_of_an_earlier_row(tmp_path: Path) -> None:
    rows = ["Ann,a@example.com,,,", "Ann,a@example.com,Zillow,contacted,1", "Ann,a@example.com,Web,lost,2"]
    path = write_csv(tmp_path, *rows, header="First Name,Email,Source,Status,Phone")
    assert counts(import_leads(path, "--on-duplicate", "fill")) == (3, 1, 1, 1, 0)
    lead = Lead.objects.get()
    # A default is not blank: nobody knows any more where it is from.
    assert (lead.source, lead.status, lead.phone) == ("website", "new", "1")


@pytest.mark.parametrize(
    ("stored", "given", "expected"),
    [
        ("new", "contacted", "contacted"),
        ("contacted", "qualified", "qualified"),
        ("qualified", "contacted", "qualified"),
        ("negotiation", "new", "negotiation"),
        ("closed", "negotiation", "closed"),
        ("closed", "lost", "lost"),
        ("lost", "closed", "closed"),
        ("sphere", "new", "sphere"),
        ("sphere", "contacted", "contacted"),
        ("closed", "sphere", "sphere"),
    ],
)
def test_an_update_does_not_go_back_to_an_earlier_status(
    tmp_path: Path, stored: str, given: str, expected: str
) -> None:
    lead = make_lead(first_name="Ann", email="ann@example.com", status=stored)
    path = write_csv(tmp_path, f"Ann,ann@example.com,{given},7", header="First Name,Email,Status,Phone")
    import_leads(path, "--on-duplicate", "update")
    lead.refresh_from_db()
    assert (lead.status, lead.phone) == (expected, "7")
    import_leads(path, "--on-duplicate", "update", "--update-status", "--again")
    lead.refresh_from_db()
    assert lead.status == given


def test_an_earlier_status_is_for_updates_alone(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "J,S,john@example.com,1,new")
    assert import_leads(path, "--on-duplicate", "skip", "--update-status", code=2) == {}


def test_skipped_and_updated_rows_are_written_to_a_file(tmp_path: Path) -> None:
    lead = make_lead(first_name="John", last_name="Smith", email="john@example.com")
    rows = ["John,Smith,john@example.com,1,lost", "Ann,Ng,ann@example.com,2,new", "Ann,Ng,ann@example.com,3,new"]
    path, skipped = write_csv(tmp_path, *rows), tmp_path / "skipped.csv"
    report = import_leads(path, "--on-duplicate", "update", "--skipped", skipped)
    assert f"Skipped and updated rows are in: {skipped}" in report["notes"]
    first, second = rows_of(skipped)
    assert (first["import_line"], first["import_problems"]) == ("2", f"updated: the same email as lead {lead.pk}")
    assert (second["import_line"], second["import_problems"]) == ("4", "updated: the same email as line 3")
    assert (second["First Name"], second["Phone"], second["Status"]) == ("Ann", "3", "new")


def test_no_file_is_written_without_duplicates(tmp_path: Path) -> None:
    skipped = tmp_path / "skipped.csv"
    import_leads(write_csv(tmp_path, "J,S,john@example.com,1,new"), "--on-duplicate", "skip", "--skipped", skipped)
    assert rows_of(skipped) == []


def test_rows_like_stored_leads_are_counted_where_nobody_decided(tmp_path: Path) -> None:
    make_lead(first_name="John", last_name="Smith", email="john@example.com", phone="555-555-0101")
    make_lead(first_name="Gone", email="gone@example.com", is_active=False)
    rows = [
        "John,Smith,JOHN@example.com,,new",
        "John,Smith,,+1 555 555 0101,new",
        "Jane,Smith,john@example.com,,new",
        "Gone,,gone@example.com,,new",
        "Ann,Ng,ann@example.com,,new",
        "Ann,Ng,ann@example.com,,new",
    ]
    report = import_leads(write_csv(tmp_path, *rows))
    assert counts(report) == (6, 6, 0, 0, 0)
    assert "2 of 6 rows look like existing leads (--on-duplicate decides)" in report["notes"]
    path = write_csv(tmp_path, "Eve,Ox,eve@example.com,,new", name="other.csv")
    assert not any("look" in note for note in import_leads(path)["notes"])


class Terminal(io.StringIO):
    """Standard output or input of somebody who sits at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "arguments", "is_asked", "stored"),
    [
        ("y", [], True, 2),
        ("n", [], True, 0),
        ("", [], True, 0),
        ("", ["--on-duplicate", "create"], False, 2),
        ("", ["--report", "json"], False, 2),
        ("", ["--dry-run"], False, 0),
    ],
)
def test_somebody_at_a_terminal_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    arguments: list[str],
    is_asked: bool,
    stored: int,
) -> None:
    make_lead(first_name="John", email="john@example.com")
    path = write_csv(tmp_path, "John,S,john@example.com,1,new", "Ann,Ng,ann@example.com,2,new")
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    errors = io.StringIO()
    with suppress(SystemExit):
        call_command("import_leads", str(path), *arguments, stdout=Terminal(), stderr=errors)
    assert bool(asked) == is_asked
    assert ("1 of 2 rows looks like an existing lead" in errors.getvalue()) == is_asked
    assert Lead.objects.count() == 1 + stored
    states = [] if arguments == ["--dry-run"] else ["done" if stored else "refused"]
    assert [*ImportRun.objects.values_list("state", flat=True)] == states


@pytest.mark.parametrize("column", ["email_key", "person_key"])
def test_leads_are_looked_up_by_index(column: str) -> None:
    for _ in range(100):
        make_lead()
    with CaptureQueriesContext(connection) as captured:
        leads_with_keys(column, {"a", "b"})
    (query,) = captured
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE leads_lead")
            cursor.execute("SET LOCAL enable_seqscan = off")  # which is faster on a small table
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {query['sql'].replace('%', '%%')}")
        plan = str(cursor.fetchall())
    assert f"leads_{column}" in plan
