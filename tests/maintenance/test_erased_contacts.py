"""Erased people stay out of later imports: digests of their addresses and numbers, and what asks for them."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from leads.models import ErasedContact, ImportRun, Lead
from tests.admin.conftest import boss as boss
from tests.admin.lead_forms import open_form
from tests.admin.people import browser_of, join
from tests.admin.test_import_page import form, upload
from tests.conftest import Api
from tests.factories import bearer, lead_row, make_lead, make_user
from tests.importing.command import counts, import_leads, rows_of, summary, write_csv
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db

EMAIL, PHONE = "Zerelda.Quux@Example.com", "+1 (555) 687-0555"
ROWS = (
    "Zerelda,Quux,zerelda.quux@EXAMPLE.com ,,new",  # the address, written in another way
    "Z,Q,other@example.com,555.687.0555,new",  # the number
    "Ann,Ng,ann@example.com,555-555-0101,new",
)
NOTE = "2 rows of people erased on request; not brought back (--with-erased imports them)."
EMPTY = {"name": "", "email": "", "phone": ""}
ADD = "/admin/leads/lead/add/"


def erase(*options: str) -> None:
    call_command("erase_person", EMAIL, "--yes", *options, stdout=io.StringIO())


@pytest.fixture
def erased() -> None:
    make_lead(first_name="Zerelda", last_name="Quux", email=EMAIL, phone=PHONE)
    erase()


def first_names() -> set[str]:
    return set(Lead.objects.active().values_list("first_name", flat=True))


@pytest.mark.parametrize("action", ["create", "update"])
def test_imports_skip_erased_people(erased: None, tmp_path: Path, action: str) -> None:
    file = write_csv(tmp_path, *ROWS, "Zerelda,,Zerelda.Quux@Example.com,,no such status \x00")
    skipped = tmp_path / "skipped.csv"
    dry = import_leads(file, "--dry-run", "--on-duplicate", action)
    report = import_leads(file, "--on-duplicate", action, "--skipped", skipped)
    assert counts(dry) == counts(report) == (4, 1, 0, 3, 0)
    assert report["skipped_rows"] == [{"line": line, "action": "erased", **EMPTY} for line in (2, 3, 5)]
    assert NOTE.replace("2", "3") in report["notes"]
    assert first_names() == {"Ann"}
    assert rows_of(skipped) == []
    assert "zerelda" not in str(ImportRun.objects.filter(state="done").values().get()).lower()
    shown = summary(file, "--again", "--dry-run")
    assert "line 2 skipped: erased on request; not brought back" in shown


def test_they_can_be_imported_nevertheless(erased: None, tmp_path: Path) -> None:
    report = import_leads(write_csv(tmp_path, *ROWS), "--with-erased")
    assert counts(report) == (3, 3, 0, 0, 0)
    assert counts(import_leads(write_csv(tmp_path, ROWS[0], "Bo,Li,bo@example.com,,new"))) == (2, 1, 0, 1, 0)


def test_a_large_file_is_checked_in_another_process(erased: None, tmp_path: Path) -> None:
    rows = [f"Ann{number},Ng,ann{number}@example.com,,new,{'x' * 400}" for number in range(3000)]
    header = "First Name,Last Name,Email,Phone,Status,Property Interest"
    file = write_csv(tmp_path, *rows, ROWS[0] + ",", header=header)
    assert counts(import_leads(file, "--on-duplicate", "skip")) == (3001, 3000, 0, 1, 0)


def test_by_the_api(erased: None) -> None:
    manager = make_user()
    join(manager, MANAGERS)
    api = Api(bearer(manager))
    body = "\n".join(("First Name,Last Name,Email,Phone,Status", *ROWS))

    def send(query: str) -> Any:
        return api.send("POST", f"/api/leads/import?dry_run=true{query}", body, "text/csv").json()

    assert (send("")["created"], NOTE in send("")["notes"], send("&with_erased=true")["created"]) == (1, True, 3)
    # The contract's call for one lead stays as it is.
    assert api.post("/api/leads", {**lead_row(), "email": EMAIL}).status_code == 201


def test_on_the_import_page(boss: Client, erased: None) -> None:
    page = upload(boss, "\n".join(("First Name,Last Name,Email,Phone,Status", *ROWS)))
    html = boss.get(page).content.decode()
    assert "2 rows of people erased on request; not brought back." in html
    assert "Erased on request" in html
    boss.post(page, {**form(do="preview", with_erased="on"), "column-4": "status"})
    assert "of people erased on request" not in boss.get(page).content.decode()


def test_nothing_is_remembered_where_that_is_not_asked_for(tmp_path: Path) -> None:
    make_lead(email=EMAIL, phone=PHONE)
    erase("--no-remember")
    assert not ErasedContact.objects.exists()
    manager = browser_of("manager")
    make_lead(email=EMAIL, phone=PHONE)
    page = "/admin/personal-data/erase/"
    html = manager.post(page, {"email": EMAIL}).content.decode()
    assert 'name="remember" checked' in html
    agreed = html.split('name="agreed" value="')[1].split('"')[0]
    answer = {"email": EMAIL, "typed": EMAIL, "agreed": agreed}
    assert 'name="remember" checked' not in manager.post(page, {**answer, "typed": "x"}).content.decode()
    manager.post(page, answer)
    assert (Lead.objects.active().exists(), ErasedContact.objects.exists()) == (False, False)


def test_accounts_alone_and_short_numbers_are_not_remembered(tmp_path: Path) -> None:
    make_user(email=EMAIL)
    erase()
    assert not ErasedContact.objects.exists()
    make_lead(email=EMAIL, phone="1234")
    erase()
    assert counts(import_leads(write_csv(tmp_path, "Bo,Li,,1234,new", *ROWS[:2])))[1:4] == (2, 0, 1)


def test_a_digest_contains_nothing_readable_and_depends_on_the_installation(erased: None) -> None:
    first = {bytes(digest) for digest in ErasedContact.objects.values_list("digest", flat=True)}
    assert {len(digest) for digest in first} == {16}
    assert len(first) == 2
    ErasedContact.objects.all().delete()
    make_lead(email=EMAIL, phone=PHONE)
    erase()
    second = {bytes(digest) for digest in ErasedContact.objects.values_list("digest", flat=True)}
    assert len(second) == 2
    assert first.isdisjoint(second)
    erase()  # there is nothing left to erase: the digests stay
    make_lead(email="", phone=PHONE)
    assert ErasedContact.objects.count() == 2


def test_adding_by_hand_warns_and_then_takes_the_person_back(boss: Client, erased: None, tmp_path: Path) -> None:
    values = {**open_form(boss, ADD), "first_name": "Z", "email": EMAIL.lower(), "phone": PHONE}
    html = boss.post(ADD, values).content.decode()
    assert "the person with this email or phone number was erased on request" in html
    assert "Save as a new lead" in html
    assert not Lead.objects.active().exists()
    assert boss.post(ADD, {**values, "_store_anyway": "1"}).status_code == 302
    assert first_names() == {"Z"}
    assert counts(import_leads(write_csv(tmp_path, ROWS[1])))[1:4] == (1, 0, 0)
