"""``manage.py import_leads``: what is stored, what is refused, and the account of every row."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from leads.importing.runs import state_of
from leads.models import ImportRun, Lead
from tests.conftest import Api
from tests.factories import make_lead, make_user
from tests.importing.command import HEADER, counts, import_leads, rows_of, summary, write_csv

pytestmark = pytest.mark.django_db

JOHN = "John,Smith,john@example.com,+1-555-0100,new"
ANA = "Ana,Ng,ana@example.com,+1-555-0102,Closed"
BAD = "Bad,Mail,nowhere,+1-555-0101,new"


def test_it_works(tmp_path: Path, api: Api) -> None:
    report = import_leads(write_csv(tmp_path, JOHN, ANA))
    assert (report["state"], counts(report)) == ("done", (2, 2, 0, 0, 0))
    ana = Lead.objects.get(first_name="Ana")
    assert (ana.status, ana.version, ana.email_key) == ("closed", 1, "ana@example.com")
    assert ana.closed_at is not None
    assert [row["first_name"] for row in api.get("/api/leads", q="5550100").json()] == ["John"]
    run = ImportRun.objects.get(pk=report["run"])
    assert (run.file_name, run.created, len(run.sha256), run.process != "") == ("leads.csv", 2, 64, True)


def test_one_bad_row_stores_nothing_and_every_problem_is_told(tmp_path: Path) -> None:
    report = import_leads(write_csv(tmp_path, JOHN, BAD, "X,Y,also bad,1,new"), code=1)
    assert (report["state"], counts(report)) == ("refused", (3, 0, 0, 0, 3))
    assert [(p["line"], p["column"], p["value"]) for p in report["problems"]] == [
        (3, "Email", "nowhere"),
        (4, "Email", "also bad"),
    ]
    assert not Lead.objects.exists()


def test_good_rows_go_in_and_bad_ones_come_back_to_be_mended(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    report = import_leads(write_csv(tmp_path, JOHN, BAD), "--on-error", "skip", "--rejects", rejects, code=3)
    assert counts(report) == (2, 1, 0, 0, 1)
    (row,) = rows_of(rejects)
    assert (row["import_line"], row["Email"]) == ("3", "nowhere")
    assert "e-mail" in row["import_problems"] or "email" in row["import_problems"]
    rejects.write_text(rejects.read_text().replace("nowhere", "bad@example.com"))
    assert counts(import_leads(rejects)) == (1, 1, 0, 0, 0)
    assert Lead.objects.filter(email="bad@example.com").exists()


def test_a_refused_import_also_writes_down_its_bad_rows(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    import_leads(write_csv(tmp_path, JOHN, BAD), "--rejects", rejects, code=1)
    assert [row["Email"] for row in rows_of(rejects)] == ["nowhere"]


def test_without_bad_rows_the_rejects_file_has_none(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    import_leads(write_csv(tmp_path, JOHN), "--rejects", rejects)
    assert rows_of(rejects) == []
    assert not list(tmp_path.glob("*.part"))


def test_a_dry_run_reports_the_same_and_stores_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path, JOHN, ANA)
    dry = import_leads(path, "--dry-run")
    assert (dry["state"], counts(dry)) == ("dry", (2, 2, 0, 0, 0))
    assert not Lead.objects.exists()
    assert counts(import_leads(path)) == counts(dry)


@pytest.mark.parametrize("mode", ["create", "update"])
def test_a_dry_run_uses_up_no_ids_and_no_number(tmp_path: Path, mode: str) -> None:
    make_user(is_superuser=True)
    first = import_leads(write_csv(tmp_path, JOHN))["run"]
    path = write_csv(tmp_path, JOHN, f"{ANA},blue", ANA, header=f"{HEADER},Shoe Colour", name="second.csv")
    options = ("--on-duplicate", mode, "--unknown", "note")
    dry = import_leads(path, *options, "--dry-run")
    report = import_leads(path, *options)
    assert (dry["run"], report["run"]) == (None, first + 1)
    assert (counts(dry), dry["notes"]) == (counts(report), report["notes"])
    ids = [*Lead.objects.order_by("pk").values_list("pk", flat=True)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert not ImportRun.objects.filter(state="dry").exists()


def test_a_refused_dry_run_counts_the_rows_with_errors(tmp_path: Path) -> None:
    path = write_csv(tmp_path, JOHN, "Bo,Li,bo@example,2,new", ANA)
    dry = import_leads(path, "--dry-run", code=1)
    assert (dry["state"], counts(dry)) == ("refused", (3, 2, 0, 0, 1))
    text = summary(path, "--dry-run")
    assert "1 row is bad, so nothing would be stored" in text
    assert "2 would have been new leads" in " ".join(text.split())
    assert counts(import_leads(path, code=1)) == (3, 0, 0, 0, 3)


def test_the_same_file_is_refused_unless_again(tmp_path: Path) -> None:
    path = write_csv(tmp_path, JOHN)
    import_leads(path)
    refused = import_leads(path, code=1)
    assert "imported already" in refused["message"]
    assert counts(import_leads(path, "--again")) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--on-duplicate", "skip"]])
def test_runs_that_stored_nothing_do_not_count_as_earlier(tmp_path: Path, arguments: list[str]) -> None:
    make_lead(first_name="John", email="john@example.com")
    path = write_csv(tmp_path, JOHN)
    import_leads(path, *arguments)
    assert import_leads(path)["state"] == "done"


def test_unknown_headers_are_refused_with_near_misses(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "John,x", header="First Nmae,Email")
    report = import_leads(path, code=1)
    assert "First Nmae" in report["message"]
    assert "First Name" in report["message"]
    path = write_csv(tmp_path, "John,j@example.com,7", header="First Name,Email,Shoe size")
    assert import_leads(path, "--ignore-unknown")["created"] == 1
    assert import_leads(path, "--again", "--ignore-columns", "Shoe size")["created"] == 1
    assert import_leads(path, "--again", "--map", "Shoe size=property_interest")["created"] == 1
    assert Lead.objects.filter(property_interest="7").exists()


def test_no_column_goes_nowhere_without_a_word(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "John,j@example.com,tall,7", header="First Name,Email,Notes,Shoe size")
    text = summary(path, "--ignore-unknown")
    assert "Not imported, a lead has no such field: Notes" in text
    assert "Unknown and ignored as asked: Shoe size" in text


def test_constants_fill_every_row(tmp_path: Path) -> None:
    import_leads(write_csv(tmp_path, JOHN), "--set", "source=Trade fair")
    assert Lead.objects.get().source == "Trade fair"


def test_history_is_kept(tmp_path: Path) -> None:
    header = "First Name,Email,Date Added,Status"
    import_leads(write_csv(tmp_path, "John,j@example.com,2024-03-05T10:00:00Z,closed", header=header))
    lead = Lead.objects.get()
    assert lead.created_at == lead.closed_at == datetime(2024, 3, 5, 10, tzinfo=UTC)


def test_several_files_are_one_import(tmp_path: Path) -> None:
    good, bad = write_csv(tmp_path, JOHN, name="good.csv"), write_csv(tmp_path, BAD, name="bad.csv")
    report = import_leads(good, bad, code=1)
    assert (report["state"], report["read"], report["rejected"]) == ("refused", 2, 2)
    assert not Lead.objects.exists()
    report = import_leads(good, write_csv(tmp_path, ANA, name="more.csv"))
    assert counts(report) == (2, 2, 0, 0, 0)
    assert [file["file"] for file in report["files"]] == ["good.csv", "more.csv"]


@pytest.mark.parametrize(
    "content", [b"", b"First Name,Email\n", b"%PDF-1.4 not a list", b"PK\x03\x04 not a workbook", b"\0\0\0\0"]
)
def test_unreadable_files_are_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    report = import_leads(path, code=1)
    assert report["state"] == "refused"
    assert report["message"]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in import_leads(tmp_path / "nowhere.csv", code=1)["message"]


def test_summary_is_for_people(tmp_path: Path) -> None:
    text = summary(write_csv(tmp_path, JOHN, *[f"A,B,bad{n},1,new" for n in range(12)]), "--on-error", "skip")
    assert "Imported leads.csv" in text
    assert "1 new leads" in text
    assert "line 3, Email" in text
    assert "2 more problems" in text


def test_quiet_is_quiet(tmp_path: Path) -> None:
    assert summary(write_csv(tmp_path, JOHN), "-v0") == ""


def test_the_account_must_add_up(tmp_path: Path) -> None:
    run = ImportRun.objects.get(pk=import_leads(write_csv(tmp_path, JOHN))["run"])
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).update(skipped=1)


def test_a_running_run_without_a_process_has_died(tmp_path: Path) -> None:
    path = write_csv(tmp_path, JOHN)
    run = ImportRun.objects.create(file_name="leads.csv", sha256="0" * 64, process="elsewhere, process 1")
    assert state_of(run) == "died"
    assert import_leads(path)["state"] == "done"


def test_what_the_list_endpoint_replies_can_be_imported(tmp_path: Path, api: Api) -> None:
    make_lead(first_name="Zoë", budget_max=7, property_interest="two\nlines")
    path = tmp_path / "saved.json"
    path.write_bytes(api.get("/api/leads").content)
    assert counts(import_leads(path)) == (1, 1, 0, 0, 0)
    rows = [{**row, "id": 0, "updated_at": ""} for row in api.get("/api/leads").json()]
    assert rows[0] == rows[1]


def test_the_rejects_file_never_takes_the_place_of_the_file_itself(tmp_path: Path) -> None:
    path = write_csv(tmp_path, JOHN, BAD)
    before = path.read_text()
    assert "choose another" in import_leads(path, "--rejects", path, "--on-error", "skip", code=1)["message"]
    assert path.read_text() == before
    assert not Lead.objects.exists()


def test_a_rejects_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    assert "folder" in import_leads(write_csv(tmp_path, JOHN), "--rejects", tmp_path, code=1)["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["leads.csv"]


@pytest.mark.parametrize("number", ["99999999999999999999", "1e30", "1e400", "-1e400"])
def test_numbers_beyond_everything_are_left_over(tmp_path: Path, number: str) -> None:
    path = tmp_path / "leads.json"
    path.write_text(f'[{{"first_name": "B", "budget_max": 5}}, {{"first_name": "A", "budget_max": {number}}}]')
    report = import_leads(path)
    assert counts(report) == (2, 2, 0, 0, 0)
    assert report["remainders"][-1]["column"] == "budget_max"
    assert not Lead.objects.filter(budget_max__gt=10_000).exists()


def test_a_row_that_was_no_json_is_not_a_lead_when_it_is_fed_back(tmp_path: Path) -> None:
    path, rejects = tmp_path / "leads.jsonl", tmp_path / "rejects.csv"
    path.write_text('{"first_name": "A", "email": "a@x.com"}\n{"first_name": "B" "email": "b@x.com"}\n')
    import_leads(path, "--on-error", "skip", "--rejects", rejects, code=3)
    assert import_leads(rejects, "--on-error", "skip", code=3)["created"] == 0


def test_the_report_says_how_the_file_was_read_and_where_bad_rows_are(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    report = import_leads(write_csv(tmp_path, JOHN, BAD), "--on-error", "skip", "--rejects", rejects, code=3)
    assert "Read as: csv, utf-8, delimiter ','" in report["notes"]
    assert f"Bad rows are in: {rejects}" in report["notes"]


def test_of_several_files_the_one_at_fault_is_told(tmp_path: Path) -> None:
    good, bad = write_csv(tmp_path, JOHN, name="good.csv"), write_csv(tmp_path, BAD, name="bad.csv")
    assert "1 row is bad" in import_leads(good, bad, code=1)["message"]
