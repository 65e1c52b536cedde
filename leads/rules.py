"""What a lead's values must be. The only judge: API, bulk import and admin all call ``check``.

A few microseconds a row, because an import judges a million of them.
"""

from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from crm_project import json_schema as schema
from crm_project import values
from crm_project.values import BIGGEST, Problem, Rule

if TYPE_CHECKING:
    from leads.models import Lead

Row = dict[str, Any]

PIPELINE = ("new", "contacted", "qualified", "negotiation", "closed", "lost")
CLOSED = "closed"
ENDED = (CLOSED, "lost")  # nothing more is to be done with them; every other status is open
DEFAULT_STATUS = "new"
DEFAULT_SOURCE = "website"

LONGEST_NAME = 150
LONGEST_PHONE = 64
LONGEST_STATUS = 32
LONGEST_SOURCE = 64
LONGEST_TEXT = 20_000


def name(value: object) -> str:
    """A first or last name; may be empty."""
    return values.text(value, LONGEST_NAME)


def email(value: object) -> str:
    """An e-mail address, or "" for somebody known by telephone only."""
    return values.email(value, blank=True)


def phone(value: object) -> str:
    """A telephone number as people write them; may be empty."""
    return values.text(value, LONGEST_PHONE)


def status(value: object) -> str:
    """A word of the open pipeline vocabulary, trimmed and in lower case; never empty."""
    return values.lowered(value, LONGEST_STATUS, shortest=1)


def new_status(value: object) -> str:
    """The status of a new lead, where an empty one means the default."""
    return values.lowered(value, LONGEST_STATUS) or DEFAULT_STATUS


def source(value: object) -> str:
    """Where a lead came from, in its own spelling."""
    return values.text(value, LONGEST_SOURCE)


def new_source(value: object) -> str:
    """The source of a new lead, where an empty one means the default."""
    return source(value) or DEFAULT_SOURCE


def budget(value: object) -> int:
    """Whole units of money, 0 to 2^63-1."""
    return values.integer(value, 0, BIGGEST)


def long_text(value: object) -> str:
    """Free text."""
    return values.text(value, LONGEST_TEXT)


def reference(value: object) -> int:
    """The id of a row of another table. Whether the row exists is for ``leads.references.resolve`` to say."""
    return values.integer(value, 1, BIGGEST)


_words = f"Any word, kept in lower case: {', '.join(PIPELINE)}, …"
_address = "An e-mail address; empty where only a telephone number is known"
_default_status = f"{_words}; `{DEFAULT_STATUS}` when left out or empty"
_default_source = f"`{DEFAULT_SOURCE}` when left out or empty"
_money: dict[str, Any] = {"description": "Whole units of money"}

CREATE: dict[str, Rule] = {
    "first_name": Rule(name, schema=schema.text(LONGEST_NAME, examples=["John"])),
    "last_name": Rule(name, schema=schema.text(LONGEST_NAME, examples=["Smith"])),
    "email": Rule(email, schema=schema.email(blank=True, about=_address)),
    "phone": Rule(phone, schema=schema.text(LONGEST_PHONE, examples=["+1-555-0100"])),
    "status": Rule(
        new_status,
        default=DEFAULT_STATUS,
        schema=schema.text(LONGEST_STATUS, about=_default_status, examples=[DEFAULT_STATUS]),
    ),
    "source": Rule(
        new_source,
        default=DEFAULT_SOURCE,
        schema=schema.text(LONGEST_SOURCE, about=_default_source, examples=[DEFAULT_SOURCE]),
    ),
    "budget_min": Rule(budget, True, None, schema.integer(0, BIGGEST, examples=[300_000], **_money)),
    "budget_max": Rule(budget, True, None, schema.integer(0, BIGGEST, examples=[450_000], **_money)),
    "property_interest": Rule(long_text, True, None, schema.text(LONGEST_TEXT, examples=["2BR condo"])),
}
UPDATE: dict[str, Rule] = {
    **CREATE,
    "status": Rule(status, schema=schema.text(LONGEST_STATUS, 1, _words, examples=["contacted"])),
    "source": Rule(source, schema=schema.text(LONGEST_SOURCE)),
    "is_active": Rule(values.boolean, schema=schema.boolean(description="`false` deletes the lead softly")),
}


# What a row gets for fields that it does not have. The earlier server's leads have none of those added since.
DEFAULTS = {field: rule.default for field, rule in CREATE.items() if rule.default is not values.REQUIRED}

# What becomes of a field when a person is erased: personal data gets the value given here, everything else stays.
PERSONAL: dict[str, Any] = {
    "first_name": "",
    "last_name": "",
    "email": "",
    "phone": "",
    "property_interest": None,
}
ERASED = "erased"  # stands for erased texts in logs, activities and imports
NOT_PERSONAL = ("status", "source", "budget_min", "budget_max")


def check(row: object, partial: bool = False, stored: "Lead | None" = None) -> tuple[Row, list[Problem]]:
    """The clean values of a lead, and every problem with them; unknown fields are ignored.

    A whole new lead gets its defaults. With ``partial`` only the fields that are there are judged, the budgets also
    against those of the ``stored`` lead.
    """
    clean, problems = values.judge(row, UPDATE if partial else CREATE, partial)
    return clean, problems + check_budgets(clean, stored)


def check_budgets(clean: Mapping[str, Any], stored: "Lead | None" = None) -> list[Problem]:
    """The one rule about two fields, told on ``budget_max``; a budget that is not given is the stored one."""
    if "budget_min" not in clean and "budget_max" not in clean:
        return []
    lowest = clean.get("budget_min", stored.budget_min if stored else None)
    highest = clean.get("budget_max", stored.budget_max if stored else None)
    if lowest is None or highest is None or lowest <= highest:
        return []
    message = "Value error, budget_max must be greater than or equal to budget_min"
    return [Problem("value_error", ("budget_max",), message, highest)]


class Derived(NamedTuple):
    """What is stored beside a lead's own values so that it can be found: all of it folded in Python."""

    search: str
    source_key: str
    email_key: str
    person_key: str


# An office has a few dozen sources, and a million leads from them.
source_key = lru_cache(maxsize=1024)(values.key)
SOURCES_OF_DERIVED = ("first_name", "last_name", "email", "phone", "source")  # in the order of ``derive``
_sources_of = itemgetter(*SOURCES_OF_DERIVED)


def derive(first_name: str, last_name: str, email: str, phone: str, source: str) -> Derived:
    """The folded forms: ``search`` (what ``q`` looks in), and the keys by which sources and duplicates compare.

    ``email_key`` is "" without an address; ``person_key`` (telephone digits and full name) without either of the two.
    """
    number = values.digits(phone)
    full_name = values.fold(f"{first_name} {last_name}").strip()
    return Derived(
        values.fold(f"{first_name}\n{last_name}\n{email}\n{phone}\n{number}"),
        source_key(source),
        values.key(email),
        values.bounded(f"{number} {full_name}") if number and full_name else "",
    )


def derive_from(clean: Mapping[str, Any]) -> Derived:
    """The folded forms of a whole lead's clean values."""
    return derive(*_sources_of(clean))
