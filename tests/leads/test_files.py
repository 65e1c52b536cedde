"""POST /api/leads/import, GET /api/leads/imports and GET /api/leads/export."""

import gzip
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from itertools import product
from typing import Any, cast
from unittest.mock import ANY

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.utils import timezone

from leads.import_request import FORMATS as CONTENT_TYPES
from leads.import_request import NAMES
from leads.importing.sources.reader import FORMATS
from leads.management.commands.import_leads import Command
from leads.models import ImportRun, Lead
from tests.admin.people import join
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_lead, make_user
from tests.stored import stored_files
from users.models import AccountEvent, User
from users.permissions import MANAGERS, STAFF

pytestmark = pytest.mark.django_db

CSV = b"First Name,Last Name,Email,Phone,Colour\nAda,Lovelace,ada@example.com,1,red\nBo,,not an address,2,blue\n"
GOOD = b"First Name,Last Name,Email,Phone\nAda,Lovelace,ada@example.com,1\n"


@pytest.fixture
def manager(api_as: Callable[[User], Api]) -> Api:
    user = make_user(first_name="Zoe", last_name="Boss")
    join(user, MANAGERS)
    return api_as(user)


def send(api: Api, body: bytes, query: str = "", content_type: str = "text/csv") -> HttpResponse:
    return api.send("POST", f"/api/leads/import{query}", body, content_type)


def test_it_works(manager: Api) -> None:
    reply = send(manager, GOOD)
    assert reply.status_code == 201, reply.content
    found = reply.json()
    assert (found["state"], found["read"], found["created"]) == ("done", 1, 1)
    lead = Lead.objects.get()
    assert (lead.first_name, lead.email, lead.import_run_id) == ("Ada", "ada@example.com", found["run"])
    assert reply["Location"] == f"/api/leads/imports/{found['run']}"
    stored = manager.get(reply["Location"]).json()
    assert {**stored, **found} == stored
    assert manager.get("/api/leads/imports").json() == [stored]
    again = send(manager, GOOD)
    assert (again.status_code, "imported already" in again.json()["message"]) == (422, True)
    assert send(manager, GOOD, "?again=true&on_duplicate=skip").json()["skipped"] == 1


def test_a_form_with_options(manager: Api) -> None:
    form = {
        "file": SimpleUploadedFile("portal.csv", CSV),
        "on_error": "skip",
        "ignore_columns": "Colour",
        "set": ["source=Portal", "status=contacted"],
    }
    reply = manager.client.post("/api/leads/import", form)
    assert reply.status_code == 201, reply.content
    found = reply.json()
    assert (found["file"], found["created"], found["rejected"]) == ("portal.csv", 1, 1)
    assert Lead.objects.values_list("source", "status").get() == ("Portal", "contacted")
    rejects = manager.get(f"/api/leads/imports/{found['run']}/rejects")
    assert rejects["Content-Type"].startswith("text/csv")
    assert b"not an address" in b"".join(rejects.streaming_content)  # type: ignore[attr-defined]


def test_rows_that_were_left_out_can_be_downloaded(manager: Api) -> None:
    found = send(manager, GOOD + b"Total,,,\n").json()
    assert (found["created"], found["rejected"], found["left_out"]) == (1, 0, 1)
    left_out = manager.get(f"/api/leads/imports/{found['run']}/rejects")
    assert left_out.status_code == 200
    assert b"Total" in b"".join(left_out.streaming_content)  # type: ignore[attr-defined]


def test_a_dry_run_stores_nothing(manager: Api) -> None:
    reply = send(manager, GOOD, "?dry_run=true")
    assert (reply.status_code, reply["Preference-Applied"]) == (200, "dry-run")
    assert (reply.json()["created"], reply.json()["run"]) == (1, None)
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()


def test_what_is_refused(manager: Api) -> None:
    bad = send(manager, CSV, "?ignore_unknown=true")
    assert (bad.status_code, bad.json()["state"], bad.json()["problem_count"]) == (422, "refused", 1)
    assert send(manager, b"\x00\x01\x02").status_code == 422
    assert send(manager, GOOD, content_type="image/png").status_code == 415
    assert refused(send(manager, b"")) == [("missing", ["body"])]
    assert refused(manager.client.post("/api/leads/import", {"on_error": "skip"})) == [("missing", ["body", "file"])]
    for query, problem in (
        ("?colour=red", ("extra_forbidden", ["query", "colour"])),
        ("?dates=roman", ("value_error", ["query", "dates"])),
        ("?ignore_columns=a%00", ("value_error", ["query", "ignore_columns"])),
        ("?map=x", ("value_error", ["query", "map"])),
        ("?set=colour=red", ("value_error", ["query", "set"])),
        ("?dry_run=perhaps", ("bool_parsing", ["query", "dry_run"])),
    ):
        assert refused(send(manager, GOOD, query)) == [problem]
    for name, value, kind in (("map", "x", "value_error"), ("dry_run", "perhaps", "bool_parsing")):
        form = {"file": SimpleUploadedFile("portal.csv", GOOD), name: value}
        assert refused(manager.client.post("/api/leads/import", form)) == [(kind, ["body", name])]
    assert not Lead.objects.exists()


def test_other_kinds_of_files(manager: Api) -> None:
    row = {"first_name": "Ada", "last_name": "L", "email": "a@b.co", "phone": "1"}
    assert send(manager, json.dumps([row]).encode(), content_type="application/json").status_code == 201
    assert send(manager, json.dumps(row).encode(), content_type="application/x-ndjson").status_code == 201
    assert send(manager, gzip.compress(GOOD), content_type="application/gzip").status_code == 201
    card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Hopper;Grace;;;\r\nFN:Grace Hopper\r\nTEL:5551234\r\nEND:VCARD\r\n"
    assert send(manager, card, content_type="text/vcard").status_code == 201
    assert Lead.objects.count() == 4


def test_every_option_of_the_command_is_a_parameter() -> None:
    names: set[str] = set()

    class Recorder:
        def add_argument(self, name: str, **options: Any) -> None:
            names.add(name.removeprefix("--").replace("-", "_"))

    Command().add_arguments(cast(Any, Recorder()))
    assert names - {"files", "rejects", "skipped", "report", "user"} == set(NAMES)  # the user is who sends it
    assert set(FORMATS) == set(CONTENT_TYPES.values())


def test_undo(manager: Api) -> None:
    number = send(manager, GOOD).json()["run"]
    path = f"/api/leads/imports/{number}/undo"
    reply = manager.post(path)
    assert (reply.status_code, reply.json()["state"], reply.json()["undo_report"]["deleted"]) == (200, "undone", 1)
    assert not Lead.objects.active().exists()
    assert manager.post(path).status_code == 409
    assert manager.post("/api/leads/imports/999999999/undo").status_code == 404


def test_staff_undo_their_own_imports_of_the_last_day(api_as: Callable[[User], Api], manager: Api) -> None:
    user = make_user(first_name="Sam", last_name="Staff")
    join(user, STAFF)
    staff = api_as(user)
    of_manager, own, old = (send(sender, GOOD, "?again=true").json()["run"] for sender in (manager, staff, staff))
    ImportRun.objects.filter(pk=old).update(started_at=timezone.now() - timedelta(days=1, minutes=1))
    codes = [staff.post(f"/api/leads/imports/{number}/undo").status_code for number in (of_manager, old, own)]
    assert codes == [403, 403, 200]


def test_rights(api: Api) -> None:
    for method, path, right in (
        ("POST", "import", "leads.import_leads"),
        ("GET", "imports", "leads.import_leads"),
        ("POST", "imports/1/undo", "leads.undo_import"),
        ("GET", "export", "leads.export_leads"),
    ):
        reply = api.send(method, f"/api/leads/{path}", GOOD if path == "import" else None, "text/csv")
        assert (reply.status_code, right in reply.json()["detail"]) == (403, True)


@pytest.mark.django_db(transaction=True)
def test_an_import_goes_on_after_its_reply(concurrent_db: None, manager: Api) -> None:
    manager.client.defaults["HTTP_PREFER"] = "respond-async"
    reply = send(manager, GOOD)
    assert (reply.status_code, reply["Preference-Applied"]) == (202, "respond-async"), reply.content
    for thread in threading.enumerate():
        if thread.name == "import":
            thread.join(30)
    ended = manager.get(reply["Location"]).json()
    assert (ended["run"], ended["state"], ended["created"]) == (reply.json()["run"], "done", 1)
    assert ended.keys() == reply.json().keys()
    assert stored_files() == []
    # What is refused before it starts is refused at once, and a dry run has its report.
    assert send(manager, b"").status_code == 422
    assert send(manager, GOOD, "?dry_run=true&again=true").status_code == 200


def test_an_undo_is_tried_out(manager: Api) -> None:
    run = send(manager, GOOD).json()["run"]
    tried = manager.post(f"/api/leads/imports/{run}/undo?dry_run=true")
    assert (tried.json()["state"], tried["Preference-Applied"]) == ("undone", "dry-run"), tried.content
    assert manager.get(f"/api/leads/imports/{run}").json()["state"] == "done"
    assert Lead.objects.get().is_active
    assert manager.post(f"/api/leads/imports/{run}/undo").json() == {
        **tried.json(),
        "undone_at": ANY,
    }


def content(reply: Any) -> bytes:
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content)


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_an_export_is_what_the_import_reads(manager: Api, format: str) -> None:
    make_lead(first_name="Zoë", status="closed")
    make_lead(first_name="=1+1", status="closed")
    make_lead(status="new")
    reply = manager.get("/api/leads/export", format=format, status="closed")
    file = content(reply)
    assert f'.{format}"' in reply["Content-Disposition"]
    entry = AccountEvent.objects.get()
    assert (entry.action, entry.changes["leads"]) == ("exported_leads", [None, 2])
    Lead.objects.all().delete()
    again = manager.client.post("/api/leads/import", {"file": BytesIO(file)})
    assert (again.status_code, again.json()["created"]) == (201, 2), again.content
    assert set(Lead.objects.values_list("first_name", flat=True)) == {"Zoë", "=1+1"}


def test_deleted_leads_are_exported_where_the_filter_finds_them(manager: Api, case: Case) -> None:
    for query, format in product(["deleted=include", "deleted=only", "updated_since="], ["csv", "jsonl", "xlsx"]):
        with case(query, format):
            gone, stays = make_lead(), make_lead()
            assert manager.delete(f"/api/leads/{gone.pk}").status_code == 204
            file = content(manager.get(f"/api/leads/export?format={format}&{query}"))
            Lead.objects.all().delete()
            found = manager.client.post("/api/leads/import", {"file": BytesIO(file)}).json()
            assert (found["created"], found["skipped"]) == (0 if query == "deleted=only" else 1, 1), found
            again = {"file": BytesIO(file), "with_deleted": "true", "again": "true", "on_duplicate": "skip"}
            assert manager.client.post("/api/leads/import", again).json()["created"] == 1
            deleted = Lead.objects.get(is_active=False)
            assert (deleted.email, stays.email != gone.email) == (gone.email, True)


def test_bad_exports(manager: Api) -> None:
    assert refused(manager.get("/api/leads/export?format=pdf&min_budget=x")) == [
        ("int_parsing", ["query", "min_budget"]),
        ("literal_error", ["query", "format"]),
    ]
    for name in ("page", "sort", "colour"):
        assert refused(manager.get(f"/api/leads/export?{name}=1")) == [("extra_forbidden", ["query", name])]
