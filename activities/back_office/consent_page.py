"""Consent on the page of a lead."""

from typing import Any

from leads.back_office.cells import excerpt
from leads.consents import GRANTED, REVOKED, WAYS, Consent
from leads.models import Lead

MAX_WORDING = 200  # characters that are shown


def context(lead: Lead) -> dict[str, Any]:
    """Return how the lead may not be contacted ("call or email"), the latest revocation, and what was agreed to."""
    given = Consent.objects.statements_in_force([lead.pk])[lead.pk]
    states = {way: consent.state for way, consent in given.items()}
    *others, last = [way for way in WAYS if states.get(way) == REVOKED] or [""]
    revoked = [consent for consent in given.values() if consent.state == REVOKED]
    latest = max(revoked, key=lambda consent: consent.pk, default=None)
    return {
        "no_contact": f"{', '.join(others)} or {last}" if others else last,
        "revocation": latest,
        "revocation_words": excerpt(latest.wording or "", MAX_WORDING) if latest else "",
        "agreed_to": ", ".join(f"{way}s" for way in WAYS if states.get(way) == GRANTED),
    }
