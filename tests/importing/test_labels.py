"""Owners and tags in files: how their columns are read, and that exports, updates and undos have them."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from leads.models import ImportRun, Lead, LeadChange
from maintenance.integrity.checks import check_leads
from tests.exporting.command import export_leads
from tests.factories import make_lead, make_user
from tests.importing.command import import_leads, summary, write_csv
from users.models import User

pytestmark = pytest.mark.django_db

HEADER = "First Name,Email,Assigned To,Tags"


def stored(name: str) -> tuple[int | None, str, str]:
    lead = Lead.objects.get(first_name=name)
    return lead.owner_id, lead.tags, lead.tag_keys


@pytest.fixture
def sam() -> User:
    return make_user(username="Sam", email="sam@office.example", first_name="Sam", last_name="Agent")


@pytest.mark.parametrize("options", [[], ["--on-duplicate", "skip"], ["--on-duplicate", "update"]])
def test_it_works(tmp_path: Path, sam: User, options: list[str]) -> None:
    make_user(username="gone", is_active=False)
    rows = ("Ann,a@b.co,SAM,vip; Cash Buyer", "Bo,b@b.co,sam  agent,", "Cy,c@b.co,Sam@Office.example,VIP|vip", "Di,,,")
    path = write_csv(tmp_path, *rows, "Ed,e@b.co,gone,y", f"Flo,f@b.co,,{'x' * 51}", header=HEADER)
    report = import_leads(path, *options)
    assert stored("Ann") == (sam.pk, "vip, Cash Buyer", ",vip,cash buyer,")
    assert [stored(name)[:2] for name in ("Bo", "Cy", "Di", "Ed", "Flo")] == [
        (sam.pk, ""),
        (sam.pk, "VIP"),
        (None, ""),
        (None, "y"),
        (None, ""),
    ]
    left = {(row["kind"], row["before"]) for row in report["repairs"] if row["after"] == ""}
    assert left == {
        ("owner_not_found", "gone"),
        ("tags_not_read", "x" * 51),
    }
    assert [*check_leads()] == []


def test_labels_of_google_contacts(tmp_path: Path) -> None:
    import_leads(write_csv(tmp_path, "Ann,a@b.co,* myContacts ::: Buyers", header="First Name,Email,Labels"))
    assert stored("Ann")[1] == "myContacts, Buyers"


def test_tags_of_mailchimp(tmp_path: Path) -> None:
    quoted = '"""vip"",""cash buyer"""'
    import_leads(write_csv(tmp_path, f"Ann,a@b.co,{quoted}", "Bo,b@b.co,", header="First Name,Email Address,TAGS"))
    assert [stored(name)[1] for name in ("Ann", "Bo")] == ["vip, cash buyer", ""]


def test_a_name_of_two_users_is_nobodys(tmp_path: Path, sam: User) -> None:
    make_user(first_name="Sam", last_name="Agent")
    import_leads(write_csv(tmp_path, "Ann,a@b.co,Sam Agent,", "Bo,b@b.co,sam,", header=HEADER))
    assert (stored("Ann")[0], stored("Bo")[0]) == (None, sam.pk)


def test_values_for_all_rows(tmp_path: Path, sam: User) -> None:
    path = write_csv(tmp_path, "Ann,Ng,a@b.co,,new")
    import_leads(path, "--set", "owner=sam", "--set", "tags=Fair, 2026")
    assert stored("Ann")[:2] == (sam.pk, "Fair, 2026")
    assert "there is no such user" in summary(path, "--again", "--set", "owner=nobody")


def test_an_update_adds_tags_and_its_undo_takes_them_back(tmp_path: Path, sam: User) -> None:
    lead = make_lead(first_name="Ann", last_name="", email="a@b.co", phone="", tags="VIP", owner_id=None)
    path = write_csv(tmp_path, "Ann,a@b.co,sam,vip; portal", header=HEADER)
    import_leads(path, "--on-duplicate", "update")
    assert stored("Ann") == (sam.pk, "VIP, portal", ",vip,portal,")
    change = LeadChange.objects.of_lead(lead.pk)[0].changes
    assert change == {"owner_id": [None, sam.pk], "tags": ["VIP", "VIP, portal"]}
    call_command("undo_import", ImportRun.objects.latest("pk").pk, stdout=io.StringIO())
    assert stored("Ann") == (None, "VIP", ",vip,")


@pytest.mark.parametrize("name", ["leads.csv", "leads.jsonl", "leads.xlsx"])
def test_what_is_exported_comes_back(tmp_path: Path, sam: User, name: str) -> None:
    make_lead(first_name="Ann", tags="=VIP, 5%", owner_id=sam.pk)
    make_lead(first_name="Bo")
    before: list[Any] = [stored("Ann"), stored("Bo")]
    export_leads(tmp_path / name)
    Lead.objects.all().delete()
    assert import_leads(tmp_path / name)["repairs"] == []
    assert [stored("Ann"), stored("Bo")] == before
