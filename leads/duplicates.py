"""Duplicates: the active lead, or the earlier row of a file, that is the same person as a row.

Two rows are the same person if they have the same email address, unless the names contradict each other, or the same
telephone number and full name. Leads are looked up for a batch of rows at a time, in two indexed queries. Rows of the
batch are added to ``DuplicateIndex``, so that the result is the same as if the rows had been stored one by one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, OuterRef

from crm_project.db import sql
from crm_project.db.locks import Lock, lock_for_transaction
from crm_project.validation import MAX_BIGINT, normalize
from leads.models import Lead
from leads.search_keys import SearchKeys, search_keys_of

EMAIL, PERSON = "email", "phone and name"  # what two rows have in common
BATCH = 2000  # leads of an import that are compared at a time
MAX_WITH_KEY = 100  # leads with one key that are compared; further ones are not found

# The conditions must equal those of the partial indexes, or these are not used. PostgreSQL looks the keys up one by one
# (LATERAL), so that it uses the index: during a first load it has no statistics, and would scan the whole table for
# each batch. There is no ORDER BY for the same reason: it would scan the primary key's index.
_CONDITION = "is_active AND NOT ({column} = '')"
_EACH_KEY = (
    "SELECT key, id, first_name, last_name FROM jsonb_array_elements_text(%s::jsonb) AS wanted(key) CROSS JOIN LATERAL"
    f" (SELECT id, first_name, last_name FROM leads_lead WHERE {_CONDITION} AND {{column}} = key AND {{before}}"
    " LIMIT %s) AS found"
)
_AMONG_KEYS = (
    "SELECT key.value, lead.id, first_name, last_name FROM json_each(%s) AS key JOIN leads_lead AS lead ON lead.id IN"
    f" (SELECT id FROM leads_lead WHERE {_CONDITION} AND {{column}} = key.value AND {{before}} LIMIT %s)"
)
_word = re.compile(r"\w+")

Named = tuple[str, str, SearchKeys]  # first name, last name, keys
Target = Any  # the id of a stored lead, or the caller's object for a row that is about to be stored


class Stored(NamedTuple):
    """The leads that an import is compared with: those up to ``last_id``, and those of some other imports."""

    last_id: int = MAX_BIGINT
    run_ids: Sequence[int] = ()

    def as_sql(self) -> tuple[str, list[Any]]:
        """Return the condition on a lead, with its parameters."""
        if not self.run_ids:
            return "id <= %s", [self.last_id]
        among, values = sql.among("import_run_id", self.run_ids)
        return f"(id <= %s OR {among})", [self.last_id, *values]

    def as_q(self) -> models.Q:
        """Return the same condition for a queryset."""
        return models.Q(id__lte=self.last_id) | models.Q(import_run__in=self.run_ids)


EVERYTHING = Stored()


class Candidate(NamedTuple):
    """A lead or row that has the key of another row."""

    target: Target
    first_name: str
    last_name: str


class EarlierRow(NamedTuple):
    """A row of the same request, by its index."""

    number: int


class Match(NamedTuple):
    """The lead or row that is the same person as a row: what they have in common, and whether others have it too."""

    target: Target
    by: str
    is_shared: bool


class DuplicateIndex:
    """Leads and rows by their keys, the oldest first. A match by email address precedes one by telephone and name."""

    def __init__(
        self, keys: Iterable[SearchKeys], stored: Stored = EVERYTHING, database: BaseDatabaseWrapper | None = None
    ) -> None:
        """``keys`` are those of the rows to match."""
        emails, persons = set(), set()
        for key in keys:
            emails.add(key.email_key)
            persons.add(key.person_key)
        self.by_email = leads_with_keys("email_key", emails, stored, database)
        self.by_person = leads_with_keys("person_key", persons, stored, database)

    def targets(self) -> set[Target]:
        """Return all leads and rows of the index."""
        indexes = (self.by_email, self.by_person)
        return {candidate.target for index in indexes for candidates in index.values() for candidate in candidates}

    def match(self, keys: SearchKeys, first_name: str, last_name: str) -> Match | None:
        """Return the oldest lead or row that is the same person, or ``None``."""
        if keys.email_key and (with_email := self.by_email.get(keys.email_key)):
            same = [c for c in with_email if not names_contradict(c.first_name, c.last_name, first_name, last_name)]
            if same:
                return Match(same[0].target, EMAIL, len(same) > 1)
        if keys.person_key and (with_person := self.by_person.get(keys.person_key)):
            return Match(with_person[0].target, PERSON, len(with_person) > 1)
        return None

    def matches(self, keys: SearchKeys, first_name: str, last_name: str) -> list[tuple[Target, list[str]]]:
        """Return every lead or row that is the same person, with the names of the fields that they have in common."""
        found: dict[Target, list[str]] = {}
        for candidate in self.by_email.get(keys.email_key, ()) if keys.email_key else ():
            if not names_contradict(candidate.first_name, candidate.last_name, first_name, last_name):
                found.setdefault(candidate.target, []).append("email")
        for candidate in self.by_person.get(keys.person_key, ()) if keys.person_key else ():
            found.setdefault(candidate.target, []).extend(("phone", "name"))
        return list(found.items())

    def has_email(self, keys: SearchKeys) -> bool:
        """Return whether any lead or row has the email address."""
        return bool(keys.email_key and self.by_email.get(keys.email_key))

    def add(self, keys: SearchKeys, first_name: str, last_name: str, target: Target) -> None:
        """Add a lead or row."""
        candidate = Candidate(target, first_name, last_name)
        if keys.email_key:
            self.by_email.setdefault(keys.email_key, []).append(candidate)
        if keys.person_key:
            self.by_person.setdefault(keys.person_key, []).append(candidate)

    def replace(self, before: SearchKeys, after: SearchKeys, first_name: str, last_name: str, target: Target) -> None:
        """Replace the keys and names of ``target``, whose keys were ``before``. Its place remains if the key does."""
        candidate = Candidate(target, first_name, last_name)
        for index, old, new in (
            (self.by_email, before.email_key, after.email_key),
            (self.by_person, before.person_key, after.person_key),
        ):
            others = index.get(old, [])
            place = next((place for place, other in enumerate(others) if other.target == target), None)
            if old == new and place is not None:
                others[place] = candidate
                continue
            if place is not None:
                del others[place]
            if new:
                index.setdefault(new, []).append(candidate)


def names_contradict(first_a: str, last_a: str, first_b: str, last_b: str) -> bool:
    """Return whether two names are of different persons.

    First names contradict each other unless the words of one are among those of the other, or are their initials. Where
    a first name is missing, last names that differ contradict each other.
    """
    if first_a == first_b:
        return not first_a and _differ(last_a, last_b)
    if not first_a.strip() or not first_b.strip():
        return _differ(last_a, last_b)
    words_a, words_b = _word.findall(normalize(first_a)), _word.findall(normalize(first_b))
    return not (_are_among(words_a, words_b) or _are_among(words_b, words_a))


def _differ(last_a: str, last_b: str) -> bool:
    a, b = _word.findall(normalize(last_a)), _word.findall(normalize(last_b))
    return bool(a and b and a != b)


def _are_among(words: list[str], others: list[str]) -> bool:
    """Return whether each word is one of the others, or the initial of one."""
    return all(word in others or (len(word) == 1 and any(o.startswith(word) for o in others)) for word in words)


def lock_creation() -> None:
    """Lock the creation of leads until the end of the transaction. Call it before looking for duplicates."""
    lock_for_transaction(Lock.NEW_LEADS)


def duplicates_of_one(clean: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the leads that a new lead with these clean values may duplicate, the oldest first."""
    keys = search_keys_of(clean)
    found = DuplicateIndex([keys]).matches(keys, clean["first_name"], clean["last_name"])
    return [{"id": lead_id, "match": match} for lead_id, match in sorted(found)]


def duplicates_of_many(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that may duplicate stored leads or earlier rows, by index."""
    all_keys = [search_keys_of(clean) for clean in rows]
    index, found = DuplicateIndex(all_keys), []
    for number, (keys, clean) in enumerate(zip(all_keys, rows, strict=True)):
        for target, match in index.matches(keys, clean["first_name"], clean["last_name"]):
            which = {"of_index": target.number} if isinstance(target, EarlierRow) else {"id": target}
            found.append({"index": number, **which, "match": match})
        index.add(keys, clean["first_name"], clean["last_name"], EarlierRow(number))
    return found


def count_lookalikes(run_id: int | None, stored: Stored, first_id: int) -> int:
    """Return how many leads of an import, from ``first_id``, are the same person as an active one that was stored."""
    if not (stored.last_id or stored.run_ids):
        return 0
    count = 0
    imported = Lead.objects.filter(Exists(_with_key(stored, "email_key")) | Exists(_with_key(stored, "person_key")))
    found = imported.filter(import_run=run_id, id__gte=first_id).order_by()
    # One query for all batches: PostgreSQL has no statistics of these leads, and would scan all of them for each batch.
    rows = found.values_list("first_name", "last_name", *SearchKeys._fields).iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        count += _count_matches([(*row[:2], SearchKeys(*row[2:])) for row in batch], stored)
    return count


class Lookalikes:
    """Counts new leads that are the same person as a stored one while they are stored, which leaves less to the end.

    On a second connection, as the first one is busy with a COPY: it sees what was committed.
    """

    def __init__(self, last_id: int) -> None:
        """``last_id`` is that of the last lead that was stored before."""
        self.count = 0
        self._stored = Stored(last_id)
        self._database = connection.copy()

    def add(self, leads: Sequence[Named]) -> None:
        """Compare these leads with the stored ones. Raises Django's database errors."""
        self.count += _count_matches(leads, self._stored, self._database)

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


def _count_matches(leads: Sequence[Named], stored: Stored, database: BaseDatabaseWrapper | None = None) -> int:
    index = DuplicateIndex([keys for _, _, keys in leads], stored, database)
    return sum(index.match(keys, first_name, last_name) is not None for first_name, last_name, keys in leads)


def _with_key(stored: Stored, column: str) -> models.QuerySet[Lead]:
    """Return a subquery for the active leads among ``stored`` that have the key of the outer lead."""
    return Lead.objects.active().exclude(**{column: ""}).filter(stored.as_q(), **{column: OuterRef(column)})


def leads_with_keys(
    column: str, keys: set[str], stored: Stored = EVERYTHING, database: BaseDatabaseWrapper | None = None
) -> dict[str, list[Candidate]]:
    """Return the active leads among those stored that have each of these keys in ``column``, the oldest first."""
    keys.discard("")
    found: dict[str, list[Candidate]] = {}
    if not keys:
        return found
    condition, values = stored.as_sql()
    statement = _EACH_KEY if connection.vendor == "postgresql" else _AMONG_KEYS
    as_json = orjson.dumps(list(keys)).decode()  # psycopg takes ten times as long for a list
    with (database or connection).cursor() as cursor:
        cursor.execute(statement.format(column=column, before=condition), [as_json, *values, MAX_WITH_KEY])
        for key, lead_id, first_name, last_name in cursor.fetchall():
            found.setdefault(key, []).append(Candidate(lead_id, first_name, last_name))
    for candidates in found.values():
        candidates.sort(key=lambda candidate: candidate.target)
    return found
