"""Who is there already: stored active leads by normalised e-mail, or by telephone digits and full name.

Looked up for a batch at a time, in two indexed queries. Rows of the same batch are told apart by the keys in
``Known``, so that the outcome is the same as if the rows had come in one by one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.db import connection

from leads.validators import SearchKeys

# The conditions are the partial indexes' own, word for word, or they would not be used. PostgreSQL is asked key by key,
# which leaves it nothing but the index: in the middle of a first load it has no statistics, and would rather read the
# whole table for each batch.
_CONDITION = "is_active AND NOT ({column} = '')"
_EACH_KEY = (
    "SELECT key, oldest, leads FROM unnest(%s::text[]) AS key CROSS JOIN LATERAL (SELECT min(id) AS oldest,"
    f" count(*) AS leads FROM leads_lead WHERE {_CONDITION} AND {{column}} = key) AS found WHERE leads > 0"
)
_AMONG_KEYS = (
    f"SELECT {{column}}, min(id), count(*) FROM leads_lead WHERE {_CONDITION}"
    " AND {column} IN (SELECT value FROM json_each(%s)) GROUP BY {column}"
)

EMAIL, PERSON = "e-mail", "phone and name"  # what leads are alike by

Target = Any  # the id of a stored lead, or the caller's own record of a row that is about to be stored


class DuplicateIndex:
    """The leads that rows may double, by key; an address counts before a person, an older lead before a newer."""

    def __init__(self, keys: Iterable[SearchKeys]) -> None:
        emails, persons = set(), set()
        for derived in keys:
            emails.add(derived.email_key)
            persons.add(derived.person_key)
        by_email, by_person = with_key("email_key", emails), with_key("person_key", persons)
        self.by_email: dict[str, Target] = {key: oldest for key, (oldest, _) in by_email.items()}
        self.by_person: dict[str, Target] = {key: oldest for key, (oldest, _) in by_person.items()}
        # What several stored leads have, as ``match`` says it.
        self.shared = {(EMAIL, key) for key, (_, count) in by_email.items() if count > 1}
        self.shared |= {(PERSON, key) for key, (_, count) in by_person.items() if count > 1}

    def match(self, derived: SearchKeys) -> tuple[Target, str] | None:
        """The lead that this one doubles, and by what (``EMAIL`` or ``PERSON``)."""
        if derived.email_key and (found := self.by_email.get(derived.email_key)) is not None:
            return found, EMAIL
        if derived.person_key and (found := self.by_person.get(derived.person_key)) is not None:
            return found, PERSON
        return None

    def add(self, derived: SearchKeys, target: Target) -> None:
        """Remember a lead; the first with a key keeps it."""
        if derived.email_key:
            self.by_email.setdefault(derived.email_key, target)
        if derived.person_key:
            self.by_person.setdefault(derived.person_key, target)

    def move(self, before: Mapping[str, str], derived: SearchKeys, target: Target) -> None:
        """Take note that ``target``, known under the keys of ``before``, has those of ``derived`` now."""
        for book, column in ((self.by_email, "email_key"), (self.by_person, "person_key")):
            if before[column] != getattr(derived, column) and book.get(before[column]) == target:
                del book[before[column]]
        self.add(derived, target)


def with_key(column: str, keys: set[str]) -> dict[str, tuple[int, int]]:
    """Of each of these keys that active leads have in ``column``: the oldest lead's id, and how many have it."""
    keys.discard("")
    if not keys:
        return {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_EACH_KEY.format(column=column), [list(keys)])
        else:
            cursor.execute(_AMONG_KEYS.format(column=column), [_json(keys)])
        return {key: (lead_id, count) for key, lead_id, count in cursor.fetchall()}


def _json(keys: set[str]) -> str:
    return orjson.dumps(list(keys)).decode()
