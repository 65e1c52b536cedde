"""The person with an email address or a telephone number: leads, accounts, and identifiers in text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet

from crm_project import validation
from leads.audit import LeadChangeQuerySet
from leads.models import Lead, LeadChange
from leads.search_keys import phone_key
from leads.validators import MAX_PHONE
from maintenance.privacy.identifiers import MIN_PHONE, Identifiers
from users.audit import AccountEvent, AccountEventQuerySet
from users.models import User

NOT_SEARCHED = (
    "notes and activities of other leads",
    "files that wait on the import page (erasing a person deletes them all)",
    "texts of imports with a former, misspelt or cut address, number or name, or with a part of a name",
    "sources and statuses of leads, types of activities",
    "telephone numbers in the history of other leads",
    "morning mails that were sent, calendars that programs have fetched",
    "exported files, rejects files of import_leads, backups",
)

_no_number = re.compile(r"[^\d\s+()./-]")


class PrivacyError(Exception):
    """Data were not exported or erased. The text is for people."""


@dataclass(frozen=True)
class DataSubject:
    """A person: ``lead_ids`` have the address, active or deleted, or are merged with such leads.

    ``users`` have the address as email or user name. ``former_lead_ids`` once had the address, and may now be of other
    people. ``import_ids`` created the leads. A person found by telephone has no address and no accounts; the leads are
    those with the number and without an address.
    """

    email: str
    email_key: str
    phone: str
    lead_ids: list[int]
    former_lead_ids: list[int]
    users: list[User]
    user_ids: list[int]
    import_ids: frozenset[int]
    identifiers: Identifiers

    def is_address(self, value: object) -> bool:
        """Return whether a stored value is the address."""
        return bool(self.email) and isinstance(value, str) and validation.normalized_key(value) == self.email_key

    def is_named(self, typed: str) -> bool:
        """Return whether a typed text is the address or the number."""
        return self.is_address(typed) or (bool(self.phone) and phone_key(typed) == phone_key(self.phone))

    def named_in(self, model: type[Model], column: str) -> "QuerySet[Any]":
        """Return the rows that have the address as a name in a column; none without an address."""
        rows: QuerySet[Any] = model._default_manager.all()
        return rows.filter(**{f"{column}__iexact": self.email}) if self.email else rows.none()

    def former_entries(self) -> tuple[LeadChangeQuerySet, AccountEventQuerySet]:
        """Return the entries of the audit logs about other leads and accounts, which may have had the address once."""
        events = AccountEvent.objects.filter(changes__has_any_keys=["username", "email"])
        return LeadChange.objects.filter(lead_id__in=self.former_lead_ids), events.exclude(target_user__in=self.users)

    def log_entries(self, *others: tuple[type[Model], Iterable[int]]) -> "QuerySet[LogEntry]":
        """Return the admin log of the leads, the accounts, objects named by the address, and ``others`` by id."""
        about = Q(object_repr__iexact=self.email) if self.email else Q(pk__in=[])
        rows: list[tuple[type[Model], Iterable[int]]] = [(Lead, self.lead_ids), (User, self.user_ids), *others]
        for model, ids in rows:
            about |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=[str(pk) for pk in ids])
        return LogEntry.objects.filter(about).order_by("pk")


def find_subject(given: str) -> DataSubject:
    """Return the person of an address or a number; raise ``PrivacyError`` for other texts.

    Reads all leads and their history.
    """
    try:
        key = validation.normalized_key(validation.email(given))
    except validation.InvalidValue:
        return _find_by_phone(given)
    with_address = Lead.objects.filter(email_key=key).values_list("pk", "merged_into")
    changed = LeadChange.objects.filter(changes__has_key="email").values_list("lead_id", "changes__email").iterator()
    former = {lead_id for lead_id, pair in changed if key in [validation.normalized_key(str(value)) for value in pair]}
    users = list(User.objects.filter(Q(email_key=key) | Q(username_key=key)).order_by("pk"))
    return _subject(list(with_address), former, users, email=given.strip(), email_key=key)


def _find_by_phone(given: str) -> DataSubject:
    """Return the person of a number; leads that have an address as well are found by the address alone."""
    number = phone_key(given)
    if len(validation.digits(given)) < MIN_PHONE or len(given) > MAX_PHONE or _no_number.search(given):
        raise PrivacyError("Enter a valid email address or phone number.")
    rows = Lead.objects.filter(email="").exclude(phone="").values_list("pk", "merged_into", "phone").iterator()
    with_number = [(pk, merged_into) for pk, merged_into, phone in rows if phone_key(phone) == number]
    return _subject(with_number, set(), [], phone=given.strip())


def _subject(
    found: list[tuple[int, int | None]],
    former: set[int],
    users: list[User],
    email: str = "",
    email_key: str = "",
    phone: str = "",
) -> DataSubject:
    survivors = {merged_into or pk for pk, merged_into in found}
    leads = list(Lead.objects.filter(Q(pk__in=survivors) | Q(merged_into__in=survivors)).order_by("pk"))
    people: list[Any] = [*leads, *users]
    return DataSubject(
        email=email,
        email_key=email_key,
        phone=phone,
        lead_ids=[lead.pk for lead in leads],
        former_lead_ids=sorted(former - {lead.pk for lead in leads}),
        users=users,
        user_ids=[user.pk for user in users],
        import_ids=frozenset(lead.import_run_id for lead in leads if lead.import_run_id),
        identifiers=Identifiers(
            emails={email, *(row.email for row in people)},
            phones={phone, *(lead.phone for lead in leads)},
            names={(row.first_name, row.last_name) for row in people},
        ),
    )
