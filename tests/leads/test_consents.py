"""Consent: GET and POST /api/leads/{lead_id}/consents, and what it changes elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest

from crm_project.db.append_only import ImmutableRecord
from leads.consents import Consent
from leads.importing.undo import undo
from leads.models import ImportRun, Lead
from maintenance.integrity.checks import find_inconsistencies
from maintenance.integrity.repair import repair
from maintenance.privacy.erase import erase
from tests.admin.conftest import boss as boss
from tests.admin.people import join
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import SOMEBODY, make_lead, make_user
from users.models import User
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Lead:
    return make_lead(email="who@example.com")


def say(api: Api, lead: Lead, channel: str, state: str = "revoked", **more: Any) -> Any:
    reply = api.post(f"/api/leads/{lead.pk}/consents", {"channel": channel, "state": state, **more})
    assert reply.status_code == 201, reply.content
    return reply.json()


def counts(api: Api, lead: Lead) -> list[str | None]:
    """Return what counts for calls, texts and emails."""
    return list(api.get(f"/api/leads/{lead.pk}?include=consent").json()["consent"].values())


def test_it_works(api: Api, agent: User, lead: Lead) -> None:
    before = Lead.objects.get(pk=lead.pk)
    assert counts(api, lead) == [None, None, None]
    first = say(api, lead, "all", "granted", wording="Signed the form", evidence="form 7")
    assert {**first, "id": 0, "created_at": ""} == {
        **{"id": 0, "lead_id": lead.pk, "channel": "all", "state": "granted", "wording": "Signed the form"},
        **{"evidence": "form 7", "created_at": "", "created_by": agent.pk},
    }
    assert counts(api, lead) == ["granted"] * 3
    second = say(api, lead, "call")
    assert (second["wording"], counts(api, lead)) == (None, ["revoked", "granted", "granted"])
    assert api.get(f"/api/leads/{lead.pk}/consents").json() == [second, first]
    assert api.get(f"/api/leads/{lead.pk}/consents?size=1&page=2").json() == [first]
    after = Lead.objects.get(pk=lead.pk)
    assert (after.version, after.updated_at) == (1, before.updated_at)
    assert after.change_time > before.change_time
    entry = api.get(f"/api/leads/{lead.pk}/history").json()[0]
    assert (entry["kind"], entry["changes"]) == ("consent", [{"field": "consent_call", "old": None, "new": "revoked"}])
    with pytest.raises(ImmutableRecord):
        Consent.objects.all().delete()


def test_what_is_refused(api: Api, lead: Lead, case: Case) -> None:
    for body, problem in [
        ({"channel": "fax", "state": "revoked"}, ("literal_error", "channel")),
        ({"channel": [], "state": "revoked"}, ("literal_error", "channel")),
        ({"channel": "call", "state": "maybe"}, ("literal_error", "state")),
        ({"channel": "call", "state": "revoked", "wording": "x" * 2001}, ("string_too_long", "wording")),
        ({"channel": "call", "state": "revoked", "colour": 1}, ("extra_forbidden", "colour")),
        ({"channel": "call"}, ("missing", "state")),
    ]:
        with case(body, problem):
            kind, field = problem
            assert refused(api.post(f"/api/leads/{lead.pk}/consents", body)) == [(kind, ["body", field])]
            assert not Consent.objects.exists()


def test_deleted_and_full(api: Api, lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads.consents.MAX_CONSENTS", 1)
    say(api, lead, "call")
    body = {"channel": "call", "state": "granted"}
    assert api.post(f"/api/leads/{lead.pk}/consents", body).status_code == 409
    Lead.objects.filter(pk=lead.pk).update(is_active=False)
    assert api.post(f"/api/leads/{lead.pk}/consents", body).status_code == 404
    assert api.get(f"/api/leads/{lead.pk}/consents").status_code == 404


def test_contactable(api: Api, boss: Any) -> None:
    leads = {name: make_lead(**fields) for name, fields in {"plain": {}, "no phone": {"phone": ""}, "no": {}}.items()}
    leads |= {"again": make_lead(), "no calls": make_lead()}
    say(api, leads["no"], "all")
    say(api, leads["again"], "call")
    say(api, leads["again"], "all", "granted")
    say(api, leads["no calls"], "all", "granted")
    say(api, leads["no calls"], "call")

    def found(channel: str) -> set[str]:
        numbers = {row["id"] for row in api.get("/api/leads", contactable=channel).json()}
        return {name for name, lead in leads.items() if lead.pk in numbers}

    assert found("call") == {"plain", "again"}
    assert found("text") == {"plain", "again", "no calls"}
    assert found("email") == {"plain", "no phone", "again", "no calls"}
    html = boss.get("/admin/leads/lead/?contactable=call").content.decode()
    assert [name for name, lead in leads.items() if f"/lead/{lead.pk}/change/" in html] == ["plain", "again"]
    exported = boss.get(f"/admin/leads/lead/{leads['no'].pk}/change/").content.decode()
    assert "Do not call, text or email" in exported


def test_merging_keeps_the_strictest(api: Api, api_as: Callable[[User], Api], lead: Lead) -> None:
    manager, other = make_user(), make_lead()
    join(manager, MANAGERS)
    say(api, lead, "call")
    say(api, lead, "email", "granted")
    say(api, other, "all", "granted")
    say(api, other, "text")
    assert api_as(manager).post(f"/api/leads/{lead.pk}/merge", {"merge": [other.pk]}).status_code == 200
    assert counts(api, lead) == ["revoked", "revoked", "granted"]
    assert Consent.objects.filter(lead=lead).count() == 5
    assert Consent.objects.filter(wording__startswith="Leads were merged").count() == 1
    moved = Consent.objects.latest("pk")
    Consent.objects.filter(pk=moved.pk).overwrite(lead_id=other.pk)
    found = list(find_inconsistencies())
    assert [(one.record, one.expected) for one in found] == [(f"consent {moved.pk}", lead.pk)]
    repair(found)
    assert (list(find_inconsistencies()), counts(api, lead)[0]) == ([], "revoked")


def test_sync_erasure_and_undo(api: Api, lead: Lead) -> None:
    until = api.get("/api/leads?updated_since=")["X-Synced-Until"]
    say(api, lead, "call", wording="secret", evidence="secret")
    assert [row["id"] for row in api.get("/api/leads", updated_since=until).json()] == [lead.pk]
    run = ImportRun.objects.create(file_name="x", sha256="x", state=ImportRun.State.DONE, read=2, created=2)
    Lead.objects.filter(pk__in=[lead.pk, make_lead().pk]).update(import_run=run)
    assert undo(run.pk, SOMEBODY).undo_report["why"] == {str(lead.pk): "consent was recorded"}
    assert erase("who@example.com", SOMEBODY).counts["consents"] == 1
    assert list(Consent.objects.values_list("state", "wording", "evidence")) == [("revoked", None, None)]
