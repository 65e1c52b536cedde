"""What erasing reaches beside the leads: files of imports and their accounts, replies kept for requests sent again."""

import csv
import io
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.test import Client

from leads.back_office.uploads import Upload
from leads.models import ImportRun, Lead
from tests.admin.conftest import upload_dir as upload_dir
from tests.admin.test_import_page import form, upload
from tests.conftest import Api
from tests.factories import bearer, lead_row, make_lead
from tests.security.test_personal_data import EMAIL, everything, file_of, run
from tests.security.test_personal_data import boss as boss
from tests.security.test_personal_data import known as known
from users.models import User

pytestmark = pytest.mark.django_db


def test_what_is_kept_of_an_upload_goes_and_no_other_row(known: Lead, boss: Client) -> None:
    waiting = upload(boss, "First name,Email\nBystander,b@example.com\n", "bystanders.csv")
    (kept,) = settings.UPLOAD_DIR.glob("rejects-*.csv")
    aged = kept.stat().st_mtime_ns
    told = run("erase_person", EMAIL, "--yes").split("Erased:")[1]
    for line in ("1 bad rows kept for download", "1 names and messages of imports", "2 files waiting to be imported"):
        assert line in told
    account = ImportRun.objects.exclude(file_name__in=["update.csv", "bad.csv"]).get()
    assert (account.file_name, account.created, account.rejected) == ("erased", 1, 2)
    reply = b"".join(boss.get(f"/admin/leads/importrun/{account.pk}/rejects/")).decode()  # type: ignore[arg-type]
    assert reply.splitlines()[0].startswith("import_line,import_problems,First name")
    assert [row.rpartition(",Ada,")[2] for row in reply.splitlines()[1:]] == ["Other,x@,1"]
    assert kept.stat().st_mtime_ns == aged
    assert "no longer here" in boss.get(waiting, follow=True).content.decode()
    assert list(settings.UPLOAD_DIR.glob("*/file")) == []


def test_bad_rows_that_cannot_be_read_go_as_a_whole(known: Lead) -> None:
    (kept,) = settings.UPLOAD_DIR.glob("rejects-*.csv")
    kept.write_text(kept.read_text() + f"5,x,{'y' * (1 << 21)},{EMAIL}\n")
    run("erase_person", EMAIL, "--yes")
    assert not kept.exists()


def test_others_uploads_stay_where_nobody_is_erased(known: Lead) -> None:
    before = everything()
    run("erase_person", "nobody@example.com", "--yes")
    assert everything() == before


def test_an_upload_that_is_being_imported_is_left_to_its_import(known: Lead) -> None:
    (folder,) = (path.parent for path in settings.UPLOAD_DIR.glob("*/file"))
    with Upload(folder).alone():
        assert "Erased:" in run("erase_person", EMAIL, "--yes")
    assert (folder / "file").exists()


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("zerelda.quux@example.com.csv", True),
        ("offer zerelda_quux_EXAMPLE_com.xlsx", True),
        ("00447700900123.csv", True),
        ("ＺＥＲＥＬＤＡ quux 2026.csv", True),
        ("quux.csv", False),
        ("zerelda.csv", False),
        ("fair 2026-11-26.csv", False),
    ],
)
def test_names_of_files_that_tell_of_them(name: str, hidden: bool) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux", phone="447700900123")
    ImportRun.objects.create(file_name=name, sha256="0", state="refused", message="m")
    told = run("erase_person", EMAIL, "--yes")
    assert ImportRun.objects.get().file_name == ("erased" if hidden else name)
    assert ("1 names and messages of imports" in told) == hidden


def test_an_address_that_a_lead_once_had_goes_from_kept_replies(agent: User) -> None:
    keyed = Api({**bearer(agent), "Idempotency-Key": "k2"})
    body = lead_row(email=EMAIL, first_name="Bob", last_name="Other")
    other = keyed.post("/api/leads", body).json()["id"]
    Api(bearer(agent)).put(f"/api/leads/{other}", {"email": "bob@other.example"})
    make_lead(email=EMAIL, first_name="Zerelda")
    run("erase_person", EMAIL, "--yes")
    again = keyed.post("/api/leads", body)
    assert (again.status_code, again.json()["email"], again.json()["first_name"]) == (201, "", "Bob")
    assert EMAIL.lower() not in everything()


def test_keys_of_requests_are_not_kept_as_they_came(agent: User) -> None:
    keyed = Api({**bearer(agent), "Idempotency-Key": f"create-{EMAIL}"})
    first = keyed.post("/api/leads", lead_row(email=EMAIL))
    assert keyed.post("/api/leads", lead_row(email=EMAIL)).status_code == 422
    run("erase_person", EMAIL, "--yes")
    assert EMAIL.lower() not in everything()
    assert Lead.objects.count() == 1
    assert first.status_code == 201


def test_settings_of_imports_that_tell_of_them(known: Lead, tmp_path: Any) -> None:
    rows = "First name,Email,Zerelda Quux notes\nAda,a@example.com,x\n"
    settings_of = ("--set", f"property_interest=for {EMAIL}", "--ignore-columns", "Zerelda Quux notes")
    run("import_leads", file_of(tmp_path, rows, "other.csv"), *settings_of)
    run("erase_person", EMAIL, "--yes")
    options = ImportRun.objects.get(file_name="other.csv").options
    assert "zerelda" not in str(options).lower()
    assert "erased" in str(options)


@pytest.mark.parametrize(
    ("first", "last", "email", "phone"),
    [
        ("Zerelda", "Quux", "zerelda(at)quux", "1"),
        ("Quuxley", "Zerelda", "x@", "1"),
        ("Z", "Q", "x@", "0044 7700 900-123 ext 4"),
        ("Z", "Q", "x@", "+44 7700 900 124"),
        ("Z\0", "Q", f"<{EMAIL}> home", "1"),
    ],
    ids=["names", "earlier names", "extension", "earlier number", "in a text"],
)
def test_bad_rows_that_are_theirs(known: Lead, boss: Client, first: str, last: str, email: str, phone: str) -> None:
    rows = f"First name,Last name,Email,Phone\n{first},{last},{email},{phone}\nBad,Row,y@,1\nOk,Row,ok@example.com,1\n"
    boss.post(upload(boss, rows, "spring.csv"), {**form(), "import": "1"})
    account = ImportRun.objects.get(file_name="spring.csv")
    run("erase_person", EMAIL, "--yes")
    reply = b"".join(boss.get(f"/admin/leads/importrun/{account.pk}/rejects/")).decode()  # type: ignore[arg-type]
    assert [row[2:6] for row in csv.reader(io.StringIO(reply))][1:] == [["Bad", "Row", "y@", "1"]]


def test_files_that_cannot_be_read_let_nothing_be_erased(known: Lead, boss: Client, tmp_path: Any) -> None:
    before = everything()
    was, settings.UPLOAD_DIR = settings.UPLOAD_DIR, tmp_path / "bad.csv"  # a file, where a folder should be
    with pytest.raises(CommandError, match="Nothing was erased"):
        run("erase_person", EMAIL, "--yes")
    with pytest.raises(CommandError, match="this is not all"):
        run("export_person", EMAIL)
    for page in ("", "download/", "erase/"):
        assert "cannot be read" in boss.post(f"/admin/personal-data/{page}", {"email": EMAIL}).content.decode()
    settings.UPLOAD_DIR = was
    assert everything() == before
