"""What users do with the fields that ``recipe.py`` adds; run by ``test_recipe.py`` in the copy that has them."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from leads.importing import undo
from leads.models import ImportUpdate, Lead
from tests.admin.conftest import boss as boss
from tests.admin.lead_forms import open_form
from tests.admin.test_merge import PAGE as MERGE
from tests.admin.test_merge import merge_form
from tests.conftest import Api
from tests.exporting.command import export_leads
from tests.factories import SOMEBODY, lead_row
from tests.importing.command import counts, import_leads, write_csv
from tests.maintenance.legacy_migration.earlier import Earlier, activity, import_legacy, lead, user

pytestmark = pytest.mark.django_db

LEADS = "/api/leads"
HEADER = "First Name,Last Name,Email,Phone,Referral Code,Agency"
NOBODY = 999_999


@pytest.fixture
def agency(db: None) -> Group:
    return Group.objects.create(name="North office")


def created(api: Api, **fields: Any) -> dict[str, Any]:
    reply = api.post(LEADS, lead_row(**fields))
    assert reply.status_code == 201, reply.content
    return reply.json()


def test_the_api_stores_changes_and_clears_them(api: Api, agency: Group) -> None:
    row = created(api, referral_code=" R2 ", agency_id=agency.pk)
    assert (row["referral_code"], row["agency_id"]) == ("R2", agency.pk)
    assert api.get(LEADS).json() == [row] == [api.get(f"{LEADS}/{row['id']}").json()]
    changed = api.patch(f"{LEADS}/{row['id']}", {"referral_code": "R3", "agency_id": None}).json()
    assert (changed["referral_code"], changed["agency_id"]) == ("R3", None)
    (newest, *_) = api.get(f"{LEADS}/{row['id']}/history").json()
    changes = {change["field"]: (change["old"], change["new"]) for change in newest["changes"]}
    assert changes == {"referral_code": ("R2", "R3"), "agency_id": (agency.pk, None)}


def test_a_lead_without_them_gets_the_defaults(api: Api) -> None:
    row = created(api)
    assert (row["referral_code"], row["agency_id"]) == ("", None)


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_foreign_key_to_nothing_is_a_422_and_changes_nothing(api: Api, method: str) -> None:
    row = created(api)
    path = LEADS if method == "post" else f"{LEADS}/{row['id']}"
    reply = api.send(method.upper(), path, lead_row(agency_id=NOBODY))
    assert reply.status_code == 422
    (error,) = reply.json()["detail"]
    assert (error["loc"], error["type"]) == (["body", "agency_id"], "value_error")
    assert error["msg"] == f"Value error, there is no group {NOBODY}"
    assert api.get(LEADS).json() == [row]


def test_a_bulk_names_the_rows_whose_foreign_keys_point_to_nothing(api: Api, agency: Group) -> None:
    rows = [lead_row(agency_id=number) for number in (agency.pk, NOBODY, None, NOBODY + 1)]
    reply = api.post(LEADS, rows)
    assert reply.status_code == 422
    assert [error["loc"] for error in reply.json()["detail"]] == [["body", 1, "agency_id"], ["body", 3, "agency_id"]]
    assert api.get(LEADS).json() == []
    stored = api.post(LEADS, [rows[0], rows[2]]).json()
    assert [row["agency_id"] for row in stored] == [agency.pk, None]


@pytest.mark.parametrize("value", ["x", 0, -1, 1.5, True, 2**40, 2**63 - 1, 2**63, [], "9" * 30])
def test_no_value_of_a_foreign_key_is_a_500(api: Api, value: Any) -> None:
    assert api.post(LEADS, lead_row(agency_id=value)).status_code == 422
    assert api.post(LEADS, [lead_row(agency_id=value)]).status_code == 422


def test_the_back_office_shows_and_stores_them(boss: Client, api: Api, agency: Group) -> None:
    number = created(api)["id"]
    page = f"/admin/leads/lead/{number}/change/"
    form = open_form(boss, page)
    assert (form["referral_code"], form.get("agency", "")) == ("", "")
    assert "North office" in boss.get(page).content.decode()
    assert boss.post(page, {**form, "referral_code": "R9", "agency": agency.pk}).status_code == 302
    lead = Lead.objects.get(pk=number)
    assert (lead.referral_code, lead.agency) == ("R9", agency)
    refused = boss.post(page, {**open_form(boss, page), "agency": NOBODY})
    assert "not one of the available choices" in refused.content.decode()
    assert Lead.objects.get(pk=number).agency == agency
    blank = {**open_form(boss, "/admin/leads/lead/add/"), "first_name": "Bo", "status": "new", "agency": agency.pk}
    assert boss.post("/admin/leads/lead/add/", blank).status_code == 302
    assert Lead.objects.get(first_name="Bo").agency == agency


def test_another_lead_is_chosen_by_its_id(boss: Client, api: Api) -> None:
    number, referrer = created(api)["id"], created(api, first_name="Zoe")["id"]
    page = f"/admin/leads/lead/{number}/change/"
    assert "Zoe" not in boss.get(page).content.decode()  # no list of all leads
    assert boss.post(page, {**open_form(boss, page), "referrer": referrer}).status_code == 302
    assert Lead.objects.get(pk=number).referrer_id == referrer
    assert boss.post(page, {**open_form(boss, page), "referrer": NOBODY}).status_code == 200
    assert Lead.objects.get(pk=number).referrer_id == referrer
    choices = boss.get("/admin/leads/lead/?_to_field=id&_popup=1").content.decode()
    assert f'data-popup-opener="{referrer}"' in choices


def test_a_lead_that_is_referred_to_can_be_merged_erased_and_undone(boss: Client, api: Api, tmp_path: Path) -> None:
    run = import_leads(write_csv(tmp_path, "Ada,One,ada@example.com,7", header="First Name,Last Name,Email,Phone"))[
        "run"
    ]
    ada = Lead.objects.get().pk
    row = created(api, referrer_id=ada)
    undo.undo(run, SOMEBODY)
    call_command("erase_person", "ada@example.com", "--yes", stdout=io.StringIO())
    assert api.get(f"{LEADS}/{row['id']}").json()["referrer_id"] == ada
    old, new = (Lead.objects.get(pk=created(api)["id"]) for _ in range(2))
    assert api.patch(f"{LEADS}/{row['id']}", {"referrer_id": new.pk}).status_code == 200
    assert boss.post(MERGE, merge_form([old, new], old)).status_code == 302
    assert api.get(f"{LEADS}/{row['id']}").json()["referrer_id"] == new.pk
    assert Lead.objects.get(pk=new.pk).merged_into_id == old.pk


def test_the_list_has_a_filter_and_a_column(boss: Client, api: Api, agency: Group) -> None:
    row = created(api, agency_id=agency.pk, referral_code="R77")
    created(api)
    assert [found["id"] for found in api.get(f"{LEADS}?agency={agency.pk}").json()] == [row["id"]]
    assert api.get(f"{LEADS}?agency={NOBODY}").json() == []
    assert api.get(f"{LEADS}?agency=x").status_code == 422
    columns = {"_columns": "save", "column": ["referral_code"]}
    assert boss.post("/admin/leads/lead/", columns).status_code == 302
    assert "R77" in boss.get("/admin/leads/lead/").content.decode()


def test_the_import_reads_them_and_rejects_rows_that_point_to_nothing(tmp_path: Path, agency: Group) -> None:
    rows = [
        f"Ada,One,ada@example.com,1,R1,{agency.pk}",
        f"Bo,Two,bo@example.com,2,,{NOBODY}",
        "Cy,Three,cy@example.com,3,,",
    ]
    path = write_csv(tmp_path, *rows, header=HEADER)
    report = import_leads(path, "--on-error", "skip", code=3)
    assert counts(report) == (3, 2, 0, 0, 1)
    (problem,) = report["problems"]
    assert (problem["line"], problem["column"]) == (3, "Agency")
    stored = Lead.objects.order_by("pk").values_list("first_name", "referral_code", "agency_id")
    assert list(stored) == [("Ada", "R1", agency.pk), ("Cy", "", None)]


def test_an_empty_text_in_json_is_no_value(tmp_path: Path, agency: Group) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text(f'{{"name": "Ada One", "agency_id": ""}}\n{{"name": "Bo Two", "agency_id": "{agency.pk}"}}\n')
    assert counts(import_leads(path))[:2] == (2, 2)
    assert list(Lead.objects.order_by("pk").values_list("agency_id", flat=True)) == [None, agency.pk]


def test_an_import_made_before_the_fields_existed_can_be_undone(tmp_path: Path, api: Api) -> None:
    row = created(api, email="ada@example.com", property_interest="loft")
    path = write_csv(tmp_path, "Ada,Two,ada@example.com,7,", header="First Name,Last Name,Email,Phone,Interest")
    run = import_leads(path, "--on-duplicate", "update")["run"]
    (update,) = ImportUpdate.objects.all()
    for name in ("referral_code", "agency_id"):
        del update.before[name]
    update.save()
    assert undo.undo(run, SOMEBODY).undo_report["restored"] == 1
    back = api.get(f"{LEADS}/{row['id']}").json()
    assert {**back, "updated_at": row["updated_at"]} == row


def test_an_import_that_sets_them_can_be_undone(tmp_path: Path, api: Api, agency: Group) -> None:
    row = created(api, email="ada@example.com", referral_code="R1", agency_id=agency.pk)
    other = Group.objects.create(name="South office")
    path = write_csv(tmp_path, f"{row['first_name']},,ada@example.com,,R2,{other.pk}", header=HEADER)
    run = import_leads(path, "--on-duplicate", "update")["run"]
    assert api.get(f"{LEADS}/{row['id']}").json()["agency_id"] == other.pk
    undo.undo(run, SOMEBODY)
    back = api.get(f"{LEADS}/{row['id']}").json()
    assert (back["referral_code"], back["agency_id"]) == ("R1", agency.pk)


@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_an_export_is_read_back_with_them(tmp_path: Path, api: Api, agency: Group, format: str) -> None:
    created(api, referral_code="R1", agency_id=agency.pk)
    path = tmp_path / f"leads.{format}"
    export_leads(path)
    Lead.objects.all().update(is_active=False)
    assert counts(import_leads(path))[:2] == (1, 1)
    assert list(Lead.objects.active().values_list("referral_code", "agency_id")) == [("R1", agency.pk)]


def test_a_merge_takes_them_from_the_lead_that_was_chosen(boss: Client, api: Api, agency: Group) -> None:
    ids = [created(api)["id"], created(api, referral_code="R1", agency_id=agency.pk)["id"]]
    old, new = Lead.objects.filter(pk__in=ids).order_by("pk")
    assert boss.post(MERGE, merge_form([old, new], old, referral_code=new, agency_id=new)).status_code == 302
    survivor = Lead.objects.active().get()
    assert (survivor.pk, survivor.referral_code, survivor.agency_id) == (old.pk, "R1", agency.pk)


def test_erasing_a_person_takes_the_personal_one(api: Api, agency: Group) -> None:
    row = created(api, email="ada@example.com", referral_code="R1", agency_id=agency.pk)
    call_command("erase_person", "ada@example.com", "--yes", stdout=io.StringIO())
    lead = Lead.objects.get(pk=row["id"])
    assert (lead.referral_code, lead.agency_id) == ("", agency.pk)


def test_the_legacy_migration_works_without_them(tmp_path: Path) -> None:
    earlier = Earlier(f"sqlite:///{tmp_path}/earlier.db").make()
    earlier.add("users", user()).add("leads", lead(activity_count=1)).add("activities", activity())
    assert import_legacy(earlier.url)["state"] == "done"
    assert list(Lead.objects.values_list("referral_code", "agency_id")) == [("", None)]
