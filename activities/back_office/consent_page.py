"""Consent on the page of a lead."""

from leads.consents import REVOKED, WAYS, Consent
from leads.models import Lead


def forbidden(lead: Lead) -> str:
    """Return how the lead may not be contacted, as words: "call or email"; "" if nothing is revoked."""
    state = Consent.objects.in_force([lead.pk])[lead.pk]
    *others, last = [way for way in WAYS if state[way] == REVOKED] or [""]
    return f"{', '.join(others)} or {last}" if others else last
