"""``manage.py import_follow_ups``, and an office that is exported and imported into an empty one."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from activities.models import Activity, FollowUp
from leads.consents import Consent
from leads.importing.undo import undo
from leads.models import ImportRun, Installation, Lead, LeadChange
from maintenance.integrity.checks import find_inconsistencies
from tests.conftest import Api
from tests.exporting.command import export_leads
from tests.factories import SOMEBODY, make_activity, make_lead, make_user
from tests.importing.command import counts, run_import, write_csv
from users.models import User

pytestmark = pytest.mark.django_db

HEADER = "lead_email,title,kind,due_on,due_time,assignee,done_at,created_at,created_by"


def import_follow_ups(*arguments: Any, code: int = 0) -> dict[str, Any]:
    return run_import("import_follow_ups", *arguments, code=code)


def test_it_works(tmp_path: Path, api: Api, agent: User) -> None:
    lead = make_lead(email="ann@example.com")
    agent.email, agent.first_name, agent.last_name = "agent@example.com", "Maria", "Santos"
    agent.save()
    make_user(username="gone", is_active=False)
    path = write_csv(
        tmp_path,
        f"Ann@Example.com,Call about the viewing,Call,2026-12-03,14:30,{agent.username.upper()},,,gone",
        "ann@example.com,Send listings,email,12/24/2026,,Maria Santos,,,",
        "ann@example.com,Ask for papers,task,2026-01-05,,agent@example.com,2026-01-06T09:00:00Z,2026-01-02T08:00:00Z,",
        "ann@example.com,Nobody's,task,2026-01-07,,gone,,,",
        header=HEADER,
    )
    dry = import_follow_ups(path, "--dry-run")
    assert (counts(dry), FollowUp.objects.count()) == ((4, 4, 0, 0, 0), 0)
    report = import_follow_ups(path)
    assert (report["state"], counts(report)) == ("done", (4, 4, 0, 0, 0))
    assert "1 assigned to nobody: the assignee is no active user." in report["notes"]
    nobodys, call, listings = api.get(f"/api/leads/{lead.pk}/follow-ups").json()
    assert (nobodys["assignee_id"], call["assignee_id"], listings["assignee_id"]) == (None, agent.pk, agent.pk)
    assert (call["kind"], call["due_on"], call["due_time"]) == ("call", "2026-12-03", "14:30")
    assert call["created_by"] == User.objects.get(username="gone").pk
    (done,) = api.get(f"/api/leads/{lead.pk}/follow-ups?done=true").json()
    assert (done["done_at"], done["created_at"]) == ("2026-01-06T09:00:00.000000", "2026-01-02T08:00:00.000000")
    (entry,) = api.get(f"/api/leads/{lead.pk}/history").json()[:1]
    assert (entry["kind"], entry["import_run"], entry["channel"]) == ("follow_up", report["run"], "import")
    assert "call: Call about the viewing" in entry["about"]
    assert list(find_inconsistencies()) == []

    undo(report["run"], SOMEBODY)
    assert not FollowUp.objects.exists()
    assert ImportRun.objects.get(pk=report["run"]).undo_report["follow_ups"] == 4
    assert LeadChange.objects.of_lead(lead.pk)[0].changes["follow_ups"][1] == []
    assert list(find_inconsistencies()) == []


def test_rows_with_errors(tmp_path: Path) -> None:
    make_lead(email="ann@example.com")
    path = write_csv(
        tmp_path,
        "ann@example.com,,call,2026-12-03,,,,,",
        "ann@example.com,Call,call,soon,,,,,",
        "ann@example.com,Call,call,2026-12-03,25:00,,,,",
        "bo@example.com,Call,call,2026-12-03,,,,,",
        "ann@example.com,Call,call,2026-12-03,,,,,",
        header=HEADER,
    )
    report = import_follow_ups(path, "--on-error", "skip", code=3)
    assert counts(report) == (5, 1, 0, 0, 4)
    assert [(problem["line"], problem["column"]) for problem in report["problems"]] == [
        (2, "title"),
        (3, "due_on"),
        (4, "due_time"),
        (5, "lead_email"),
    ]


LABELS = ("first_name", "last_name", "email", "phone", "owner__username", "tags", "status", "created_at", "closed_at")
ACTIVITY = ("lead__email", "user__username", "activity_type", "title", "notes", "duration", "activity_date")
FOLLOW_UP = ("title", "kind", "due_on", "due_time", "assignee__username", "done_at", "created_at")


def office() -> list[Any]:
    """Return all that an export takes along, in a form without ids."""
    leads = {lead.pk: lead.email for lead in Lead.objects.active()}
    in_force = {leads[pk]: consent for pk, consent in Consent.objects.in_force(leads).items()}
    follow_ups = FollowUp.objects.values_list("lead__email", "created_by__username", *FOLLOW_UP)
    activities = Activity.objects.values_list("created_at", *ACTIVITY)
    rows = (Lead.objects.active().values_list(*LABELS), activities, follow_ups)
    return [*(sorted(of, key=repr) for of in rows), in_force]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".jsonl"])
def test_an_office_moves_into_an_empty_one(tmp_path: Path, api: Api, agent: User, suffix: str) -> None:
    make_user(is_superuser=True, username="boss")
    other = make_user(username="Zoë")
    ann = make_lead(
        first_name="=Ann", email="ann@example.com", owner_id=agent.pk, tags="vip, cash buyer", status="closed"
    )
    bo = make_lead(email="bo@example.com", owner_id=other.pk)
    make_lead(email="cy@example.com")
    make_activity(ann, other, title="'=Call", notes="two\nlines", duration=12)
    for lead, due_time, assignee in ((ann, "14:30", agent.pk), (bo, None, None), (bo, "00:00", other.pk)):
        planned = {"title": "=Call", "kind": "call", "due_on": "2026-12-03", "due_time": due_time}
        reply = api.post(f"/api/leads/{lead.pk}/follow-ups", {**planned, "assignee_id": assignee})
        assert reply.status_code == 201
    assert api.post(f"/api/activities/follow-ups/{reply.json()['id']}/done", {}).status_code == 200
    for channel in ("call", "text"):
        body = {"channel": channel, "state": "revoked"}
        assert api.post(f"/api/leads/{bo.pk}/consents", body).status_code == 201
    before, name = office(), f"office{suffix}"
    export_leads(tmp_path / name, "--with-activities")

    with connection.cursor() as cursor:  # what is only ever added cannot be deleted through the models
        for model in (FollowUp, Activity, Consent, LeadChange, Lead):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
    Installation.objects.all().delete()
    parts = ("", "", "") if suffix == ".jsonl" else ("", "-activities", "-follow-ups")
    paths = [tmp_path / f"office{part}{suffix}" for part in parts]
    assert run_import("import_leads", paths[0])["created"] == 3
    assert run_import("import_activities", paths[1])["created"] == 1
    assert run_import("import_follow_ups", paths[2])["created"] == 3
    assert office() == before
    assert list(find_inconsistencies()) == []
