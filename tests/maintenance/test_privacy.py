"""``manage.py export_person`` and ``erase_person``: all that is stored about a person, exported and erased."""

import errno
import io
import json
import zlib
from itertools import product
from typing import Any
from unittest import mock

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from activities.models import Activity
from dashboard.queries import stats
from leads.models import ImportRun, Lead, LeadChange
from maintenance.privacy.subject import NOT_SEARCHED
from tests.admin.test_import_page import form, upload
from tests.conftest import Api, Case
from tests.factories import bearer, lead_row, make_activity, make_lead, make_user
from tests.stored import content_of, stored_files
from users.models import User

pytestmark = pytest.mark.django_db

EMAIL = "Zerelda.Quux@Example.com"
OTHER_EMAIL = "zq@private.example"
NAMES = ("Zerelda", "Quuxley")
PHONE = "+44 7700 900-123"
INTEREST = "A cellar for zithers"
TRACES = ("zerelda", "quux", "7700 900", "7700900123", "zither", "zq@private")


def run(command: str, *arguments: str) -> str:
    """Return the output of a command."""
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def everything() -> str:
    """Return all values of all tables, with stored responses decompressed, and all uploads, in lower case."""
    texts = []
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            texts += [zlib.decompress(value) if _is_packed(model, value) else value for value in row]
    texts += [content_of(name).decode(errors="replace") for name in stored_files()]
    return "\n".join(map(str, texts)).lower()


def _is_packed(model: Any, value: Any) -> bool:
    return model.__name__ == "IdempotencyKey" and isinstance(value, bytes | memoryview) and len(value) != 32


def file_of(tmp_path: Any, text: str, name: str) -> str:
    """Return a file to import."""
    path = tmp_path / name
    path.write_text(text)
    return str(path)


@pytest.fixture
def known(api: Api, agent: User, boss: Client, tmp_path: Any) -> Lead:
    """Return a lead with data in every place where leads are stored."""
    keyed = Api({**bearer(agent), "Idempotency-Key": "once"})
    names = {"first_name": NAMES[0], "last_name": NAMES[1], "email": EMAIL, "phone": PHONE}
    lead_id = keyed.post("/api/leads", [lead_row(**names, property_interest=INTEREST), lead_row()]).json()[0]["id"]
    keyed.post(f"/api/leads/{lead_id}/activities", {**ACTIVITY, "notes": "Zerelda said so"})
    api.post(f"/api/leads/{lead_id}/activities", [ACTIVITY, {**ACTIVITY, "notes": ""}])
    api.put(f"/api/leads/{lead_id}", {"phone": "+44 7700 900-124", "last_name": "Quux"})
    api.put(f"/api/leads/{lead_id}", {"phone": PHONE, "first_name": "Zeldas"})
    rows = f"First name,Last name,Email,Budget min\nZeldas,Quux,{EMAIL},50000\n"
    run("import_leads", file_of(tmp_path, rows, "update.csv"), "--on-duplicate", "update")
    rows = f"First name,Email,Phone,Last name\nAda,x@example.com,1,#REF!\nOther,{EMAIL}..x,{PHONE},#REF!\n"
    with pytest.raises(SystemExit):
        run("import_leads", file_of(tmp_path, rows, "bad.csv"), "--on-error", "skip")
    bad = f"Ada,Other,x@,1\nZelda,Quux,{EMAIL}..x,{PHONE}\n"
    rows = f"First name,Last name,Email,Phone\n{bad}Eve,New,e@example.com,2\n"
    boss.post(upload(boss, rows, "Quuxley, ZERELDA (spring).csv"), {**form(), "import": "1"})
    upload(boss, rows.replace("Zelda", "Zerelda"), "waiting.csv")
    lead = Lead.objects.get(pk=lead_id)
    boss.post(f"/admin/leads/lead/{lead_id}/change/", {**FORM, **names, "seen_version": lead.version})
    assert LogEntry.objects.filter(object_repr__contains=NAMES[0]).exists()
    duplicate = make_lead(**{**names, "email": OTHER_EMAIL}, is_active=False)
    Lead.objects.filter(pk=duplicate.pk).update(merged_into=lead_id)
    return Lead.objects.get(pk=lead_id)


ACTIVITY = {"activity_type": "call", "title": "Call with Zerelda", "activity_date": "2026-10-03"}
FORM = {"status": "new", "source": "website", "property_interest": INTEREST, "is_active": "True", "_save": "1"}


@pytest.fixture
def boss(db: None) -> Client:
    """Return a superuser's browser."""
    client = Client()
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client


def exported(email: str = EMAIL) -> dict[str, Any]:
    """Return the exported document."""
    document: dict[str, Any] = json.loads(run("export_person", email))
    return document


def test_the_export_has_every_trace_of_a_lead(known: Lead) -> None:
    found = exported(EMAIL.upper())
    assert {lead["id"] for lead in found["leads"]} >= {known.pk}
    assert {lead["email"] for lead in found["leads"]} == {EMAIL, OTHER_EMAIL}
    assert len(found["activities"]) == 3
    assert any("Zeldas" in str(entry["changes"]) for entry in found["history"])
    assert {(lead["author"], lead["created_channel"]) for lead in found["leads"]} >= {("Agent One", "api")}
    assert found["values_to_undo_imports"][0]["before"]["email"] == EMAIL
    texts = [run["texts"] for run in found["imports"]]
    assert texts[:2] == [[EMAIL], [f"{EMAIL}..x"]]
    assert texts[2][0] == "Quuxley, ZERELDA (spring).csv"
    assert f"Zelda,Quux,{EMAIL}..x" in texts[2][-1]
    assert found["back_office_log"]
    assert found["users"] == []
    assert list(NOT_SEARCHED) == found["not_searched"]


def test_the_export_has_nothing_about_others(known: Lead) -> None:
    other = make_lead(first_name="Bystander")
    make_activity(other, make_user())
    assert "Bystander" not in run("export_person", EMAIL)
    assert {activity["lead_id"] for activity in exported()["activities"]} == {known.pk}


def test_nothing_is_left_of_an_erased_lead(known: Lead) -> None:
    assert all(trace in everything() for trace in TRACES)
    output = run("erase_person", EMAIL, "--yes")
    assert "2 leads" in output.split("Erased:")[1]
    left = everything()
    assert [trace for trace in TRACES if trace in left] == []
    known.refresh_from_db()
    assert (known.is_active, known.email_key, known.activity_count, known.budget_min) == (False, "", 3, 50_000)
    assert exported()["leads"] == []


def test_counts_and_audit_stay_consistent(known: Lead, api: Api) -> None:
    before = stats()
    entries, activities = LeadChange.objects.count(), Activity.objects.count()
    run("erase_person", EMAIL, "--yes")
    after = stats()
    assert after["total_leads"] == before["total_leads"] - 1
    assert after["total_activities"] == before["total_activities"] - 3
    assert (LeadChange.objects.count(), Activity.objects.count()) == (entries + 2, activities)
    assert run("verify").strip().endswith("no differences")
    assert api.get(f"/api/leads/{known.pk}").status_code == 404
    assert api.get("/api/dashboard").status_code == 200
    entry = LeadChange.objects.of_lead(known.pk)[0]
    assert (entry.kind, entry.channel, entry.changes) == (
        "deleted",
        "cli",
        {"erased": [False, True], "is_active": [True, False]},
    )


def test_a_request_that_is_sent_again_is_still_not_done_again(known: Lead, agent: User) -> None:
    leads = Lead.objects.count()
    keyed = Api({**bearer(agent), "Idempotency-Key": "second"})
    body = lead_row(email=EMAIL)
    keyed.post("/api/leads", body)
    run("erase_person", EMAIL, "--yes")
    again = keyed.post("/api/leads", body)
    assert (again.status_code, again.json()["email"], again["Idempotent-Replayed"]) == (201, "", "true")
    assert Lead.objects.count() == leads + 1


def test_undoing_an_import_brings_nothing_back(known: Lead) -> None:
    run("erase_person", EMAIL, "--yes")
    number = ImportRun.objects.get(updated=1).pk
    with pytest.raises(CommandError, match="can be taken back"):
        run("undo_import", str(number))
    assert not [trace for trace in TRACES if trace in everything()]


def test_a_dry_run_counts_and_changes_nothing(known: Lead) -> None:
    before = everything()
    output = run("erase_person", EMAIL, "--dry-run")
    assert "        2 leads\n        3 activities" in output
    assert everything() == before


def test_it_asks_first(known: Lead) -> None:
    before = everything()
    with mock.patch("builtins.input", return_value="y"), pytest.raises(CommandError, match="Nothing was erased"):
        run("erase_person", EMAIL)
    assert everything() == before
    with mock.patch("builtins.input", side_effect=EOFError), pytest.raises(CommandError, match="Nothing was erased"):
        run("erase_person", EMAIL)
    with mock.patch("builtins.input", return_value="yes"):
        assert "Erased:" in run("erase_person", EMAIL)
    assert not Lead.objects.filter(email=EMAIL).exists()


def test_the_log_has_an_entry_without_the_address(known: Lead, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="crm"):
        run("export_person", EMAIL)
        run("erase_person", EMAIL, "--yes")
    events = {record.msg: vars(record)["facts"] for record in caplog.records if "facts" in vars(record)}
    assert events == {
        "person_exported": {"leads": 2, "users": 0},
        "person_erased": {"leads": 2, "activities": 3, "users": 0},
    }
    assert EMAIL.lower() not in caplog.text.lower()


def test_what_is_no_address_is_refused(known: Lead, case: Case) -> None:
    for email, command in product(
        ["", "no address", "a@b", "x" * 400 + "@example.com", "a\0@example.com"], ["export_person", "erase_person"]
    ):
        with case(email, command):
            phone_only = make_lead(email="")
            with pytest.raises(CommandError, match="valid email address"):
                run(command, email)
            assert Lead.objects.filter(pk=phone_only.pk, is_active=True).exists()


def test_an_address_that_leads_nowhere(known: Lead) -> None:
    assert "nothing" in run("erase_person", "nobody@example.com", "--yes")
    assert exported("nobody@example.com")["leads"] == []


def test_a_failure_on_the_way_leaves_everything_as_it_was(known: Lead) -> None:
    before = everything()
    failing = mock.patch("maintenance.privacy.erase.log", side_effect=RuntimeError)
    with failing, pytest.raises(RuntimeError):
        run("erase_person", EMAIL, "--yes")
    assert everything() == before
    assert connection.in_atomic_block  # the test's own transaction


def test_of_a_lead_that_is_somebody_elses_by_now_the_address_alone(api: Api, boss: Client) -> None:
    """A lead without a name is called by its address."""
    lead = make_lead(email=EMAIL, first_name="", last_name="")
    names = {"first_name": "Grace", "last_name": "Hopper", "email": "grace@example.com", "phone": "+49 30 5550 0099"}
    boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**FORM, "email": EMAIL, "phone": "1", "seen_version": 1})
    api.put(f"/api/leads/{lead.pk}", names)
    boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**FORM, **names, "phone": "2", "seen_version": 3})
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {EMAIL, "Grace Hopper"}
    output = run("export_person", EMAIL)
    assert [("Grace" in output, "hopper" in output.lower(), "5550" in output)] == [(False, False, False)]
    assert [entry["object_repr"] for entry in json.loads(output)["back_office_log"]] == [EMAIL]
    assert [entry["fields"] for entry in json.loads(output)["former_use_of_the_address"]] == [["email"]]
    run("erase_person", EMAIL, "--yes")
    assert EMAIL.lower() not in everything()
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {"erased", "Grace Hopper"}
    lead.refresh_from_db()
    assert (lead.is_active, lead.first_name, lead.email) == (True, "Grace", "grace@example.com")


def test_an_address_that_a_lead_once_had_goes_from_stored_replies(agent: User) -> None:
    keyed = Api({**bearer(agent), "Idempotency-Key": f"create-{EMAIL}"})  # stored as a digest
    body = lead_row(email=EMAIL, first_name="Bob", last_name="Other")
    other = keyed.post("/api/leads", body).json()["id"]
    Api(bearer(agent)).put(f"/api/leads/{other}", {"email": "bob@other.example"})
    make_lead(email=EMAIL, first_name="Zerelda")
    run("erase_person", EMAIL, "--yes")
    again = keyed.post("/api/leads", body)
    assert (again.status_code, again.json()["email"], again.json()["first_name"]) == (201, "", "Bob")
    assert EMAIL.lower() not in everything()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_the_export_in_a_terminal_of_few_letters(encoding: str) -> None:
    make_lead(email=EMAIL, first_name="Zoë \N{GRINNING FACE}", last_name='"\\"')
    out = io.BytesIO()
    terminal = io.TextIOWrapper(out, encoding, write_through=True)
    call_command("export_person", EMAIL, stdout=terminal)
    (lead,) = json.loads(out.getvalue().decode(encoding))["leads"]
    assert (lead["first_name"], lead["last_name"]) == ("Zoë \N{GRINNING FACE}", '"\\"')


def test_an_export_that_cannot_be_written() -> None:
    make_lead(email=EMAIL)
    full = mock.Mock(encoding="utf-8", write=mock.Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(CommandError, match=r"could not be written \(No space left on device\)"):
        call_command("export_person", EMAIL, stdout=full)
