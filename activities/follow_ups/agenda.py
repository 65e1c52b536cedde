"""Entries of follow-ups for the morning mail and the calendar."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse

from activities.models import FollowUp
from leads.consents import REVOKED, Consent


class Entry(NamedTuple):
    """A follow-up with its lead's name, and the page of the lead; ``phone`` and ``email`` are "" if consent is revoked.

    Texts have no line breaks.
    """

    follow_up: FollowUp
    title: str
    lead: str
    phone: str
    email: str
    link: str

    @property
    def contact(self) -> list[str]:
        """Return the telephone number and the email address, without empty ones."""
        return [way for way in (self.phone, self.email) if way]


def entries(follow_ups: Iterable[FollowUp]) -> list[Entry]:
    """Return the entries of follow-ups that were read with their leads. One query."""
    found: Sequence[FollowUp] = list(follow_ups)
    consents = Consent.objects.in_force({follow_up.lead_id for follow_up in found})
    result = []
    for follow_up in found:
        lead, consent = follow_up.lead, consents[follow_up.lead_id]
        result.append(
            Entry(
                follow_up,
                _one_line(follow_up.title),
                _one_line(f"{lead.first_name} {lead.last_name}") or "Lead without a name",
                _one_line(lead.phone) if consent["call"] != REVOKED else "",
                _one_line(lead.email) if consent["email"] != REVOKED else "",
                settings.SITE_URL + reverse("admin:leads_lead_change", args=[lead.pk]),
            )
        )
    return result


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
