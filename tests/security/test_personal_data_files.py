"""What erasing reaches beside the leads: files of imports and their accounts, replies kept for requests sent again."""

import csv
import io
import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from leads.models import ImportRun, Lead
from tests.admin.conftest import upload_dir as upload_dir
from tests.admin.test_import_page import form, upload
from tests.conftest import Api
from tests.factories import bearer, lead_row, make_lead, make_user
from tests.security.test_personal_data import EMAIL, everything, exported, file_of, run
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


def test_bad_rows_of_bytes_that_are_no_text(known: Lead, boss: Client) -> None:
    (kept,) = settings.UPLOAD_DIR.glob("rejects-*.csv")
    kept.write_bytes(kept.read_bytes() + b"7,x,Zerelda,Quux,\xff@,1\r\n")
    assert "\\udcff@" in exported()["bad_rows_kept"][-1]["row"]
    reply = boss.post("/admin/personal-data/download/", {"email": EMAIL})
    assert "\\udcff@" in str(json.loads(b"".join(reply)))  # type: ignore[arg-type]
    run("erase_person", EMAIL, "--yes")
    assert b"\xff" not in kept.read_bytes()


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


def test_a_column_named_after_them_goes_from_what_was_wrong_in_it(tmp_path: Any) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    rows = "First name,Email,Budget of Zerelda Quux\nAda,a@example.com,much\nBob,b@example.com,5\n"
    arguments = (file_of(tmp_path, rows, "other.csv"), "--map", "Budget of Zerelda Quux=budget_max")
    with pytest.raises(SystemExit):
        run("import_leads", *arguments, "--on-error", "skip")
    (problem,) = ImportRun.objects.get().problems
    run("erase_person", EMAIL, "--yes")
    assert ImportRun.objects.get().problems == [{**problem, "column": "erased"}]
    assert problem["value"] == "much"


@pytest.mark.parametrize(
    ("header", "arguments"),
    [
        ("First name,Email", ["--set", "last_name=Quux", "--set", "phone=1", "--ignore-columns", "Zerelda"]),
        ("First name,Email,Quux", ["--ignore-columns", "Quux,Zerelda"]),
        ("First name,Quux,Email,Phone", ["--ignore-unknown", "--set", "source=other"]),
        (
            "Email,Phone",
            ["--set", "first_name=Zerelda", "--set", "source=other", "--set", "last_name=Quux", "--ignore-unknown"],
        ),
    ],
)
def test_first_and_last_name_said_apart(tmp_path: Any, header: str, arguments: list[str]) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    cells = ",".join("a@example.com" if name == "Email" else "1" for name in header.split(","))
    run("import_leads", file_of(tmp_path, f"{header},Zerelda\n{cells},x\n", "other.csv"), *arguments)
    before = ImportRun.objects.get()
    run("erase_person", EMAIL, "--yes")
    account = ImportRun.objects.get()
    told = f"{account.options} {account.notes}".lower()
    assert ("zerelda" in told, "quux" in told) == (False, False)
    assert len(account.notes) == len(before.notes)
    assert account.options.keys() == before.options.keys()


def test_one_half_of_a_name_is_anybodys(tmp_path: Any) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    rows = "First name,Email,Zerelda\nAda,a@example.com,x\n"
    run("import_leads", file_of(tmp_path, rows, "other.csv"), "--ignore-columns", "Zerelda")
    before = everything()
    assert "names and messages" not in run("erase_person", EMAIL, "--yes")
    assert before.count("['zerelda']") == everything().count("['zerelda']") == 1


def test_what_an_import_set_for_their_lead(tmp_path: Any) -> None:
    rows = f"First name,Email\nZerelda,{EMAIL}\n"
    interest = "A cellar, dry: for zithers"
    run("import_leads", file_of(tmp_path, rows, "theirs.csv"), "--set", f"property_interest={interest}")
    rows = "First name,Email\nAda,a@example.com\n"
    run("import_leads", file_of(tmp_path, rows, "other.csv"), "--set", "property_interest=flat")
    run("erase_person", EMAIL, "--yes")
    assert "zither" not in everything()
    assert ImportRun.objects.get(file_name="other.csv").options["constants"] == {"property_interest": "flat"}


@pytest.mark.parametrize("renamed", [False, True])
def test_the_author_that_an_import_of_activities_named(tmp_path: Any, renamed: bool) -> None:
    author = make_user(username="zq", email=EMAIL)
    make_user(username="agent-2")
    make_lead(email="lead@example.com")
    row = "lead@example.com,call,Hello,2026-10-03"
    rows = f"Lead email,Type,Title,Date,User\n{row},\n"
    run("import_activities", file_of(tmp_path, rows, "a.csv"), "--user", "zq")
    run("import_activities", file_of(tmp_path, rows.replace("Hello", "Again"), "b.csv"), "--user", "agent-2")
    if renamed:
        User.objects.filter(pk=author.pk).update(username="other", username_key="other")
    run("erase_person", EMAIL, "--yes")
    assert ImportRun.objects.get(file_name="a.csv").options["user"] == "erased"
    assert ImportRun.objects.get(file_name="b.csv").options["user"] == "agent-2"


def test_a_user_name_among_the_bad_values(tmp_path: Any) -> None:
    rows = "Lead email,Type,Title,Date,User\nlead@example.com,call,Hello,2026-10-03,zq\n"
    with pytest.raises(SystemExit):
        run("import_activities", file_of(tmp_path, rows, "a.csv"))
    make_user(username="ZQ", email=EMAIL)
    assert "zq" in {problem["value"] for problem in ImportRun.objects.get().problems}
    run("erase_person", EMAIL, "--yes")
    assert "zq" not in {problem["value"] for problem in ImportRun.objects.get().problems}


@pytest.mark.parametrize("told", ["Zerelda Quux", "Budget,Zerelda,Quux,More", "Zerelda,M.,Quux", "Zerelda,,-,Quux"])
def test_bad_rows_keep_their_header(boss: Client, told: str) -> None:
    rows = "First name,Email,Shoes\nAda,x@,1,2,3,4\n"
    boss.post(upload(boss, rows, "a.csv"), form(**{"import": "1", "column-1": "email", "column-2": ""}))
    (kept,) = settings.UPLOAD_DIR.glob("rejects-*.csv")
    kept.write_text(kept.read_text().replace("Shoes", told))
    before = kept.read_text().splitlines()
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    run("erase_person", EMAIL, "--yes")
    without = told.replace("Zerelda Quux", "erased").replace("Zerelda,", "erased,").replace("Quux", "erased")
    assert kept.read_text().splitlines() == [before[0].replace(told, without), *before[1:]]
    assert len(before) == 2


def test_a_namesakes_bad_values_are_told_to_nobody(tmp_path: Any) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    rows = "First name,Email\nA,Zerelda Quux <zz@private.example>; 1\nB,Zerelda Quux at home\n"
    with pytest.raises(SystemExit):
        run("import_leads", file_of(tmp_path, rows, "other.csv"))
    assert [problem["value"] for problem in exported()["problems_of_imports"]] == ["Zerelda Quux at home"]
    run("erase_person", EMAIL, "--yes")
    assert {problem["value"] for problem in ImportRun.objects.get().problems} == {"erased"}


def test_a_namesakes_row_is_told_to_nobody(boss: Client) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux", phone="+44 7700 900-123")
    bad = [
        "Zerelda,Quux,other@private.example,much",
        "Zerelda,Quux,,much",
        "Zerelda,Quux,zerelda.quux@example.com,much",
    ]
    rows = "\n".join(["First name,Last name,Email,Budget max", *bad, "Ok,Row,ok@example.com,1", ""])
    boss.post(upload(boss, rows, "spring.csv"), {**form(), "import": "1", "column-3": "budget_max"})
    told = [row["row"][4] for row in exported()["bad_rows_kept"]]
    assert told == ["", EMAIL.lower()]


def test_rows_that_are_no_rows(boss: Client) -> None:
    lines = [
        '{"first_name": "Ok", "last_name": "Row", "email": "ok@example.com", "phone": "1"}',
        '{"first_name": "Zerelda", "last_name": "Quux", "email": oops',
        '{"first_name": "Bob", "last_name": "Quux", "email": oops',
    ]
    boss.post(upload(boss, "\n".join(lines), "a.jsonl"), {**form(), "import": "1"})
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    assert "zerelda" in str(ImportRun.objects.get().problems).lower()
    run("erase_person", EMAIL, "--yes")
    assert ("zerelda" in str(ImportRun.objects.get().problems).lower(), "Bob" in everything()) == (False, False)
    (kept,) = settings.UPLOAD_DIR.glob("rejects-*.csv")
    assert ("Zerelda" in kept.read_text(), "Bob" in kept.read_text()) == (False, True)
