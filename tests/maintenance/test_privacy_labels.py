"""Owner, tags, follow-ups, consents and saved views: merged, verified, exported and erased together."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from activities.merge import merge
from leads.merge import suggest_merge
from leads.models import Consent, Lead, SavedView
from maintenance.integrity.checks import find_inconsistencies
from maintenance.privacy.erase import erase
from tests.factories import SOMEBODY, make_follow_up, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db
EMAIL = "zelda@example.com"


def exported(email: str) -> Any:
    """Return the document with all that is stored about a person."""
    out = io.StringIO()
    call_command("export_person", email, stdout=out)
    return json.loads(out.getvalue())


def test_a_person(agent: User) -> None:
    first, other = make_lead(email=EMAIL, tags="VIP"), make_lead(email=EMAIL, tags="hot", owner_id=agent.pk)
    follow_up = make_follow_up(other, agent, title="Call Zelda")
    refused = {"channel": "call", "state": "revoked", "wording": "Zelda wants no calls", "evidence": None}
    Consent.objects.record(other.pk, refused, SOMEBODY)
    lead = merge(suggest_merge(Lead.objects.order_by("pk")), SOMEBODY)
    assert (lead.pk, lead.tags, lead.owner_id) == (first.pk, "VIP, hot", agent.pk)
    assert list(find_inconsistencies()) == []

    found = exported(EMAIL)
    assert [row["tags"] for row in found["leads"] if row["is_active"]] == ["VIP, hot"]
    assert [(row["id"], row["title"]) for row in found["follow_ups"]] == [(follow_up.pk, "Call Zelda")]
    assert [row["wording"] for row in found["consents"]] == ["Zelda wants no calls"]

    erase(EMAIL, SOMEBODY)
    lead.refresh_from_db()
    assert (lead.is_active, lead.tags, lead.owner_id) == (False, "", agent.pk)
    texts = json.dumps([*lead.follow_ups.values_list("title"), *lead.consents.values_list("wording")])
    assert "Zelda" not in texts
    assert list(find_inconsistencies()) == []


def test_an_account() -> None:
    user, lead = make_user(email=EMAIL), make_lead(email="other@example.com")
    Lead.objects.update_lead(lead.pk, {"owner_id": user.pk}, SOMEBODY)
    follow_up = make_follow_up(lead, user)
    SavedView.objects.create(user=user, name="Zelda's", query="owner=me")
    found = exported(EMAIL)
    assert [row["id"] for row in found["leads_owned"]] == [lead.pk]
    assert [row["id"] for row in found["follow_ups_assigned_or_made"]] == [follow_up.pk]
    assert [row["name"] for row in found["saved_views"]] == ["Zelda's"]
    counts = erase(EMAIL, SOMEBODY).counts
    assert counts["saved views"] == 1
    assert not SavedView.objects.exists()
    assert list(find_inconsistencies()) == []
