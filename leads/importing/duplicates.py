"""Who is there already: stored active leads by normalised e-mail, or by telephone digits and full name.

Looked up for a batch at a time, in two indexed queries. Rows of the same batch are told apart by the keys in
``Known``, so that the outcome is the same as if the rows had come in one by one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.db import connection

from leads.rules import Derived

Target = Any  # the id of a stored lead, or the caller's own record of a row that is about to be stored


class Known:
    """The leads that rows may double, by key; an address counts before a person, an older lead before a newer."""

    def __init__(self, keys: Iterable[Derived]) -> None:
        emails, persons = set(), set()
        for derived in keys:
            emails.add(derived.email_key)
            persons.add(derived.person_key)
        self.by_email: dict[str, Target] = oldest("email_key", emails)
        self.by_person: dict[str, Target] = oldest("person_key", persons)

    def match(self, derived: Derived) -> tuple[Target, str] | None:
        """The lead that this one doubles, and by what ("e-mail" or "phone and name")."""
        if derived.email_key and (found := self.by_email.get(derived.email_key)) is not None:
            return found, "e-mail"
        if derived.person_key and (found := self.by_person.get(derived.person_key)) is not None:
            return found, "phone and name"
        return None

    def add(self, derived: Derived, target: Target) -> None:
        """Remember a lead; the first with a key keeps it."""
        if derived.email_key:
            self.by_email.setdefault(derived.email_key, target)
        if derived.person_key:
            self.by_person.setdefault(derived.person_key, target)

    def move(self, before: Mapping[str, str], derived: Derived, target: Target) -> None:
        """Take note that ``target``, known under the keys of ``before``, has those of ``derived`` now."""
        for book, column in ((self.by_email, "email_key"), (self.by_person, "person_key")):
            if before[column] != getattr(derived, column) and book.get(before[column]) == target:
                del book[before[column]]
        self.add(derived, target)


def oldest(column: str, keys: set[str]) -> dict[str, int]:
    """The oldest active lead with each of these keys."""
    return {key: lead_id for key, (lead_id, _) in with_key(column, keys).items()}


def with_key(column: str, keys: set[str]) -> dict[str, tuple[int, int]]:
    """Of each of these keys that active leads have in ``column``: the oldest lead's id, and how many have it."""
    keys.discard("")
    if not keys:
        return {}
    if connection.vendor == "postgresql":
        among, parameter = "= ANY(%s)", list(keys)
    else:
        among, parameter = "IN (SELECT value FROM json_each(%s))", _json(keys)
    with connection.cursor() as cursor:
        # The conditions are the partial index's own, word for word, or it would not be used.
        cursor.execute(
            f"SELECT {column}, min(id), count(*) FROM leads_lead"
            f" WHERE is_active AND NOT ({column} = '') AND {column} {among} GROUP BY {column}",
            [parameter],
        )
        return {key: (lead_id, count) for key, lead_id, count in cursor.fetchall()}


def _json(keys: set[str]) -> Any:

    return orjson.dumps(list(keys)).decode()
