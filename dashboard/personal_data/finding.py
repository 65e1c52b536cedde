"""Who a person is to us: the leads that are theirs, and their account."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from crm_project import values
from leads import erasing
from leads.models import Lead, LeadChange
from users.models import User

SHORTEST_NUMBER = 7  # digits; shorter ones are extensions and the like, and tell nobody apart
SHORTEST_NAME = 5  # letters of first and last name together
_no_letter = re.compile(r"[\W_]+")


def admin_log(model: type[models.Model], ids: Iterable[int]) -> "models.QuerySet[LogEntry]":
    """What Django's admin noted down about these rows of ``model``: among other things what each was called."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    return about.filter(object_id__in=[str(pk) for pk in ids]).order_by("pk")


class Person(NamedTuple):
    """What an e-mail address stands for.

    ``lead_ids`` are the leads that have it, active or deleted, with those that they were merged with; ``formerly``
    other leads that once had it, which may be somebody else's. ``addresses``, ``numbers`` and ``names`` are the leads'
    and the account's, those they once had too; first and last name are without anything between them, in both orders.
    """

    email_key: str
    lead_ids: tuple[int, ...]
    formerly: tuple[int, ...]
    user: User | None
    addresses: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]

    def told_in(self, text: object) -> bool:
        """Whether what somebody typed has them in it: an address, a number, or first and last name next to each other.

        However written: a file's name, ``offer-Ada_Lovelace.xlsx``, a sentence, a bad row's cells, one after another.
        """
        plain = _plain(str(text))
        return any(one in plain for known in (self.addresses, self.numbers, self.names) for one in known)


def person(email: str) -> Person:
    """Everything that an address leads to. Raises ``values.Invalid`` for what is no address.

    No index finds deleted leads, nor addresses in the history: this walks through those tables, once.
    """
    key = values.key(values.email(email))
    ids = _with_merged(Lead.objects.filter(email_key=key).values_list("pk", "merged_into"))
    formerly = tuple(pk for pk in erasing.once_with(key) if pk not in ids)
    user = User.objects.filter(email_key=key).first()
    had: dict[str, set[str]] = {field: set() for field in ("email", "phone", "first_name", "last_name")}
    for row in Lead.objects.filter(pk__in=ids).values(*had):
        for field, value in row.items():
            had[field].add(value)
    for told in LeadChange.objects.filter(lead_id__in=ids).values_list("changes", flat=True):
        for field in had.keys() & told.keys():
            had[field].update(value for value in told[field] if isinstance(value, str))
    if user:
        had["first_name"].add(user.first_name)
        had["last_name"].add(user.last_name)
    numbers = {values.digits(phone) for phone in had["phone"]}
    firsts, lasts = ({_plain(name) for name in had[field]} for field in ("first_name", "last_name"))
    return Person(
        email_key=key,
        lead_ids=tuple(sorted(ids)),
        formerly=formerly,
        user=user,
        addresses=frozenset({_plain(key), *(_plain(address) for address in had["email"] if address)}),
        numbers=frozenset(number for number in numbers if len(number) >= SHORTEST_NUMBER),
        names=frozenset(name for first in firsts for last in lasts for name in _both_ways(first, last)),
    )


def _both_ways(first: str, last: str) -> tuple[str, ...]:
    """Both orders of a name; none where it is half a name, or too short to tell anybody apart."""
    return (first + last, last + first) if first and last and len(first + last) >= SHORTEST_NAME else ()


def _plain(text: str) -> str:
    """Letters and digits alone, folded."""
    return _no_letter.sub("", values.fold(text))


def _with_merged(leads: Iterable[tuple[int, int | None]]) -> set[int]:
    """The leads, those they were merged into, and all that was merged into these."""
    survivors = {merged_into or pk for pk, merged_into in leads}
    return set(Lead.objects.filter(Q(pk__in=survivors) | Q(merged_into__in=survivors)).values_list("pk", flat=True))
