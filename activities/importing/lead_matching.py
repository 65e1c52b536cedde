"""The lead of each row: by its number where that can be believed, else by who it is.

Numbers of leads mean something in one installation alone. Our exports name theirs, and say of each lead its email
address, name, telephone number and the time it was created at; these identify it in another installation.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from crm_project.validation import MISSING, FieldError, normalized_key
from leads.duplicates import leads_with_keys, names_contradict
from leads.models import Installation, Lead
from leads.search_keys import full_name_key, person_key, phone_key

MAX_WITHOUT_KEYS = 1000  # leads without an email address, or without a number or name, that are looked through
FIELDS = ("id", "first_name", "last_name", "email_key", "person_key", "phone", "created_at")


class LeadReference(NamedTuple):
    """What a row says about its lead; "" and ``None`` for blank cells."""

    lead_id: int | None = None
    email: str = ""
    name: str = ""
    phone: str = ""
    created_at: datetime | None = None
    installation: str = ""

    @property
    def email_key(self) -> str:
        """Return the form in which email addresses are compared."""
        return normalized_key(self.email)

    @property
    def name_key(self) -> str:
        """Return the form in which full names are compared."""
        return full_name_key(self.name, "")

    @property
    def person_key(self) -> str:
        """Return the form in which phone numbers with names are compared; "" if one is missing."""
        return person_key(self.phone, self.name_key)

    def agreement(self, lead: Lead) -> list[bool]:
        """Return whether the lead has the same email address, name and number, of those that the row has."""
        name = full_name_key(lead.first_name, lead.last_name)
        compared = (
            (self.email, lead.email_key == self.email_key),
            (self.name, name == self.name_key),
            (self.phone, phone_key(lead.phone) == phone_key(self.phone)),
        )
        return [is_same for value, is_same in compared if value]


class LeadMatcher:
    """Finds the leads of a batch of rows, in a constant number of queries."""

    def __init__(self, ids_are_ours: bool) -> None:
        """``ids_are_ours``: ids in a file that names no installation are those of this one."""
        self.ids_are_ours, self.installation = ids_are_ours, Installation.current_name()

    def match(self, references: Sequence[LeadReference]) -> list[int | FieldError]:
        """Return the id of each row's active lead, locked until the transaction ends, or why there is none."""
        by_email = leads_with_keys("email_key", {reference.email_key for reference in references})
        by_person = leads_with_keys("person_key", {reference.person_key for reference in references})
        without_keys = self._without_keys(references)
        found = {lead.target for book in (by_email, by_person) for leads in book.values() for lead in leads}
        named = {reference.lead_id for reference in references if reference.lead_id is not None}
        self.leads = _lock(named | found | without_keys)
        self.by_email = {key: self._locked(lead.target for lead in leads) for key, leads in by_email.items()}
        self.by_person = {key: self._locked(lead.target for lead in leads) for key, leads in by_person.items()}
        self.without_keys = self._locked(sorted(without_keys))
        return [self._match(reference) for reference in references]

    def _without_keys(self, references: Iterable[LeadReference]) -> set[int]:
        """Return the leads that neither an email address nor a phone number with a name identifies."""
        moments = {r.created_at for r in references if r.created_at and not (r.email or r.person_key)}
        if not moments:
            return set()
        leads = Lead.objects.active().filter(created_at__in=moments, email_key="", person_key="")
        return set(leads.values_list("pk", flat=True)[:MAX_WITHOUT_KEYS])

    def _locked(self, ids: Iterable[int]) -> list[Lead]:
        return [self.leads[lead_id] for lead_id in ids if lead_id in self.leads]

    def _match(self, reference: LeadReference) -> int | FieldError:
        if reference.lead_id is not None and self._is_believed(reference):
            return reference.lead_id
        if reference.email and (with_email := self.by_email.get(reference.email_key)):
            return _only(reference, with_email, "lead_email", reference.email, "email address")
        if reference.person_key and (persons := self.by_person.get(reference.person_key)):
            return _only(reference, persons, "lead_phone", reference.phone, "number and name")
        if reference.created_at and (same := [lead for lead in self.without_keys if _is_same(reference, lead)]):
            return _only(reference, same, "lead_name", reference.name, "name")
        return self._no_lead(reference)

    def _is_believed(self, reference: LeadReference) -> bool:
        """Return whether the id identifies the lead. That of another installation never does."""
        lead = self.leads.get(reference.lead_id or 0)
        if lead is None or reference.installation not in ("", self.installation):
            return False
        agreement = reference.agreement(lead)
        if reference.installation:  # people change names and numbers
            return any(agreement) or not agreement
        return all(agreement) and (bool(agreement) or self.ids_are_ours)

    def _no_lead(self, reference: LeadReference) -> FieldError:
        if reference.email:
            return _error("lead_email", "No active lead has this email address", reference.email)
        if reference.phone or reference.name:
            column = "lead_phone" if reference.phone else "lead_name"
            return _error(column, "No active lead has this name and number", reference.phone or reference.name)
        if reference.lead_id is None:
            message = "Neither the lead's number nor its email address, nor its name and telephone number are given"
            return FieldError(MISSING[0], ("lead_id",), message, "")
        if reference.lead_id in self.leads or not self._may_be_ours(reference):
            message = (
                "The number may be another installation's: the lead's email address, or name and telephone number, are "
                "needed too (or --ids-are-ours)"
            )
            return _error("lead_id", message, reference.lead_id)
        return _error("lead_id", "There is no active lead of that number", reference.lead_id)

    def _may_be_ours(self, reference: LeadReference) -> bool:
        return reference.installation == self.installation or (not reference.installation and self.ids_are_ours)


def _lock(ids: Collection[int]) -> dict[int, Lead]:
    """Return the active ones of these leads, locked in the order of their ids, so that two writers do not deadlock."""
    leads = Lead.objects.active().filter(pk__in=ids).select_for_update().order_by("pk").only(*FIELDS)
    return {lead.pk: lead for lead in leads}


def _only(reference: LeadReference, leads: Sequence[Lead], column: str, value: Any, what: str) -> int | FieldError:
    """Return the one lead that the row refers to, among those with its address, or its name and number."""
    first, _, last = reference.name.strip().partition(" ")
    left = [lead for lead in leads if not names_contradict(first, last, lead.first_name, lead.last_name)]
    if not left:
        return _error(column, f"Only leads of another name have this {what}", value)
    narrower: tuple[Callable[[Lead], bool], ...] = (
        lambda lead: full_name_key(lead.first_name, lead.last_name) == reference.name_key,
        lambda lead: phone_key(lead.phone) == phone_key(reference.phone),
        lambda lead: lead.created_at == reference.created_at,
    )
    for is_meant in narrower:
        left = [lead for lead in left if is_meant(lead)] or left
    if len(left) > 1:
        return _error(column, f"{len(left)} leads have this {what}; give lead_id", value)
    return int(left[0].pk)


def _is_same(reference: LeadReference, lead: Lead) -> bool:
    """Return whether a lead has the row's name, phone and creation time."""
    name, phone = full_name_key(lead.first_name, lead.last_name), phone_key(lead.phone)
    same_person = name == reference.name_key and phone == phone_key(reference.phone)
    return same_person and lead.created_at == reference.created_at


def _error(column: str, message: str, value: Any) -> FieldError:
    return FieldError("no_lead", (column,), message, value)
