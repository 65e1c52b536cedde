"""Who a person is to us: the leads that are theirs, and their account."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from activities.models import Activity
from crm_project import values
from leads import erasing
from leads.models import ImportUpdate, Lead, LeadChange
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
    other leads that once had it, which may be somebody else's. ``users`` are the accounts that have it as e-mail or as
    user name. ``addresses``, ``numbers`` and ``names`` are the leads' and the accounts', those they once had too; first
    and last name are without anything between them, in both orders; ``halves`` are pairs of them. ``texts`` is what the
    leads' personal columns held, word for word, and ``runs`` the imports that wrote them; ``authored`` are the imports
    with activities of the accounts.
    """

    email_key: str
    lead_ids: tuple[int, ...]
    formerly: tuple[int, ...]
    users: tuple[User, ...]
    addresses: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    halves: frozenset[tuple[str, str]]
    texts: frozenset[str]
    runs: frozenset[int]
    authored: frozenset[int]

    def told_in(self, text: object) -> bool:
        """Whether what somebody typed has them in it: an address, a number, or first and last name next to each other.

        However written: a file's name, ``offer-Ada_Lovelace.xlsx``, a sentence, a bad row's cells, one after another.
        """
        plain = _plain(str(text))
        return any(one in plain for known in (self.addresses, self.numbers, self.names) for one in known)

    def signs_with(self, text: object) -> bool:
        """Whether that is a user name of theirs, and nothing else."""
        return values.key(str(text)) in {user.username_key for user in self.users}

    def signed(self, run_id: int, name: str) -> bool:
        """Whether an import named them, by that name, as the author of its rows: now theirs, or nobody's any more."""
        named_since = run_id in self.authored and not User.objects.filter(username_key=values.key(name)).exists()
        return self.signs_with(name) or named_since

    def told_apart_in(self, texts: Iterable[str]) -> set[str]:
        """The texts that are their first or last name and nothing else, where both are among them."""
        plain = {text: _plain(text) for text in texts}
        said = set(plain.values())
        theirs = {half for pair in self.halves if said.issuperset(pair) for half in pair}
        return {text for text, letters in plain.items() if letters in theirs}

    def set_by(self, run_id: int, texts: Collection[str]) -> set[str]:
        """Which values that an import set for all its rows stand, or stood, in one of their leads that it wrote."""
        return {text for text in texts if text.strip() in self.texts} if run_id in self.runs else set()


def person(email: str) -> Person:
    """Everything that an address leads to. Raises ``values.Invalid`` for what is no address.

    No index finds deleted leads, nor addresses in the history: this walks through those tables, once.
    """
    key = values.key(values.email(email))
    ids = _with_merged(Lead.objects.filter(email_key=key).values_list("pk", "merged_into"))
    formerly = tuple(pk for pk in erasing.once_with(key) if pk not in ids)
    users = tuple(User.objects.filter(Q(email_key=key) | Q(username_key=key)).order_by("pk"))
    had: dict[str, set[str]] = {field: set() for field in erasing.PERSONAL}
    for row in Lead.objects.filter(pk__in=ids).values(*had):
        for field, value in row.items():
            had[field].add(value or "")
    runs = {*ImportUpdate.objects.filter(lead_id__in=ids).values_list("run_id", flat=True)}
    runs.update(run for run in Lead.objects.filter(pk__in=ids).values_list("import_run", flat=True) if run)
    for told in LeadChange.objects.filter(lead_id__in=ids).values_list("changes", flat=True):
        for field in had.keys() & told.keys():
            had[field].update(value for value in told[field] if isinstance(value, str) and value != erasing.ERASED)
    texts = frozenset(text for field in had.values() for text in field if text)
    for user in users:
        had["first_name"].add(user.first_name)
        had["last_name"].add(user.last_name)
        had["email"].add(user.email)
    imported = Activity.objects.filter(user__in=users, import_run__isnull=False).distinct()
    numbers = {values.digits(phone) for phone in had["phone"]}
    firsts, lasts = ({_plain(name) for name in had[field]} for field in ("first_name", "last_name"))
    halves = frozenset((first, last) for first in firsts for last in lasts if _tell_apart(first, last))
    return Person(
        email_key=key,
        lead_ids=tuple(sorted(ids)),
        formerly=formerly,
        users=users,
        addresses=frozenset({_plain(key), *(_plain(address) for address in had["email"] if address)}),
        numbers=frozenset(number for number in numbers if len(number) >= SHORTEST_NUMBER),
        names=frozenset(name for first, last in halves for name in (first + last, last + first)),
        halves=halves,
        texts=texts,
        runs=frozenset(runs),
        authored=frozenset(imported.values_list("import_run_id", flat=True)),
    )


def _tell_apart(first: str, last: str) -> bool:
    """Whether a name is a whole one, and long enough to tell somebody apart."""
    return bool(first and last) and len(first + last) >= SHORTEST_NAME


def _plain(text: str) -> str:
    """Letters and digits alone, folded."""
    return _no_letter.sub("", values.fold(text))


def _with_merged(leads: Iterable[tuple[int, int | None]]) -> set[int]:
    """The leads, those they were merged into, and all that was merged into these."""
    survivors = {merged_into or pk for pk, merged_into in leads}
    return set(Lead.objects.filter(Q(pk__in=survivors) | Q(merged_into__in=survivors)).values_list("pk", flat=True))
