"""What erasing takes out of the accounts of imports, of leads, of activities, from the earlier server; and leaves."""

import errno
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.test import Client
from django.utils import timezone

from leads.importing import accounts
from leads.importing.rejects import Rejects
from leads.models import ImportRun, LeadChange
from tests.admin.conftest import upload_dir as upload_dir
from tests.admin.people import browser_of
from tests.admin.test_import_page import form, upload
from tests.factories import make_lead, make_user
from tests.legacy.conftest import loose as loose
from tests.security.test_personal_data import EMAIL, everything, exported, file_of, run
from users.models import User

pytestmark = pytest.mark.django_db

ACTIVITIES = f"Lead email,Type,Title,Date\n{EMAIL},call,Call about zithers,2026-10-03\n"
TITLELESS = f"Lead email,Type,Date\n{EMAIL},call,2026-10-03\n"


def test_what_activities_were_called_that_went_with_their_import(tmp_path: Any) -> None:
    make_lead(email=EMAIL)
    make_user(username="agent-2")
    rows = f"{ACTIVITIES}{EMAIL},call,More of zithers,2026-10-04\n"
    run("import_activities", file_of(tmp_path, rows, "a.csv"), "--user", "agent-2")
    run("undo_import", str(ImportRun.objects.get().pk))
    assert "zither" in everything()
    entries = LeadChange.objects.count()
    run("erase_person", EMAIL, "--yes")
    assert "zither" not in everything()
    assert LeadChange.objects.count() == entries + 1


@pytest.mark.parametrize("undone", [False, True])
def test_what_an_import_set_for_their_activities(tmp_path: Any, undone: bool) -> None:
    make_lead(email=EMAIL)
    make_lead(email="b@example.com")
    make_user(username="agent-2")
    set_for_all = ("--set", "title=Zither, Zelda's", "--set", "notes=line\nof zithers", "--user", "agent-2")
    run("import_activities", file_of(tmp_path, TITLELESS, "a.csv"), "--dry-run", *set_for_all)
    run("import_activities", file_of(tmp_path, TITLELESS, "a.csv"), *set_for_all)
    others = TITLELESS.replace(EMAIL, "b@example.com")
    run("import_activities", file_of(tmp_path, others, "b.csv"), "--set", "title=Intro", "--user", "agent-2")
    if undone:
        run("undo_import", str(ImportRun.objects.filter(state="done").earliest("pk").pk))
    run("erase_person", EMAIL, "--yes")
    left = everything()
    assert [trace for trace in ("zither", "zelda") if trace in left] == []
    assert ImportRun.objects.get(file_name="b.csv").options["constants"] == {"title": "Intro"}


def test_their_address_for_all_activities_of_an_import(tmp_path: Any) -> None:
    make_lead(email=EMAIL)
    make_user(username="agent-2")
    rows = file_of(tmp_path, "Type,Title,Date\ncall,Hello,2026-10-03\n", "a.csv")
    run("import_activities", rows, "--set", f"lead_email={EMAIL}", "--user", "agent-2")
    run("erase_person", EMAIL, "--yes")
    assert EMAIL.lower() not in everything()


@pytest.mark.parametrize("wanted", ["--set", "--user"])
@pytest.mark.parametrize("afterwards", ["stored", "undone", "dry", "refused"])
def test_the_author_of_an_import_renamed_since(tmp_path: Any, wanted: str, afterwards: str) -> None:
    author = make_user(username="zq", email=EMAIL)
    make_lead(email="lead@example.com")
    rows = "Lead email,Type,Title,Date\nlead@example.com,call,Hello,2026-10-03\n"
    if afterwards == "refused":
        rows += "lead@example.com,call,Hello,never\n"
    by = ("--user", "zq") if wanted == "--user" else ("--set", "user=zq")
    arguments = (file_of(tmp_path, rows, "a.csv"), *by, *(["--dry-run"] if afterwards == "dry" else []))
    if afterwards == "refused":
        with pytest.raises(SystemExit):
            run("import_activities", *arguments)
    else:
        run("import_activities", *arguments)
    if afterwards == "undone":
        run("undo_import", str(ImportRun.objects.get().pk))
    if wanted == "--user" or afterwards == "stored":
        browser_of("superuser").post(
            f"/admin/users/user/{author.pk}/change/",
            {"username": "other", "email": EMAIL, "first_name": "", "last_name": "", "is_active": "on"},
        )
        author.refresh_from_db()
        assert author.username == "other"
    run("erase_person", EMAIL, "--yes")
    options = ImportRun.objects.get().options
    assert options.get("user") or options["constants"]["user"] == "erased"


def test_a_name_that_somebody_else_has_by_now_is_theirs(tmp_path: Any) -> None:
    former = make_user(username="zq", email="former@example.com")
    make_lead(email="lead@example.com")
    rows = "Lead email,Type,Title,Date\nlead@example.com,call,Hello,2026-10-03\n"
    run("import_activities", file_of(tmp_path, rows, "a.csv"), "--user", "zq")
    User.objects.filter(pk=former.pk).update(username="other", username_key="other")
    make_user(username="zq", email=EMAIL)
    run("erase_person", EMAIL, "--yes")
    assert ImportRun.objects.get().options["user"] == "zq"


@pytest.mark.parametrize("interest", ["A cellar\nfor zithers", 'Zelda\'s "zither"', "C:\\zithers", "zither"])
@pytest.mark.parametrize("undone", [False, True])
def test_what_notes_of_imports_quote(tmp_path: Any, interest: str, undone: bool) -> None:
    make_lead(email=EMAIL, property_interest="flat")
    rows = f"First name,Email\nZerelda,{EMAIL}\n"
    arguments = (file_of(tmp_path, rows, "theirs.csv"), "--on-duplicate", "update")
    run("import_leads", *arguments, "--set", f"property_interest={interest}", "--dry-run")
    run("import_leads", *arguments, "--set", f"property_interest={interest}")
    if undone:
        run("undo_import", str(ImportRun.objects.latest("pk").pk))
    assert everything().count("zither") > 2
    run("erase_person", EMAIL, "--yes")
    assert "zither" not in everything()


@pytest.mark.parametrize("name", ["Shaun O'Brien", 'Shaun "Bo" Brien', "Shaun\tO-Brien"])
def test_names_in_notes_of_imports(tmp_path: Any, name: str) -> None:
    make_lead(email=EMAIL, first_name="Shaun", last_name=name.partition("n")[2].strip())
    rows = "First name,Email,Budget\nAda,a@example.com,5\n"
    run("import_leads", file_of(tmp_path, rows, "other.csv"), "--set", f"property_interest={name}", "--dry-run")
    run("erase_person", EMAIL, "--yes")
    assert "shaun" not in everything()


def test_a_short_name_that_an_import_of_theirs_set(tmp_path: Any) -> None:
    run("import_leads", file_of(tmp_path, f"Email\n{EMAIL}\n", "a.csv"), "--set", "name=Bo Zu")
    run("erase_person", EMAIL, "--yes")
    assert ImportRun.objects.get().options["constants"] == {"name": "erased"}
    assert "bo zu" not in everything()


def test_our_own_words_stay_whatever_somebody_is_called(tmp_path: Any) -> None:
    rows = "First name,Email\nAda,a@example.com\nBea,x@\n"
    arguments = ("--on-error", "skip", "--set", "status=new", "--map", "First name=first_name")
    with pytest.raises(SystemExit):
        run("import_leads", file_of(tmp_path, rows, "other.csv"), *arguments)
    before = ImportRun.objects.get().options
    for first, last in (("On", "Duplicate"), ("On", "Error"), ("Con", "Stants"), ("First", "Name"), ("skip", "create")):
        make_lead(email=EMAIL, first_name=first, last_name=last)
    run("erase_person", EMAIL, "--yes")
    after = ImportRun.objects.get()
    assert {name: value for name, value in after.options.items() if name != "explicit"} == {
        name: value for name, value in before.items() if name != "explicit"
    }
    assert list(after.options["explicit"].values()) == ["first_name"]


def test_others_rows_stay(boss: Client) -> None:
    bad = [
        "Christian,Hofmann,x@,1",
        "Alice,Compton,x@,1",
        "Susan,Other,susan@example.com x,1",
        "Eve,New,x@,12125550001",
    ]
    rows = "\n".join(["First name,Last name,Email,Phone", *bad, "Ok,Row,ok@example.com,1", ""])
    boss.post(upload(boss, rows, "Christian Hofmann.csv"), {**form(), "import": "1"})
    make_lead(email="an@example.com", first_name="Ian", last_name="Ho", phone="555 0001")
    make_lead(email="al@ice.com")
    make_user(username="Hofmann", email="an@example.com")
    before = ImportRun.objects.values().get()
    (kept,) = settings.UPLOAD_DIR.glob("rejects-*.csv")
    told = kept.read_text()
    for address in ("an@example.com", "al@ice.com"):
        run("erase_person", address, "--yes")
    assert ImportRun.objects.values().get() == before
    assert kept.read_text() == told


@pytest.fixture
def boss(db: None) -> Client:
    """A superuser's browser."""
    return browser_of("superuser")


def test_a_user_name_tells_of_them_where_it_is_an_author_alone(tmp_path: Any) -> None:
    make_user(username="plenty", email=EMAIL)
    rows = "First name,Email,Budget max\nAda,a@example.com,plenty\n"
    with pytest.raises(SystemExit):
        run("import_leads", file_of(tmp_path, rows, "other.csv"))
    run("erase_person", EMAIL, "--yes")
    assert {problem["value"] for problem in ImportRun.objects.get().problems} == {"plenty"}


def test_an_address_that_was_cut_in_its_middle(tmp_path: Any) -> None:
    make_lead(email=EMAIL)
    rows = f"First name,Email,Budget max\nAda,a@example.com,{'for my friends ' * 12}{EMAIL} and me\n"
    with pytest.raises(SystemExit):
        run("import_leads", file_of(tmp_path, rows, f"{'a' * 190} {EMAIL}.csv"))
    assert EMAIL not in ImportRun.objects.get().problems[0]["value"]
    run("erase_person", EMAIL, "--yes")
    assert "zerelda" not in everything()


def test_nothing_is_erased_while_an_import_goes_on() -> None:
    """Its account, and its bad rows, are written when it has ended."""
    make_lead(email=EMAIL)
    with accounts.running(file_name="Zerelda Quux.csv", sha256="0") as going_on:
        for arguments in ([], ["--dry-run"]):
            with pytest.raises(CommandError, match=rf"An import is going on \(run {going_on.pk}\)"):
                run("erase_person", EMAIL, "--yes", *arguments)
        told = browser_of("manager").post("/admin/personal-data/erase/", {"email": EMAIL}).content.decode()
        assert "An import is going on" in told
    ImportRun.objects.update(process="elsewhere 1@1", started_at=timezone.now() - timedelta(days=2))
    assert "Erased:" in run("erase_person", EMAIL, "--yes")


def test_an_import_that_begins_while_others_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would write its account when it has ended, as it was."""
    make_lead(email=EMAIL)
    with ExitStack() as stack:
        begin = accounts.running(file_name="Zerelda Quux.csv", sha256="0")
        monkeypatch.setattr(accounts, "take_turn", lambda: stack.enter_context(begin))
        with pytest.raises(CommandError, match="An import is going on"):
            run("erase_person", EMAIL, "--yes")


def test_an_import_that_ends_for_want_of_room_has_ended(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_lead(email=EMAIL)
    review = upload(boss, "First name,Last name,Email,Phone\nAda,King,x@,1\n", "a.csv")
    monkeypatch.setattr(Rejects, "finish", mock.Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    assert "no room" in boss.post(review, {**form(), "import": "1"}, follow=True).content.decode()
    account = ImportRun.objects.get()
    assert (account.state, "No space left" in account.message) == ("refused", True)
    assert "Erased:" in run("erase_person", EMAIL, "--yes")


def test_settings_that_are_nobodys(tmp_path: Any) -> None:
    """They are called like what somebody is called by."""
    rows = f"First name,Last name,Email\nwebsite,new,{EMAIL}\n"
    given = {"status": "new", "source": "website", "budget_max": "5550001", "property_interest": "a   flat"}
    arguments = [argument for field, value in given.items() for argument in ("--set", f"{field}={value}")]
    run("import_leads", file_of(tmp_path, rows, "a.csv"), *arguments, "--set", "phone=5550001")
    run("erase_person", EMAIL, "--yes")
    left = ImportRun.objects.get().options["constants"]
    assert (left["status"], left["source"]) == ("new", "website")
    assert (left["phone"], left["property_interest"]) == ("erased", "erased")


def test_columns_that_tell_of_somebody_stay_as_many(tmp_path: Any) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    rows = "Zerelda,Quux,Email\nAda,King,a@example.com\n"
    fields = ("--map", "Zerelda=first_name", "--map", "Quux=last_name")
    run("import_leads", file_of(tmp_path, rows, "a.csv"), *fields)
    run("erase_person", EMAIL, "--yes")
    assert sorted(ImportRun.objects.get().options["explicit"].values()) == ["first_name", "last_name"]
    assert "zerelda" not in everything()


def test_the_export_tells_what_tells_of_them_and_nothing_else(tmp_path: Any) -> None:
    make_lead(email=EMAIL, first_name="Zerelda", last_name="Quux")
    rows = "First name,Email,Zerelda Quux,Bob Smith 1\nAda,a@example.com,x,y\n"
    columns = ("--ignore-columns", "Zerelda Quux,Bob Smith 1")
    run("import_leads", file_of(tmp_path, rows, "Bob Smith.csv"), *columns)
    (told,) = exported()["imports_that_tell_of_them"]
    assert set(told["told"]) == {"Zerelda Quux"}


@pytest.mark.parametrize(
    "odd",
    [
        {"problems": [{"line": 1, "value": None}]},
        {"problems": [{"line": 1, "value": 5, "column": None}], "kind": "activities"},
        {"problems": [{"before": None, "after": 1.5}], "kind": "legacy"},
        {"options": {"constants": None, "explicit": None, "ignored": None, "user": None}},
        {"options": {"constants": ["x"], "explicit": [], "ignored": [None, 5], "user": 5}},
        {"options": {"constants": {"name": None, "phone": 5}, "explicit": {"x": None}, "author_id": "x"}},
        {"notes": [None, 5, ["a"], {"a": "b"}]},
    ],
)
def test_accounts_that_nobody_writes_stop_nobody(odd: dict[str, Any]) -> None:
    make_lead(email=EMAIL)
    ImportRun.objects.create(**{"file_name": f"{EMAIL}.csv", "sha256": "0", "state": "done", **odd})
    exported()
    run("erase_person", EMAIL, "--yes")
    assert EMAIL.lower() not in everything()
