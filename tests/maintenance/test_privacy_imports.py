"""Erasure in imports: the texts of those that name the person, their rows with errors, and all uploads."""

import errno
import io
import json
from contextlib import ExitStack
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError
from django.test import Client

from crm_project.storage.database import DatabaseStorage
from leads.back_office.stored_files import single_reader
from leads.importing import runs
from leads.importing.rejects import Stream
from leads.models import ImportRun, ImportUpload, Lead, LeadChange
from maintenance.privacy import erase as erasure
from tests.admin.people import browser_of
from tests.admin.test_import_page import form, upload
from tests.conftest import Case
from tests.factories import make_lead, make_user
from tests.maintenance.test_privacy import EMAIL, everything, exported, file_of, run
from tests.maintenance.test_privacy import boss as boss
from tests.maintenance.test_privacy import known as known
from tests.stored import content_of, stored_files

pytestmark = pytest.mark.django_db

OTHERS = "First name,Email,Last name\nAda,a@example.com,#REF!\nBob,b@example.com,Ng\n"
ACTIVITIES = "Lead email,Type,Title,Date,User\nlead@example.com,call,Hello,2026-10-03,\n"


def zerelda() -> Lead:
    return make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux", phone="+44 7700 900-123")


def test_all_of_an_import_that_names_them_goes_and_nothing_of_others(known: Lead, boss: Client) -> None:
    boss.post(
        upload(boss, OTHERS, "others.csv"),
        {**form(), "import": "1", "column-1": "email", "column-2": "last_name", "column-3": ""},
    )
    others = ImportRun.objects.values().latest("pk")
    upload(boss, OTHERS, "bystanders.csv")
    printed = run("erase_person", EMAIL, "--yes").split("Erased:")[1]
    assert "3 imports" in printed
    assert "2 files waiting to be imported" in printed
    run_of_page = ImportRun.objects.get(created=1, rejected=2)
    assert (run_of_page.file_name, {problem["value"] for problem in run_of_page.problems}) == ("erased", {"erased"})
    assert boss.get(f"/admin/leads/importrun/{run_of_page.pk}/change/").status_code == 200
    assert ImportRun.objects.values().get(pk=others["id"]) == others
    assert stored_files() == [others["rejects_file"]]


def test_names_of_files(case: Case) -> None:
    for name, erased in [
        ("zerelda.quux@example.com.csv", True),
        ("447700900123.csv", True),
        ("ＺＥＲＥＬＤＡ quux 2026.csv", True),
        ("quux.csv", False),
        ("fair 2026-11-26.csv", False),
    ]:
        with case(name, erased):
            zerelda()
            ImportRun.objects.create(
                file_name=name, sha256="0", state="refused", message="m", notes=["n"], options={"user": 1}
            )
            assert ("1 imports" in run("erase_person", EMAIL, "--yes")) == erased
            left = ImportRun.objects.get()
            assert (left.file_name, left.message, left.notes) == (
                ("erased", "erased", ["erased"]) if erased else (name, "m", ["n"])
            )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--set", f"property_interest=for {EMAIL}"],
        ["--ignore-columns", "Zerelda Quux notes"],
        ["--map", "Zerelda Quux notes=property_interest"],
        ["--set", "property_interest=call +44 7700 900-123", "--ignore-unknown"],
    ],
)
def test_settings_and_columns(tmp_path: Any, arguments: list[str]) -> None:
    zerelda()
    rows = "First name,Email,Zerelda Quux notes\nAda,a@example.com,x\n"
    run("import_leads", file_of(tmp_path, rows, "other.csv"), *arguments, "--ignore-unknown")
    run("erase_person", EMAIL, "--yes")
    left = ImportRun.objects.get()
    shown = f"{left.options} {left.notes} {left.message}"
    assert ("zerelda" in shown.lower(), "7700" in shown, left.created) == (False, False, 1)


def test_skipped_rows(tmp_path: Any) -> None:
    zerelda()
    rows = file_of(tmp_path, f"First name,Last name,Email\nZ.,Quux,{EMAIL}\nAda,Bee,a@example.com\n", "other.csv")
    run("import_leads", rows, "--on-duplicate", "skip")
    assert [text for found in exported()["imports"] for text in found["texts"]] == [EMAIL]
    run("erase_person", EMAIL, "--yes")
    (row,) = ImportRun.objects.get().skipped_rows
    assert (row["line"], row["name"], row["email"], row["phone"]) == (2, "erased", "erased", "erased")


def test_what_an_import_set_for_their_lead(tmp_path: Any) -> None:
    rows = file_of(tmp_path, f"First name,Email\nZerelda,{EMAIL}\n", "theirs.csv")
    run("import_leads", rows, "--set", "property_interest=A cellar, dry: for zithers")
    rows = file_of(tmp_path, "First name,Email\nAda,a@example.com\n", "other.csv")
    run("import_leads", rows, "--set", "property_interest=flat")
    run("erase_person", EMAIL, "--yes")
    assert "zither" not in everything()
    assert ImportRun.objects.get(file_name="other.csv").options["constants"] == {"property_interest": "flat"}


def test_the_author_that_an_import_of_activities_named(tmp_path: Any) -> None:
    make_user(username="zq", email=EMAIL)
    make_user(username="agent-2")
    make_lead(email="lead@example.com")
    run("import_activities", file_of(tmp_path, ACTIVITIES, "a.csv"), "--user", "zq")
    other = ACTIVITIES.replace("Hello", "Again")
    run("import_activities", file_of(tmp_path, other, "b.csv"), "--user", "agent-2")
    run("erase_person", EMAIL, "--yes")
    assert [one.options["user"] for one in ImportRun.objects.order_by("pk")] == ["erased", "agent-2"]


def test_titles_of_activities_that_went_with_their_import(tmp_path: Any) -> None:
    make_lead(email=EMAIL)
    make_user(username="agent-2")
    rows = ACTIVITIES.replace("lead@example.com", EMAIL).replace("Hello", "About zithers")
    run("import_activities", file_of(tmp_path, rows, "a.csv"), "--user", "agent-2")
    run("undo_import", str(ImportRun.objects.get().pk))
    assert "zither" in everything()
    entries = LeadChange.objects.count()
    run("erase_person", EMAIL, "--yes")
    assert "zither" not in everything()
    assert LeadChange.objects.count() == entries + 1
    assert browser_of("manager").get(f"/admin/leads/lead/{Lead.objects.get().pk}/history/").status_code == 200


def test_a_namesakes_row_is_erased_and_not_exported(boss: Client) -> None:
    zerelda()
    rows = "First name,Last name,Email,Phone\nZerelda,Quux,x@,1\nZerelda,Quux,,4.47E+11\nOk,Row,ok@example.com,1\n"
    boss.post(upload(boss, rows, "spring.csv"), {**form(), "import": "1"})
    (found,) = exported()["imports"]
    assert [text.partition("Zerelda")[2] for text in found["texts"]] == [",Quux,,4.47E+11"]
    run("erase_person", EMAIL, "--yes")
    assert ("Quux" in everything(), stored_files()) == (False, [])


def test_bad_rows_of_bytes_that_are_no_text(known: Lead, boss: Client) -> None:
    stored = ImportRun.objects.exclude(rejects_file="").get()
    stored.store_file("rejects_file", io.BytesIO(content_of(stored.rejects_file) + b"7,x,Zerelda,Quuxley,\xff,1\r\n"))
    assert exported()["imports"][-1]["texts"][-1] == "7,x,Zerelda,Quuxley,\N{REPLACEMENT CHARACTER},1"
    reply = boss.post("/admin/personal-data/download/", {"email": EMAIL})
    assert json.loads(b"".join(reply))["imports"][-1]["texts"]  # type: ignore[arg-type]


def test_our_own_words_name_nobody(tmp_path: Any) -> None:
    make_lead(email=EMAIL, first_name="On", last_name="Duplicate", phone="")
    make_lead(email=EMAIL, first_name="Field", last_name="Required", phone="")
    with pytest.raises(SystemExit):
        run("import_leads", file_of(tmp_path, "First name,Email\nAda,x@\n", "other.csv"), "--on-duplicate", "skip")
    before = ImportRun.objects.values().get()
    run("erase_person", EMAIL, "--yes")
    assert ImportRun.objects.values().get() == before


@pytest.mark.parametrize(
    "odd",
    [
        {"problems": [{"line": 1, "value": None}, {"table": "leads", "id": 1, "before": None, "after": 1.5}]},
        {"options": {"constants": None, "explicit": [], "ignored": [None, 5], "user": 5, "author_id": "x"}},
        {"options": {"constants": {"name": None, "phone": 5}, "explicit": {"x": None}}},
        {"notes": [None, 5, ["a"], {"a": "b"}], "kind": "legacy"},
    ],
)
def test_any_form_of_an_imports_columns(odd: dict[str, Any]) -> None:
    make_lead(email=EMAIL)
    ImportRun.objects.create(**{"file_name": f"{EMAIL}.csv", "sha256": "0", "state": "done", **odd})
    exported()
    run("erase_person", EMAIL, "--yes")
    assert EMAIL.lower() not in everything()


def test_nothing_is_erased_during_an_import() -> None:
    """An import stores its texts and its rows with errors at its end."""
    make_lead(email=EMAIL)
    with runs.running(file_name="Zerelda Quux.csv", sha256="0") as running:
        for arguments in ([], ["--dry-run"]):
            with pytest.raises(CommandError, match=rf"An import is running \(run {running.pk}\)"):
                run("erase_person", EMAIL, "--yes", *arguments)
        shown = browser_of("manager").post("/admin/personal-data/erase/", {"email": EMAIL}).content.decode()
        assert "An import is running" in shown
    assert "Erased:" in run("erase_person", EMAIL, "--yes")


def test_an_import_that_begins_while_others_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    make_lead(email=EMAIL)
    with ExitStack() as stack:
        begin = runs.running(file_name="Zerelda Quux.csv", sha256="0")
        monkeypatch.setattr(erasure, "lock_for_transaction", lambda lock: stack.enter_context(begin))
        with pytest.raises(CommandError, match="An import is running"):
            run("erase_person", EMAIL, "--yes")


def test_an_import_that_ends_for_want_of_room_has_ended(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lead(email=EMAIL)
    review = upload(boss, "First name,Last name,Email,Phone\nAda,King,x@,1\n", "a.csv")
    monkeypatch.setattr(Stream, "finish", mock.Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    assert "no space left" in boss.post(review, {**form(), "import": "1"}, follow=True).content.decode()
    stored = ImportRun.objects.get()
    assert (stored.state, "No space left" in stored.message) == ("refused", True)
    assert "Erased:" in run("erase_person", EMAIL, "--yes")


def test_an_upload_that_was_cut_off_goes() -> None:
    make_lead(email=EMAIL)
    name = f"{EMAIL}.csv"
    ImportUpload.objects.create(owner=make_user(), name=name, file="uploads/never-written", state={"file": name})
    assert "1 files waiting" in run("erase_person", EMAIL, "--yes").split("Erased:")[1]
    assert not ImportUpload.objects.exists()


def test_an_upload_in_use_stops_the_erasure(known: Lead, boss: Client) -> None:
    """The upload could be imported after the erasure."""
    before = everything()
    with single_reader():
        with pytest.raises(CommandError, match="Somebody is using a file"):
            run("erase_person", EMAIL, "--yes")
        agreed = boss.post("/admin/personal-data/erase/", {"email": EMAIL}).context["agreed"]
        answer = boss.post("/admin/personal-data/erase/", {"email": EMAIL, "typed": EMAIL, "agreed": agreed})
        assert "Somebody is using a file" in answer.content.decode()
    assert everything() == before
    assert "Erased:" in run("erase_person", EMAIL, "--yes")


def test_others_uploads_stay_where_nobody_is_erased(known: Lead) -> None:
    before = everything()
    run("erase_person", "nobody@example.com", "--yes")
    assert everything() == before


def test_files_that_cannot_be_read_stop_everything(known: Lead, boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything()
    failing = mock.Mock(side_effect=OSError(errno.EIO, "Input/output error"))
    with monkeypatch.context() as patch:
        patch.setattr(DatabaseStorage, "_open", failing)
        with pytest.raises(CommandError, match="cannot be read"):
            run("export_person", EMAIL)
        for page in ("", "download/"):
            assert "cannot be read" in boss.post(f"/admin/personal-data/{page}", {"email": EMAIL}).content.decode()
    monkeypatch.setattr(DatabaseStorage, "delete", failing)
    with pytest.raises(CommandError, match="cannot be read or changed"):
        run("erase_person", EMAIL, "--yes")
    assert set(before.split("\n")) <= set(everything().split("\n"))  # and entries of the exports that were tried
