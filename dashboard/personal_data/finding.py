"""Who a person is to us: the leads that are theirs, and their account."""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from crm_project import values
from leads import erasing
from leads.models import Lead
from users.models import User

SHORTEST_NUMBER = 7  # digits; shorter ones are extensions and the like, and tell nobody apart
SHORTEST_NAME = 5  # letters of first and last name together


def admin_log(model: type[models.Model], ids: Iterable[int]) -> "models.QuerySet[LogEntry]":
    """What Django's admin noted down about these rows of ``model``: among other things what each was called."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    return about.filter(object_id__in=[str(pk) for pk in ids]).order_by("pk")


class Person(NamedTuple):
    """What an e-mail address stands for.

    ``lead_ids`` are the leads that have it, active or deleted, with those that they were merged with; ``formerly``
    other leads that once had it, which may be somebody else's. ``addresses`` and ``numbers`` are the leads', folded;
    ``names`` the leads' and the account's, first and last name without anything between them, in both orders.
    """

    email_key: str
    lead_ids: tuple[int, ...]
    formerly: tuple[int, ...]
    user: User | None
    addresses: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]

    def named_in(self, value: object) -> bool:
        """Whether a value that somebody typed holds one of the addresses, or is one of the telephone numbers."""
        folded = values.fold(str(value))
        return any(address in folded for address in self.addresses) or values.digits(folded) in self.numbers

    def told_in(self, text: object) -> bool:
        """Whether a file's name or a sentence has them in it, however written: ``offer-Ada_Lovelace.xlsx``."""
        plain = _plain(str(text))
        known = (*map(_plain, self.addresses), *self.names, *self.numbers)
        return any(one in plain for one in known)


def person(email: str) -> Person:
    """Everything that an address leads to. Raises ``values.Invalid`` for what is no address.

    No index finds deleted leads, nor addresses in the history: this walks through those tables, once.
    """
    key = values.key(values.email(email))
    ids = _with_merged(Lead.objects.filter(email_key=key).values_list("pk", "merged_into"))
    formerly = tuple(pk for pk in erasing.once_with(key) if pk not in ids)
    contacts = list(Lead.objects.filter(pk__in=ids).values_list("email_key", "phone", "first_name", "last_name"))
    user = User.objects.filter(email_key=key).first()
    called = [(first, last) for *_, first, last in contacts] + ([(user.first_name, user.last_name)] if user else [])
    return Person(
        email_key=key,
        lead_ids=tuple(sorted(ids)),
        formerly=formerly,
        user=user,
        addresses=frozenset({key, *(address for address, *_ in contacts if address)}),
        numbers=frozenset(
            number for _, phone, *_ in contacts if len(number := values.digits(phone)) >= SHORTEST_NUMBER
        ),
        names=frozenset(name for first, last in called for name in _both_ways(_plain(first), _plain(last))),
    )


def _both_ways(first: str, last: str) -> tuple[str, ...]:
    """Both orders of a name; none where it is half a name, or too short to tell anybody apart."""
    return (first + last, last + first) if first and last and len(first + last) >= SHORTEST_NAME else ()


def _plain(text: str) -> str:
    """Letters and digits alone, folded."""
    return "".join(filter(str.isalnum, values.fold(text)))


def _with_merged(leads: Iterable[tuple[int, int | None]]) -> set[int]:
    """The leads, those they were merged into, and all that was merged into these."""
    survivors = {merged_into or pk for pk, merged_into in leads}
    return set(Lead.objects.filter(Q(pk__in=survivors) | Q(merged_into__in=survivors)).values_list("pk", flat=True))
