"""The query parameters that filter the list of leads: the check and the named query of each.

``leads/filter_sql.py`` has the SQL of each; a test compares the two.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial, reduce
from operator import or_
from typing import Any

from crm_project import json_schema as schema
from crm_project import validation
from crm_project.db.change_time import to_microseconds
from crm_project.http import parameters
from crm_project.http.filters import Checked, RuleFilter, RuleFilterSet
from crm_project.validation import MAX_BIGINT, MAX_INT, FieldError, integer
from leads.models import Lead
from leads.queries import DUE, SearchTerms
from leads.querysets import LeadQuerySet
from leads.search_keys import phone_key
from leads.validators import KNOWN_SOURCES, PIPELINE

MAX_QUERY = 1000  # characters of ``q``; each word is one comparison
SHORTEST_NUMBER = 4  # digits of a telephone number
PHONE_PUNCTUATION = frozenset("0123456789 +-./()\u00a0\u2010\u2011\u2012\u2013")
ALL = "all"
ME, NONE = "me", "none"
USERS = ("created_by", "owner")
START = 0  # the ``updated_since`` that every lead matches
CHANNELS = ("call", "text", "email")
# Days to add to a bound that is a day: the upper bounds are the start of the next day.
BOUNDS = {"created_from": 0, "created_to": 1, "closed_from": 0, "closed_to": 1}


def search_terms(given: str) -> SearchTerms | None:
    """Return the normalized words of ``q`` without commas at their ends, and its telephone number."""
    text = validation.text(given, MAX_QUERY)
    words = tuple(dict.fromkeys(word.rstrip(",") or word for word in validation.words(text)))
    if not words:
        return None
    digits = validation.digits(text)
    if len(digits) < SHORTEST_NUMBER or not PHONE_PUNCTUATION.issuperset(text):
        return SearchTerms(words)
    number = phone_key(text).removeprefix("+")
    if len(number) < SHORTEST_NUMBER:
        number = digits
    return SearchTerms(words, "" if words == (number,) else number)


def status(given: str) -> str | None:
    """Return a status in lower case; ``None`` (no filter) for "" and "all"."""
    word = validation.check_text(given).strip().lower()
    return None if word in ("", ALL) else word


def source(given: str) -> str | None:
    """Return a normalized source; ``None`` (no filter) for ""."""
    return validation.normalized_key(validation.check_text(given)) or None


def statuses(given: Sequence[str]) -> tuple[str, ...] | None:
    """Return statuses; ``None`` (no filter) if "" or "all" is among them."""
    return _all_or_none([status(value) for value in given])


def sources(given: Sequence[str]) -> tuple[str, ...] | None:
    """Return normalized sources; ``None`` (no filter) if "" or "all" is among them."""
    return _all_or_none([None if (key := source(value)) == ALL else key for value in given])


def _all_or_none(values: list[str | None]) -> tuple[str, ...] | None:
    """Return the values without repetitions; ``None`` (no filter) if one of them is ``None``."""
    known = [value for value in values if value is not None]
    return tuple(dict.fromkeys(known)) if known and len(known) == len(values) else None


def tags(given: Sequence[str]) -> tuple[str, ...] | None:
    """Return normalized tags, all of which a lead must have. A comma separates stored tags, so it becomes ";" here."""
    keys = (validation.normalized_key(validation.check_text(value)).replace(",", ";") for value in given)
    return tuple(dict.fromkeys(filter(None, keys))) or None


def user(given: str) -> str | int | None:
    """Return ``me``, ``none`` or a user's id. Raise ``InvalidValue`` for another value."""
    word = given.strip().lower()
    return word if word in (ME, NONE) else parameters.number(given, 1, MAX_BIGINT)


def updated_since(given: str) -> int:
    """Return a time in microseconds since 1970; ``START`` for ""."""
    time = parameters.moment(given)
    return START if time is None else max(to_microseconds(time), START)


def budget(given: str) -> int | None:
    """Return an amount of money; ``None`` (no filter) for ""."""
    return integer(given, 0, MAX_BIGINT) if given.strip() else None


def _unfiltered(leads: LeadQuerySet, value: Any) -> LeadQuerySet:
    """Return ``leads``: the parameter changes the meaning of others, and filters nothing itself."""
    return leads


def _bound(query: Callable[[Any, Any], Any], about: str) -> RuleFilter:
    described = {"type": "string", "description": about, "examples": ["2026-10-03", "2026-10-03T14:30:00Z"]}
    return RuleFilter(parameters.day_or_moment, query, described)


def _any_of(check: Callable[[str], Any], query: Callable[[Any, Any], Any], described: schema.JSONSchema) -> RuleFilter:
    """Return the filter for a parameter that may be repeated: a lead must match one of its values."""

    def check_all(given: Sequence[str]) -> tuple[Any, ...] | None:
        return tuple(dict.fromkeys(value for value in map(check, given) if value is not None)) or None

    def find(leads: LeadQuerySet, values: Sequence[Any]) -> LeadQuerySet:
        found: LeadQuerySet = reduce(or_, (query(leads, value) for value in values))
        return found

    return RuleFilter(check_all, find, described, many=True)


def _choices(choices: Sequence[str], query: Callable[[Any, Any], Any], about: str) -> RuleFilter:
    described = {"type": "string", "enum": [*choices], "description": about}
    return _any_of(partial(parameters.choice, choices=choices), query, described)


def _user(query: Callable[[Any, Any], Any], about: str) -> RuleFilter:
    described = {"type": "string", "pattern": "^(?:me|none|[1-9][0-9]{0,17})$", "description": about}
    return _any_of(user, query, described)


def _amount(query: Callable[[Any, Any], Any], about: str) -> RuleFilter:
    return RuleFilter(budget, query, schema.integer(0, MAX_BIGINT, description=about))


_words = schema.text(MAX_QUERY, description="Words to find in names, email and phone, in any case; or a phone number")
_status = schema.vocabulary(("all", *PIPELINE), schema.untrimmed(description="In any case. `all` is no filter"))
_source = schema.vocabulary(KNOWN_SOURCES, schema.untrimmed(description="In any case. `all` is no filter"))
_tag = schema.untrimmed(description="In any case; the lead has all of them")
_zone = {"type": "string", "description": "Time zone of the days; UTC by default", "examples": ["America/Chicago"]}
_since = {
    "type": "string",
    "description": "Changed since, deleted leads included: `X-Synced-Until` of the last walk; empty for everything",
}
_inactive = schema.integer(1, MAX_INT, description="Created before, and without activity in, so many last days")


class LeadFilter(RuleFilterSet):
    """The filters of ``GET /api/leads``. They combine with AND; an empty value is no filter."""

    q = RuleFilter(search_terms, LeadQuerySet.search_terms, _words)
    status = RuleFilter(statuses, LeadQuerySet.in_statuses, _status, many=True)
    source = RuleFilter(sources, LeadQuerySet.from_sources, _source, many=True)
    min_budget = _amount(LeadQuerySet.min_budget, "Either budget is at least this")
    max_budget = _amount(LeadQuerySet.max_budget, "Either budget is at most this")
    id = RuleFilter(parameters.ids, LeadQuerySet.with_ids, schema.IDENTIFIER, many=True)
    created_from = _bound(LeadQuerySet.created_from, "Created on that day or later, or from that timestamp on")
    created_to = _bound(LeadQuerySet.created_before, "Created on that day or earlier, or before that timestamp")
    closed_from = _bound(LeadQuerySet.closed_from, "Closed on that day or later, or from that timestamp on")
    closed_to = _bound(LeadQuerySet.closed_before, "Closed on that day or earlier, or before that timestamp")
    tz = RuleFilter(parameters.time_zone, _unfiltered, _zone)
    updated_since = RuleFilter(updated_since, LeadQuerySet.changed_since, _since)
    deleted = RuleFilter(
        partial(parameters.choice, choices=("include", "only")),
        _unfiltered,
        {"type": "string", "enum": ["include", "only"], "description": "Softly deleted leads too, or alone"},
    )
    open = RuleFilter(parameters.flag, LeadQuerySet.with_open, schema.boolean(description="Neither closed nor lost"))
    inactive_days = RuleFilter(
        partial(parameters.number, lowest=1, highest=MAX_INT), LeadQuerySet.inactive_days, _inactive
    )
    created_by = _user(LeadQuerySet.created_by_user, "Who created it: `me`, `none` or a user's id")
    owner = _user(LeadQuerySet.owned_by, "Whose it is: `me`, `none` or a user's id")
    tag = RuleFilter(tags, LeadQuerySet.with_tags, _tag, many=True)
    due = _choices((*DUE, NONE), LeadQuerySet.due, "When the next follow-up is due")
    contactable = _choices(
        CHANNELS, LeadQuerySet.contactable, "Has an address or a number for it, and has not revoked it"
    )

    class Meta:
        model = Lead
        fields: list[str] = []

    @classmethod
    def validate(cls, query: Mapping[str, Any]) -> tuple[Checked, list[FieldError]]:
        """Return the checked filters and the errors. Days become times in the zone of ``tz``."""
        checked, errors = super().validate(query)
        zone = checked.get("tz") or UTC
        for name in BOUNDS.keys() & checked.keys():
            value = checked[name]
            if isinstance(value, date) and not isinstance(value, datetime):
                checked[name] = parameters.start_of(value, zone, BOUNDS[name])
        return checked, errors

    @classmethod
    def find(cls, filters: Mapping[str, Any]) -> LeadQuerySet:
        """Return the leads that match checked filters, in no order. Call ``replace_me`` before."""
        found: LeadQuerySet = Lead.objects.all()
        for name, value in filters.items():
            found = cls.base_filters[name].filter(found, value)
        match deleted_of(filters):
            case "only":
                return found.deleted()
            case None:
                return found.active()
        return found


def replace_me(filters: Mapping[str, Any], user_id: int) -> Checked:
    """Return the checked filters with a user's id in place of ``me``."""
    return {
        name: tuple(dict.fromkeys(user_id if one == ME else one for one in value)) if name in USERS and value else value
        for name, value in filters.items()
    }


def deleted_of(filters: Mapping[str, Any]) -> str | None:
    """Return ``include`` or ``only`` if deleted leads are requested. ``updated_since`` implies ``include``."""
    chosen: str | None = filters.get("deleted")
    return "include" if chosen is None and filters.get("updated_since") is not None else chosen
