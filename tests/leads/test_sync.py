"""GET /api/leads?updated_since=…: who polls by ``X-Synced-Until`` ends with exactly the rows that are there."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from activities.merge import merge
from activities.models import Activity
from leads.importing.undo import undo
from leads.merge import suggest_merge
from leads.models import ImportRun, Lead
from maintenance.privacy.erase import erase
from tests.concurrency import shared_database, together
from tests.conftest import Api
from tests.factories import SOMEBODY, bearer, lead_row, make_activity, make_lead
from tests.importing.command import import_leads, write_csv
from tests.leads.test_grid import link
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

SHOWN = "include=version,created_by,last_activity,closed_at"


class Poller:
    """A client with a copy of all leads."""

    def __init__(self, api: Api, size: int = 3) -> None:
        self.api, self.size = api, size
        self.since = ""
        self.rows: dict[int, dict[str, Any]] = {}

    def poll(self) -> list[int]:
        """Walk through what changed since the last time; the ids that came."""
        came: list[int] = []
        since = None
        target: str | None = f"/api/leads?updated_since={self.since}&{SHOWN}&size={self.size}&after="
        while target:
            reply = self.api.client.get(target)
            assert reply.status_code == 200, reply.content
            since = since or reply.headers["X-Synced-Until"]
            assert reply.headers["X-Synced-Until"] == since, "all pages of a walk carry the value of the first"
            came += [row["id"] for row in reply.json()]
            self.rows.update({row["id"]: row for row in reply.json()})
            target = link(reply, "next")
        assert since
        assert since.endswith("Z")
        self.since = since
        return came


def everything(api: Api) -> dict[int, dict[str, Any]]:
    rows = api.client.get(f"/api/leads?deleted=include&size=1000&{SHOWN}").json()
    return {row["id"]: row for row in rows}


def _merge(api: Api, leads: list[Lead]) -> None:
    merge(suggest_merge(leads[:2]), SOMEBODY)


def _undo_import(api: Api, leads: list[Lead]) -> None:
    undo(ImportRun.objects.latest("pk").pk, SOMEBODY)


def _repair(api: Api, leads: list[Lead]) -> None:
    Activity.objects.filter(lead=leads[0]).delete()
    call_command("verify", "--repair", verbosity=0)


CHANGES: dict[str, Callable[[Api, list[Lead]], Any]] = {
    "create": lambda api, leads: api.post("/api/leads", lead_row()),
    "bulk": lambda api, leads: api.post("/api/leads", [lead_row() for _ in range(7)]),
    "update": lambda api, leads: api.put(f"/api/leads/{leads[0].pk}", {"status": "closed"}),
    "delete": lambda api, leads: api.delete(f"/api/leads/{leads[0].pk}"),
    "log": lambda api, leads: make_activity(leads[0], api.user, activity_date="2030-01-01"),  # type: ignore[attr-defined]
    "many statuses": lambda api, leads: Lead.objects.filter(pk__lt=leads[3].pk).update_leads(
        "status", "lost", SOMEBODY
    ),
    "merge": _merge,
    "erase": lambda api, leads: erase(leads[1].email, SOMEBODY),
    "undo": _undo_import,
    "repair": _repair,
}


@pytest.fixture
def leads(api: Api, agent: User, tmp_path: Path) -> list[Lead]:
    """Some leads, one of them with an activity, and some of an import."""
    api.user = agent  # type: ignore[attr-defined]
    stored = [make_lead() for _ in range(5)]
    make_activity(stored[0], agent)
    import_leads(write_csv(tmp_path, *(f"Imported{n},X,imported{n}@example.com,," for n in range(5))))
    return stored


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_comes(api: Api, leads: list[Lead], change: Callable[[Api, list[Lead]], Any]) -> None:
    client = Poller(api)
    assert sorted(client.poll()) == sorted(everything(api))
    assert client.poll() == [], "a round without changes is empty"
    change(api, leads)
    came = client.poll()
    assert came
    assert client.rows == everything(api)
    assert len(came) < len(client.rows), "and what did not change does not come again"


def test_a_moment_of_ones_own(api: Api, leads: list[Lead]) -> None:
    assert len(api.get("/api/leads", updated_since="2020-01-01", size=100).json()) == 10
    assert api.get("/api/leads", updated_since="2999-01-01T00:00:00Z").json() == []
    assert "X-Synced-Until" not in api.get("/api/leads", sort="id").headers


def test_deleted_leads_come_as_inactive(api: Api, leads: list[Lead]) -> None:
    client = Poller(api)
    client.poll()
    api.delete(f"/api/leads/{leads[2].pk}")
    assert client.poll() == [leads[2].pk]
    assert client.rows[leads[2].pk]["is_active"] is False


def test_changes_between_the_pages_of_a_walk(api: Api, leads: list[Lead]) -> None:
    client = Poller(api)
    target: str | None = f"/api/leads?updated_since=&{SHOWN}&size=2&after="
    first = ""
    number = 0
    while target:
        reply = api.client.get(target)
        first = first or reply.headers["X-Synced-Until"]
        client.rows.update({row["id"]: row for row in reply.json()})
        target = link(reply, "next")
        api.put(f"/api/leads/{leads[number % 5].pk}", {"property_interest": f"{number}"})
        api.delete(f"/api/leads/{leads[4].pk}")
        number += 1
    client.since = first
    client.poll()
    assert client.rows == everything(api)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite lets one write at a time")
def test_transactions_that_commit_later_than_those_after_them(api: Api, leads: list[Lead]) -> None:
    """A slow transaction writes first and commits last; a client polls before, while and after others write."""
    client = Poller(api)
    client.poll()
    written, polled = Event(), Event()

    def slow() -> None:
        with transaction.atomic():
            Lead.objects.filter(pk=leads[0].pk).update_leads("status", "qualified", SOMEBODY)
            make_lead(first_name="Slow")
            written.set()
            assert polled.wait(60)

    def others() -> None:
        assert written.wait(60)
        for number in range(3):
            api.put(f"/api/leads/{leads[1].pk}", {"property_interest": f"{number}"})
            make_lead(first_name=f"Quick{number}")
            client.poll()
        polled.set()

    together(slow, others)
    assert client.rows != everything(api)
    client.poll()
    assert client.rows == everything(api)
    assert client.poll() == []


def test_an_import_while_a_client_polls(api: Api, agent: User, leads: list[Lead], tmp_path: Path) -> None:
    """The client polls as often as it can until the import and, on PostgreSQL, single writes beside it have ended."""
    file = write_csv(tmp_path, *(f"Row{n},Y,row{n}@example.com,," for n in range(3000)))
    ended = Event()
    client = Poller(api, size=1000)

    def load() -> None:
        try:
            import_leads(file)
        finally:
            ended.set()

    def poll() -> int:
        rounds = 0
        while not ended.is_set():
            client.poll()
            rounds += 1
            if connection.vendor == "postgresql":
                api.put(f"/api/leads/{leads[0].pk}", {"property_interest": f"{rounds}"})
        return rounds

    with shared_database(tmp_path):
        api.client.defaults |= {"HTTP_AUTHORIZATION": bearer(agent)["Authorization"]}
        client.poll()
        together(load, poll)
        client.poll()
        assert client.rows == {row["id"]: row for row in _all(api)}
        assert len(client.rows) == 3010


def _all(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    target: str | None = f"/api/leads?deleted=include&size=1000&after=&{SHOWN}"
    while target:
        reply = api.client.get(target)
        rows += reply.json()
        target = link(reply, "next")
    return rows
