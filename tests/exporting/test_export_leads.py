"""``manage.py export_leads``: which leads, in which form, and nothing half done."""

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from activities.exporting import of_leads
from activities.models import Activity
from leads import consent_cells
from leads.consents import Consent
from leads.exporting import run, tables
from leads.exporting.run import REVOKED_WAYS
from leads.models import ImportRun, Installation, Lead, LeadChange
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.exporting.command import export_leads, refused, rows_of
from tests.factories import SOMEBODY, activity_row, bearer, make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

NAMES = ["leads.csv", "leads.csv.gz", "leads.xlsx", "leads.jsonl", "leads.jsonl.gz"]
ALIKE = ["leads.csv", "leads.xlsx", "leads.jsonl"]
CONSENTS = (*REVOKED_WAYS, *consent_cells.COLUMNS)
WORDING = 'I agree to calls,\nuntil I say "no"'


@pytest.mark.parametrize("name", NAMES)
def test_it_works(tmp_path: Path, api: Api, name: str) -> None:
    make_lead(first_name="Ann", budget_min=5, budget_max=2**63 - 1, property_interest="two\nlines")
    make_lead(first_name="Bo")
    make_lead(first_name="Gone", is_active=False)
    rows = export_leads(tmp_path / name)
    assert [row["first_name"] for row in rows] == ["Bo", "Ann"]
    shown = api.get("/api/leads").json()[1]
    del shown["is_active"]
    assert list(rows[1]) == [*shown, "closed_at", "owner", "tags", *CONSENTS, "installation"]
    assert rows[1].pop("installation") == Installation.current_name()
    assert (rows[1].pop("owner"), rows[1].pop("tags")) == (None if "jsonl" in name else "", "")
    assert rows[1].pop("closed_at") == (None if "jsonl" in name else "")
    assert {rows[1].pop(column) for column in CONSENTS} == {None if "jsonl" in name else ""}
    number = {"xlsx": float, "csv": str}.get(name.split(".")[1], int)
    expected = {field: "" if value is None and "jsonl" not in name else value for field, value in shown.items()}
    expected |= {field: number(shown[field]) for field in ("id", "budget_min", "activity_count")}
    assert rows[1] == expected | {
        "phone": ("'" if "csv" in name else "") + shown["phone"],
        "budget_max": 2**63 - 1 if "jsonl" in name else str(2**63 - 1),
    }


@pytest.mark.parametrize("name", ALIKE)
def test_revoked_consent_comes_back(tmp_path: Path, name: str) -> None:
    leads = {"Ann": make_lead(first_name="Ann"), "Bo": make_lead(first_name="Bo"), "Cy": make_lead(first_name="Cy")}
    for first_name, channel, state in (("Ann", "all", "revoked"), ("Bo", "text", "revoked"), ("Cy", "call", "granted")):
        clean = {"channel": channel, "state": state, "wording": None, "evidence": None}
        Consent.objects.record(leads[first_name].pk, clean, SOMEBODY)
    assert [row["first_name"] for row in export_leads(tmp_path / name, "--contactable", "text")] == ["Cy"]
    export_leads(tmp_path / name)
    Lead.objects.update(is_active=False)
    call_command("import_leads", str(tmp_path / name), verbosity=0)
    imported = dict(Lead.objects.active().values_list("first_name", "pk"))
    found = Consent.objects.in_force(imported.values())
    assert {first_name: list(found[pk].values()) for first_name, pk in imported.items()} == {
        "Ann": ["revoked"] * 3,
        "Bo": [None, "revoked", None],
        "Cy": ["granted", None, None],
    }
    assert not Lead.objects.active().exclude(activity_count=0).exists()  # no notes of it


@pytest.mark.parametrize(
    ("name", "on_duplicate"), [("leads.csv", "create"), ("leads.xlsx", "skip"), ("leads.jsonl", "update")]
)
def test_granted_consent_comes_back_with_its_time_and_wording(tmp_path: Path, name: str, on_duplicate: str) -> None:
    lead = make_lead(first_name="Ann", email="ann@example.com")
    grant = {"channel": "all", "state": "granted", "wording": WORDING, "evidence": "Form of 4 March"}
    at = Consent.objects.record(lead.pk, grant, SOMEBODY).created_at
    Consent.objects.record(lead.pk, {**grant, "channel": "text", "state": "revoked"}, SOMEBODY)
    export_leads(tmp_path / name)
    Lead.objects.update(is_active=False)
    for dry_run in (True, False):
        call_command("import_leads", str(tmp_path / name), on_duplicate=on_duplicate, dry_run=dry_run, verbosity=0)
    stored = Consent.objects.filter(lead=Lead.objects.active().get()).order_by("pk")
    texts = (WORDING, "Form of 4 March")
    assert list(stored.values_list("channel", "state", "wording", "evidence")) == [
        ("call", "granted", *texts),
        ("email", "granted", *texts),
        ("text", "revoked", None, f"Import of {name}"),
    ]
    assert {consent.created_at for consent in stored if consent.state == "granted"} == {at}
    run = ImportRun.objects.get(state="done")
    assert "1 lead agreed to emails. Recorded for new leads." in run.notes
    assert (run.pk, "import") == (stored[0].import_run_id, stored[0].through)
    log = LeadChange.objects.filter(kind="consent", import_run=run).order_by("pk").values_list("changes", flat=True)
    assert {"consent_call": [None, "granted"], "consent_email": [None, "granted"]} in log


GRANT = '{"granted_at":"2026-03-04T10:15:00Z","wording":null,"evidence":null}'


def test_a_file_grants_stored_leads_nothing(tmp_path: Path) -> None:
    """What is recorded here counts. An undone import would otherwise leave consents that nobody gave."""
    lead = make_lead(first_name="Ann", email="ann@example.com")
    [row] = export_leads(tmp_path / "leads.jsonl")
    (tmp_path / "leads.jsonl").write_text(json.dumps({**row, "consent_call": GRANT}))
    for action in ("skip", "fill", "update"):
        call_command("import_leads", str(tmp_path / "leads.jsonl"), on_duplicate=action, again=True, verbosity=0)
    assert Lead.objects.get() == lead
    assert not Consent.objects.exists()


def test_only_cells_of_an_export_grant(tmp_path: Path, case: Case) -> None:
    make_user(is_superuser=True)
    make_lead()
    [own] = export_leads(tmp_path / "leads.jsonl")
    bad = ("yes", "granted", "{}", "[]", "null", '"x"', "1" * 30, GRANT[:-1], GRANT.replace("Z", ""))
    bad += (GRANT.replace("2026", "9000"), GRANT.replace("null", "7"), GRANT.replace("null", f'"{"x" * 2001}"'))
    rows = {cell: {**own, "consent_email": cell} for cell in bad}
    rows["foreign"] = {"first_name": "Bo", "last_name": "Li", "email": "b@example.com", "consent_email": GRANT}
    for cell, row in rows.items():
        with case(cell):
            (tmp_path / "file.jsonl").write_text(json.dumps(row))
            call_command("import_leads", str(tmp_path / "file.jsonl"), unknown="note", verbosity=0)
            assert not Consent.objects.exists()
            [note] = Activity.objects.values_list("notes", flat=True)
            assert note == f"consent_email: {row['consent_email']}"  # nothing is lost


def test_only_what_the_list_endpoint_would_find(tmp_path: Path, api: Api) -> None:
    make_lead(first_name="Ann", status="contacted", source="Referral", budget_min=5)
    make_lead(first_name="Bo", status="new", source="referral", budget_max=9)
    make_lead(first_name="Cy", status="lost", source="website")
    wishes = [
        {"q": "ANN love"},
        {"status": "Contacted"},
        {"status": "all"},
        {"source": "REFERRAL"},
        {"min_budget": "6"},
        {"max_budget": "6"},
        {"min_budget": "", "q": "", "source": ""},
        {"source": "referral", "status": "new", "min_budget": "9", "max_budget": "9"},
        {"q": "nobody"},
    ]
    for query in wishes:
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in query.items()]
        rows = export_leads(tmp_path / "leads.jsonl", *arguments)
        assert [row["id"] for row in rows] == [lead["id"] for lead in api.get("/api/leads", **query).json()], query


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--min-budget=lots"], "--min-budget 'lots': Input should be a valid integer"),
        (["--max-budget=-1"], "--max-budget '-1': Input should be greater than or equal to 0"),
        (["--q", "a" * 1001], "at most 1000 characters"),
        (["--format=pdf"], "invalid choice"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    path = tmp_path / "leads.csv"
    code, message = refused("--output", path, *arguments)
    assert code == 2 or "--format=pdf" in arguments  # argparse itself ends a real process with 2
    assert sentence in message
    assert not list(tmp_path.iterdir())


def test_a_name_that_says_no_format_needs_one(tmp_path: Path) -> None:
    make_lead(first_name="Ann")
    assert refused("--output", tmp_path / "leads.txt")[0] == 2
    assert refused("--output", tmp_path / "leads.xlsx.gz")[0] == 2
    call_command("export_leads", "--output", str(tmp_path / "leads.txt"), "--format", "jsonl", stdout=io.StringIO())
    assert json.loads((tmp_path / "leads.txt").read_bytes())["first_name"] == "Ann"


def test_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    make_lead(first_name="Zoë")
    call_command("export_leads", "--output", "-", stderr=io.StringIO())
    rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert [row["first_name"] for row in rows] == ["Zoë"]
    call_command("export_leads", "--output", "-", "--format", "jsonl", stderr=io.StringIO())
    assert json.loads(capsysbinary.readouterr().out)["first_name"] == "Zoë"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "'=", "''+"])
def test_no_cell_is_run_as_a_formula(tmp_path: Path, start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    make_lead(first_name=text, property_interest=text)
    (row,) = export_leads(tmp_path / "leads.csv")
    assert row["first_name"] == row["property_interest"] == f"'{text}"
    assert export_leads(tmp_path / "raw.csv", "--raw")[0]["first_name"] == text
    assert export_leads(tmp_path / "leads.jsonl")[0]["first_name"] == text
    # A workbook's cell is text by its type; only what would lose an apostrophe on the way back gets another.
    assert export_leads(tmp_path / "leads.xlsx")[0]["first_name"] == ("'" if start[0] == "'" else "") + text


def test_nothing_appears_before_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lead(first_name="Ann")
    path = tmp_path / "leads.csv"
    path.write_text("yesterday's")

    def fail(*_: object) -> None:
        assert path.read_text() == "yesterday's"
        raise DatabaseError("the connection is gone")

    monkeypatch.setattr("leads.exporting.run.iso", fail)
    with pytest.raises(CommandError, match="the connection is gone"):
        export_leads(path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("leads.csv", "yesterday's")]


@pytest.mark.parametrize("name", ALIKE)
def test_an_earlier_file_is_replaced_and_a_link_stays_one(tmp_path: Path, name: str) -> None:
    make_lead(first_name="Ann")
    real, link = tmp_path / name, tmp_path / f"latest-{name}"
    real.write_text("yesterday's")
    link.symlink_to(real)
    export_leads(link)
    assert link.is_symlink()
    assert rows_of(real)[0]["first_name"] == "Ann"


def test_a_device_is_written_to_and_stays_one() -> None:
    out = io.StringIO()
    call_command("export_leads", "--output", os.devnull, "--format", "csv", stdout=out)
    assert not Path(os.devnull).is_file()
    assert "Exported 0 leads" in out.getvalue()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "leads.csv", tmp_path):
        code, message = refused("--output", path, "--format", "csv")
        assert (code, message.startswith(f"cannot write {path}")) == (1, True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("\U0001f600" * 16_384, "longer than the 32,767 characters"), ("so \ufffe so", "no workbook can hold")],
)
def test_what_a_workbook_cannot_hold_is_refused_and_never_cut_off(tmp_path: Path, text: str, reason: str) -> None:
    lead = make_lead(property_interest=text)
    code, message = refused("--output", tmp_path / "leads.xlsx")
    assert code == 1
    assert f"property_interest of leads number {lead.pk}" in message
    assert reason in message
    assert not list(tmp_path.iterdir())
    assert export_leads(tmp_path / "leads.csv")[0]["property_interest"] == text


def test_the_longest_text_fits_into_a_workbook(tmp_path: Path) -> None:
    make_lead(property_interest="x" * 20_000)
    assert export_leads(tmp_path / "leads.xlsx")[0]["property_interest"] == "x" * 20_000


def test_more_rows_than_a_workbook_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    make_lead()
    make_lead()
    assert len(export_leads(tmp_path / "leads.xlsx")) == 2
    make_lead()
    code, message = refused("--output", tmp_path / "more.xlsx")
    assert (code, "a workbook holds 2 leads at most" in message) == (1, True)
    assert len(export_leads(tmp_path / "leads.csv")) == 3


def test_activities_go_along(tmp_path: Path, agent: User) -> None:
    lead, other = make_lead(email="ann@example.com"), make_lead()
    make_activity(lead, agent, title="first", activity_date="2026-10-01")
    make_activity(lead, agent, title="=second", notes="two\nlines", duration=5, activity_date="2026-10-02")
    newest, oldest = export_leads(tmp_path / "leads.jsonl", "--with-activities")
    assert (newest["id"], newest["activities"]) == (other.pk, [])
    second, first = oldest["activities"]
    assert (first["title"], first["notes"], first["activity_date"]) == ("first", None, "2026-10-01")
    assert (second["user"], second["user_name"], second["duration"]) == (agent.username, "Agent One", 5)
    for name in ("leads.csv.gz", "leads.xlsx"):
        assert [row["activity_count"] for row in export_leads(tmp_path / name, "--with-activities")]
        rows = rows_of(tmp_path / name.replace("leads", "leads-activities"))
        guard = "'" if "csv" in name else ""
        assert [row["title"] for row in rows] == [f"{guard}=second", "first"]
        assert {(int(row["lead_id"]), row["lead_email"]) for row in rows} == {(lead.pk, "ann@example.com")}


def test_only_the_activities_of_exported_leads_go_along(tmp_path: Path, agent: User) -> None:
    for status in ("new", "lost"):
        make_activity(make_lead(status=status), agent, title=status)
    export_leads(tmp_path / "leads.csv", "--with-activities", "--status", "lost")
    assert [row["title"] for row in rows_of(tmp_path / "leads-activities.csv")] == ["lost"]


def test_activities_need_a_second_file_but_in_json_lines(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert refused("--output", "-", "--with-activities")[0] == 2
    assert refused("--output", os.devnull, "--format", "xlsx", "--with-activities")[0] == 2
    assert capsysbinary.readouterr().out == b""


@pytest.mark.django_db(transaction=True)
def test_who_writes_meanwhile_does_not_wait_and_does_not_show(
    concurrent_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.exporting.run.CHUNK", 2)
    agent, leads = make_user(), [make_lead() for _ in range(6)]
    oldest, newest = leads[0], leads[-1]
    make_activity(oldest, agent)
    rows: list[dict[str, Any]] = []

    def write(row: Mapping[str, Any]) -> None:
        if not rows:
            api = Api(bearer(agent))
            paths = f"/api/leads/{leads[1].pk}", f"/api/leads/{oldest.pk}/activities"
            replies = together(lambda: api.delete(paths[0]), lambda: api.post(paths[1], activity_row()))
            assert [reply.status_code for reply in replies] == [204, 201]
        rows.append(dict(row))

    assert run.export_leads(Lead.objects.all(), write, [run.Attached("activities", of_leads)]) == 6
    assert [row["id"] for row in rows] == [lead.pk for lead in reversed(leads)]
    assert (rows[0]["id"], rows[-1]["activity_count"], len(rows[-1]["activities"])) == (newest.pk, 1, 1)
    assert Lead.objects.active().count() == 5


def test_an_export_of_nobody_has_a_header(tmp_path: Path) -> None:
    assert export_leads(tmp_path / "leads.csv") == []
    assert (tmp_path / "leads.csv").read_text().startswith("id,first_name,last_name,email,phone,status,source,")
    assert Lead.objects.count() == 0
