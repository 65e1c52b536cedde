"""``GET /api/leads/{lead_id}/history``: who did what to a lead, through every channel there is."""

import getpass
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from crm_project.db.append_only import ImmutableRecord
from leads.back_office.history import history_page
from leads.models import Lead, LeadChange
from tests.admin.conftest import boss as boss
from tests.admin.test_leads import LEAD
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import activity_row, lead_row, make_lead, make_user
from tests.importing.command import import_leads, run_import, write_csv
from users.models import User

pytestmark = pytest.mark.django_db

OPERATOR = getpass.getuser()
KEYS = [
    "id", "at", "kind", "channel", "user_id", "user_name", "import_run", "activity_id", "about", "changes",
]  # fmt: skip


def history(api: Api, lead_id: int, **query: Any) -> list[dict[str, Any]]:
    reply = api.get(f"/api/leads/{lead_id}/history", **query)
    assert reply.status_code == 200, reply.content
    rows: list[dict[str, Any]] = reply.json()
    assert all(list(row) == KEYS for row in rows)
    return rows


def entries_of(api: Api, lead_id: int) -> list[tuple[str, str, str, dict[str, list[Any]]]]:
    """Kind, channel, name and changes of each entry, the oldest first."""
    return [
        (row["kind"], row["channel"], row["user_name"], {it["field"]: [it["old"], it["new"]] for it in row["changes"]})
        for row in reversed(history(api, lead_id))
    ]


def test_it_works(api: Api, agent: User, api_as: Callable[[User], Api]) -> None:
    lead = api.post("/api/leads", lead_row(phone="1", budget_min=5)).json()
    path = f"/api/leads/{lead['id']}"
    other = make_user(first_name="Zoë", last_name="Ng")
    changed = api_as(other).put(path, {"phone": "2", "budget_min": None, "budget_max": 2**63 - 1}).json()
    call = api.post(f"{path}/activities", activity_row()).json()
    logged, second, first = history(api, lead["id"])
    assert first == {
        "id": first["id"], "at": lead["created_at"], "kind": "created", "channel": "api", "user_id": agent.pk,
        "user_name": "Agent One", "import_run": None, "activity_id": None, "about": "", "changes": [],
    }  # fmt: skip
    assert second == {
        **first, "id": second["id"], "at": changed["updated_at"], "kind": "changed",
        "user_id": other.pk, "user_name": "Zoë Ng", "changes": [
            {"field": "budget_max", "old": None, "new": 2**63 - 1},
            {"field": "budget_min", "old": 5, "new": None},
            {"field": "phone", "old": "1", "new": "2"},
        ],
    }  # fmt: skip
    assert logged == {
        **first, "id": logged["id"], "at": call["created_at"], "kind": "activity",
        "activity_id": call["id"], "about": "call: Intro call",
    }  # fmt: skip
    assert len({first["id"], second["id"], logged["id"]}) == 3
    assert first["id"] == f"lead-{lead['id']}"


def test_each_lead_and_activity_of_many(api: Api) -> None:
    ids = [lead["id"] for lead in api.post("/api/leads", [lead_row(), lead_row()]).json()]
    assert [entries_of(api, number) for number in ids] == [[("created", "api", "Agent One", {})]] * 2
    body = [activity_row(title="One"), activity_row(title="Two", activity_type="note")]
    api.post(f"/api/leads/{ids[0]}/activities", body)
    assert [row["about"] for row in history(api, ids[0])] == ["note: Two", "call: One", ""]


def test_only_what_became_another(api: Api) -> None:
    lead = make_lead(status="new", source="website")
    api.put(f"/api/leads/{lead.pk}", {"status": " New ", "source": "Website", "phone": lead.phone})
    api.patch(f"/api/leads/{lead.pk}", {})
    changes = [row[3] for row in entries_of(api, lead.pk)[1:]]
    assert changes == [{"source": ["website", "Website"]}]


def test_what_is_refused_is_no_change(api: Api) -> None:
    lead = make_lead(budget_min=5)
    path = f"/api/leads/{lead.pk}"
    assert api.put(path, {"budget_max": 1}).status_code == 422
    stale = api.client.put(path, b"{}", content_type="application/json", headers={"If-Match": '"9-0"'})
    assert stale.status_code == 412
    assert api.post("/api/leads", [lead_row(), lead_row(email="x")]).status_code == 422
    assert not LeadChange.objects.exists()


def test_deleting_and_restoring(api: Api, boss: Client) -> None:
    lead = make_lead()
    api.delete(f"/api/leads/{lead.pk}")
    assert api.get(f"/api/leads/{lead.pk}/history").status_code == 404
    restore(boss, lead)
    api.put(f"/api/leads/{lead.pk}", {"is_active": False, "status": "lost"})
    restore(boss, lead)
    assert [
        (kind, channel, changes.get("is_active")) for kind, channel, _, changes in entries_of(api, lead.pk)[1:]
    ] == [
        ("deleted", "api", [True, False]),
        ("restored", "admin", [False, True]),
        ("deleted", "api", [True, False]),
        ("restored", "admin", [False, True]),
    ]


def restore(boss: Client, lead: Lead) -> None:
    lead.refresh_from_db()
    form = {field: getattr(lead, field) or "" for field in LEAD}
    boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**form, "is_active": "on", "version": lead.version})
    lead.refresh_from_db()
    assert lead.is_active


def test_the_admin(boss: Client, api: Api) -> None:
    boss.post("/admin/leads/lead/add/", LEAD)
    lead = Lead.objects.get()
    form = {**LEAD, "phone": "7", "version": lead.version}
    boss.post(f"/admin/leads/lead/{lead.pk}/change/", form)
    (created, changed) = entries_of(api, lead.pk)
    assert created[:2] == ("created", "admin")
    assert changed[1:] == ("admin", created[2], {"phone": ["+1-555-0100", "7"]})
    assert history(api, lead.pk)[0]["user_id"] == User.objects.get(username="boss").pk


def test_an_import_that_creates(api: Api, tmp_path: Path) -> None:
    run = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new"))["run"]
    (entry,) = history(api, Lead.objects.get().pk)
    assert (entry["kind"], entry["channel"], entry["user_name"], entry["user_id"]) == (
        "imported",
        "import",
        OPERATOR,
        None,
    )
    assert (entry["import_run"], entry["about"]) == (run, "leads.csv")
    assert not LeadChange.objects.exists(), "a million leads are not a million entries"


def test_an_import_that_updates_and_its_undoing(api: Api, tmp_path: Path) -> None:
    lead = make_lead(email="a@example.com", first_name="Ada", phone="1", status="new", budget_min=7)
    rows = [f"Ada,{lead.last_name},A@example.com,2,closed", f"Ada,{lead.last_name},a@example.com,3,"]
    run = import_leads(write_csv(tmp_path, *rows), "--on-duplicate", "update")["run"]
    changes = {"phone": ["1", "3"], "status": ["new", "closed"]}
    assert entries_of(api, lead.pk)[1] == ("changed", "import", OPERATOR, changes)
    call_command("undo_import", str(run), stdout=io.StringIO())
    back = {field: [new, old] for field, (old, new) in changes.items()}
    assert entries_of(api, lead.pk)[2] == ("undone", "cli", OPERATOR, back)
    assert [(row["import_run"], row["about"]) for row in history(api, lead.pk)] == [(run, "leads.csv")] * 2 + [
        (None, "")
    ]


def test_any_value_comes_back_from_an_import(api: Api, tmp_path: Path) -> None:
    """Entries of many leads travel as one JSON text."""
    lead = make_lead(email="a@example.com", property_interest='Zoë "Z" \\ {%s}', budget_max=2**63 - 1)
    header = "Email,Budget Max,Notes"
    path = write_csv(tmp_path, "a@example.com,450000,李 'L' \U0001f3e0", header=header)
    import_leads(path, "--on-duplicate", "update", "--map", "Notes=property_interest")
    assert entries_of(api, lead.pk)[1][3] == {
        "budget_max": [2**63 - 1, 450000],
        "property_interest": ['Zoë "Z" \\ {%s}', "李 'L' \U0001f3e0"],
    }


def test_an_import_undone(api: Api, boss: Client, tmp_path: Path) -> None:
    run = import_leads(write_csv(tmp_path, "A,A,a@example.com,1,new", "B,B,b@example.com,2,new"))["run"]
    first, second = Lead.objects.order_by("pk")
    api.put(f"/api/leads/{second.pk}", {"phone": "3"})
    call_command("undo_import", str(run), stdout=io.StringIO())
    restore(boss, first)
    assert [entry[:2] for entry in entries_of(api, second.pk)] == [("imported", "import"), ("changed", "api")]
    undone = entries_of(api, first.pk)[1]
    assert undone == ("undone", "cli", OPERATOR, {"is_active": [True, False]})
    assert entries_of(api, first.pk)[2][0] == "restored"


def test_an_import_of_activities(api: Api, agent: User, tmp_path: Path) -> None:
    lead = make_lead()
    header = "lead_id,user,activity_type,title,activity_date,created_at"
    row = f"{lead.pk},{agent.username},call,Hello,2020-01-02,2020-01-02T03:04:05"
    file = write_csv(tmp_path, row, header=header, name="calls.csv")
    run = run_import("import_activities", file, "--ids-are-ours")["run"]
    (entry,) = (row for row in history(api, lead.pk) if row["kind"] == "activity")
    assert (entry["channel"], entry["user_name"], entry["user_id"]) == ("import", OPERATOR, None), (
        "not the calls' author"
    )
    assert (entry["import_run"], entry["about"]) == (run, "call: Hello")
    assert entry["at"] > "2026", "when it came in"
    call_command("undo_import", str(run), stdout=io.StringIO())
    assert entries_of(api, lead.pk)[1:] == [("undone", "cli", OPERATOR, {"activities": [["call: Hello"], []]})]


def test_a_row_from_before_there_was_a_history(api: Api, agent: User) -> None:
    lead = Lead.objects.create(**lead_row())
    api.post(f"/api/leads/{lead.pk}/activities", activity_row())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE activities_activity SET channel = NULL")
    (entry,) = history(api, lead.pk)
    assert (entry["kind"], entry["channel"], entry["user_name"]) == ("activity", None, "Agent One")


def test_pages_partition_it(api: Api) -> None:
    lead = make_lead()
    for number in range(4):
        api.put(f"/api/leads/{lead.pk}", {"phone": str(number)})
        api.post(f"/api/leads/{lead.pk}/activities", [activity_row(), activity_row()])
    whole = history(api, lead.pk, size=100)
    assert len(whole) == 13
    assert [row["at"] for row in whole] == sorted((row["at"] for row in whole), reverse=True)
    assert history(api, lead.pk) == whole[:10]
    assert [row for page in (1, 2, 3, 4) for row in history(api, lead.pk, page=page, size=4)] == whole
    assert history(api, lead.pk, page=10**9, size=1000) == []


@pytest.mark.parametrize(
    ("query", "type_"),
    [({"page": "0"}, "greater_than_equal"), ({"size": "1001"}, "less_than_equal"), ({"size": "x"}, "int_parsing")],
)
def test_bad_pages(api: Api, query: dict[str, str], type_: str) -> None:
    assert refused(api.get(f"/api/leads/{make_lead().pk}/history", **query)) == [(type_, ["query", *query])]


@pytest.mark.parametrize(("lead_id", "status"), [("999999", 404), (str(10**30), 404), ("abc", 422), ("0", 404)])
def test_no_such_lead(api: Api, lead_id: str, status: int) -> None:
    assert api.get(f"/api/leads/{lead_id}/history").status_code == status


def test_the_back_office_tells_the_beginning_once(api: Api) -> None:
    lead = make_lead()
    for number in range(3):
        api.put(f"/api/leads/{lead.pk}", {"phone": str(number)})
    pages = [history_page(lead, start, 2) for start in (0, 2, 4, 6)]
    assert [[entry.title for entry in entries] for entries, _ in pages] == [
        ["Changed", "Changed"], ["Changed", "Created"], [], []
    ]  # fmt: skip
    assert [more for _, more in pages] == [True, False, False, False]
    assert [len(history_page(lead, start, 3)[0]) for start in (0, 3, 4)] == [3, 1, 0]


def test_it_is_read_only(api: Api) -> None:
    lead = make_lead()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert api.send(method, f"/api/leads/{lead.pk}/history", {}).status_code == 405
    assert len(history(api, lead.pk)) == 1


def test_entries_stay_as_they_are(api: Api) -> None:
    lead = make_lead()
    api.delete(f"/api/leads/{lead.pk}")
    (entry,) = LeadChange.objects.of_lead(lead.pk)
    writes: list[Callable[[], Any]] = [
        entry.save,
        entry.delete,
        LeadChange.objects.all().delete,
        lambda: LeadChange.objects.update(user_name="nobody"),
        lambda: LeadChange.objects.bulk_update([entry], ["user_name"]),
    ]
    for write in writes:
        with pytest.raises(ImmutableRecord), transaction.atomic():
            write()
    entry.refresh_from_db()
    assert (entry.user_name, entry.kind) == ("Agent One", "deleted")


def test_an_author_s_name_is_as_of_writing(api: Api, agent: User, api_as: Callable[[User], Api]) -> None:
    author = make_user(first_name="Old", last_name="Name")
    lead = api_as(author).post("/api/leads", lead_row()).json()
    author.first_name = "New"
    author.save()
    assert history(api, lead["id"])[0]["user_name"] == "Old Name"
    number = author.pk
    author.delete()
    assert [(row["user_id"], row["user_name"]) for row in history(api, lead["id"])] == [(number, "Old Name")]
