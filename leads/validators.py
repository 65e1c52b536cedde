"""The rules for a lead's values. API, bulk import and back office all call ``validate``.

It takes a few microseconds a row, since an import validates a million of them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from crm_project import json_schema as schema
from crm_project import validation
from crm_project.validation import MAX_BIGINT, FieldError, FieldRule, InvalidValue

Row = dict[str, Any]

PIPELINE = ("new", "contacted", "qualified", "negotiation", "closed", "lost")
CLOSED = "closed"
CLOSED_STATUSES = (CLOSED, "lost")  # nothing more is to be done with them; every other status is open
DEFAULT_STATUS = "new"
_PLACES = {status: PIPELINE.index(CLOSED if status in CLOSED_STATUSES else status) for status in PIPELINE}
DEFAULT_SOURCE = "website"
KNOWN_SOURCES = (DEFAULT_SOURCE, "referral")  # that the documentation names; an office has others

MAX_NAME = 150
MAX_PHONE = 64
MAX_STATUS = 32
MAX_SOURCE = 64
MAX_TEXT = 20_000
MAX_TAG = 50
MAX_TAGS = 50  # of one lead
TAG_SEPARATOR = ", "  # in the column of a lead
_between_tags = re.compile(r"[,;|\r\n]")


def name(value: object) -> str:
    """A first or last name; may be empty."""
    return validation.text(value, MAX_NAME)


def email(value: object) -> str:
    """An email address, or "" for somebody known by telephone only."""
    return validation.lead_email(value)


def phone(value: object) -> str:
    """A telephone number as people write them; may be empty."""
    return validation.text(value, MAX_PHONE)


def status(value: object) -> str:
    """A word of the open pipeline vocabulary, trimmed and in lower case; never empty."""
    return validation.lower_text(value, MAX_STATUS, min_length=1)


def new_status(value: object) -> str:
    """The status of a new lead, where an empty one means the default."""
    return validation.lower_text(value, MAX_STATUS) or DEFAULT_STATUS


def source(value: object) -> str:
    """Where a lead came from, in its own spelling."""
    return validation.text(value, MAX_SOURCE)


def new_source(value: object) -> str:
    """The source of a new lead, where an empty one means the default."""
    return source(value) or DEFAULT_SOURCE


def budget(value: object) -> int:
    """Whole units of money, 0 to 2^63-1."""
    return validation.integer(value, 0, MAX_BIGINT)


def long_text(value: object) -> str:
    """Free text."""
    return validation.text(value, MAX_TEXT)


def reference(value: object) -> int:
    """The id of a row of another table. Whether the row exists is for ``leads.references.resolve`` to say."""
    return validation.integer(value, 1, MAX_BIGINT)


def tag(value: object) -> str:
    """One tag in its own spelling, with single spaces between its words; never empty."""
    word = " ".join(validation.text(value, MAX_TAG, 1).split())
    if _between_tags.search(validation.normalize(word)):
        raise InvalidValue("value_error", "Value error, a tag cannot contain commas, semicolons and vertical bars")
    return word


def tags(value: object) -> str:
    """Tags as their column has them: those of a list, or of a text with commas, semicolons or bars between them."""
    if isinstance(value, str):
        value = [word for word in _between_tags.split(value) if word.strip()]
    if not isinstance(value, list | tuple):
        raise InvalidValue("list_type", "Input should be a valid list")
    if len(value) > MAX_TAGS:
        message = f"List should have at most {MAX_TAGS} items after validation, not {len(value)}"
        raise InvalidValue("too_long", message)
    return join_tags(map(tag, value))


def join_tags(words: Iterable[str]) -> str:
    """Clean tags as their column has them, each once: of several spellings the first."""
    unique: dict[str, str] = {}
    for word in words:
        unique.setdefault(validation.normalized_key(word), word)
    return TAG_SEPARATOR.join(unique.values())


def split_tags(stored: str) -> list[str]:
    """The tags of a lead's column."""
    return stored.split(TAG_SEPARATOR) if stored else []


def unite_tags(*stored: str) -> str:
    """The tags of several columns as one column has them."""
    return join_tags(word for one in stored for word in split_tags(one))


def tag_keys(stored: str) -> str:
    """The form in which tags are compared: each normalized, with commas around it; "" for a lead without tags."""
    keys = ",".join(map(validation.normalized_key, split_tags(stored)))
    return f",{keys}," if keys else ""


_words = "Any word, stored in lower case"
_status = schema.vocabulary(PIPELINE, schema.text(MAX_STATUS))
_source = schema.vocabulary(KNOWN_SOURCES, schema.text(MAX_SOURCE))
MONEY = "Whole units of money. Amounts above 2^53 - 1 are possible, which JavaScript's `JSON.parse` rounds"
_accepted = "Digits in a string are accepted"
_budget_min = schema.integer(0, MAX_BIGINT, description=f"{MONEY}. {_accepted}", examples=[300_000])
_budget_max = {**_budget_min, "description": f"{MONEY}. Not below `budget_min`. {_accepted}", "examples": [450_000]}
_email = schema.email(description="Empty where only a phone number is known", examples=["john.smith@example.com"])

CREATE_RULES: dict[str, FieldRule] = {
    "first_name": FieldRule(name, schema=schema.text(MAX_NAME, examples=["John"])),
    "last_name": FieldRule(name, schema=schema.text(MAX_NAME, examples=["Smith"])),
    "email": FieldRule(email, schema=_email),
    "phone": FieldRule(phone, schema=schema.text(MAX_PHONE, examples=["+1-555-0100"])),
    "status": FieldRule(
        new_status,
        default=DEFAULT_STATUS,
        schema={**_status, "description": f"{_words}; empty means `{DEFAULT_STATUS}`"},
    ),
    "source": FieldRule(
        new_source,
        default=DEFAULT_SOURCE,
        schema={**_source, "description": f"Empty means `{DEFAULT_SOURCE}`"},
    ),
    "budget_min": FieldRule(budget, nullable=True, default=None, schema=_budget_min),
    "budget_max": FieldRule(budget, nullable=True, default=None, schema=_budget_max),
    "property_interest": FieldRule(
        long_text, nullable=True, default=None, schema=schema.text(MAX_TEXT, examples=["2BR condo"])
    ),
}
UPDATE_RULES: dict[str, FieldRule] = {
    **CREATE_RULES,
    "status": FieldRule(status, schema=schema.vocabulary(PIPELINE, schema.text(MAX_STATUS, 1, description=_words))),
    "source": FieldRule(source, schema=_source),
    "is_active": FieldRule(validation.boolean, schema=schema.boolean(description="`false` deletes the lead softly")),
}

TAGS: schema.JSONSchema = {
    "type": "array",
    "items": schema.text(MAX_TAG, 1),
    "minItems": 0,
    "maxItems": MAX_TAGS,
    "description": "Without commas, semicolons and vertical bars. Compared without case",
    "examples": [["vip", "cash buyer"]],
}
# Fields with paths of their own: no reply of the contract shows them, and on its paths they are unknown.
LABEL_RULES: dict[str, FieldRule] = {
    "owner_id": FieldRule(reference, True, None, {**schema.IDENTIFIER, "description": "A user who is active"}),
    "tags": FieldRule(tags, default="", schema=TAGS),
}
FIELDS = (*CREATE_RULES, *LABEL_RULES)  # all that people and files may set of a lead


# What a row gets for fields that it does not have. The earlier server's leads have none of those added since.
DEFAULTS = {
    field: rule.default
    for field, rule in {**CREATE_RULES, **LABEL_RULES}.items()
    if rule.default is not validation.REQUIRED
}

# What becomes of a field when a person is erased: personal data gets the value given here, everything else stays.
PERSONAL: dict[str, Any] = {
    "first_name": "",
    "last_name": "",
    "email": "",
    "phone": "",
    "property_interest": None,
    "tags": "",
}
ERASED = "erased"  # stands for erased texts in logs, activities and imports
NOT_PERSONAL = ("status", "source", "budget_min", "budget_max", "owner_id")


def is_earlier_status(status: str, than: str) -> bool:
    """Return whether a status comes before another one in the pipeline.

    ``new`` comes before all others. Closed and lost are both the end. Statuses of the office's own have no place.
    """
    if status == DEFAULT_STATUS:
        return than != DEFAULT_STATUS
    if status not in _PLACES or than not in _PLACES:
        return False
    return _PLACES[status] < _PLACES[than]


class Budgets(Protocol):
    """A lead, as far as the rule about two fields looks at it."""

    budget_min: Any
    budget_max: Any


def validate(
    row: object, partial: bool = False, stored: Budgets | None = None, labels: bool = False
) -> tuple[Row, list[FieldError]]:
    """The clean values of a lead, and every problem with them; unknown fields are ignored.

    A whole new lead gets its defaults. With ``partial`` only the fields that are there are validated, the budgets also
    against those of the ``stored`` lead. ``labels``: those of ``LABEL_RULES`` are known, too.
    """
    rules = UPDATE_RULES if partial else CREATE_RULES
    clean, problems = validation.validate(row, {**rules, **LABEL_RULES} if labels else rules, partial)
    return clean, problems + check_budgets(clean, stored)


def check_budgets(clean: Mapping[str, Any], stored: Budgets | None = None) -> list[FieldError]:
    """The one rule about two fields, reported on ``budget_max``; a budget that is not given is the stored one."""
    if "budget_min" not in clean and "budget_max" not in clean:
        return []
    lowest = clean.get("budget_min", stored.budget_min if stored else None)
    highest = clean.get("budget_max", stored.budget_max if stored else None)
    if lowest is None or highest is None or lowest <= highest:
        return []
    message = "Value error, budget_max must be greater than or equal to budget_min"
    return [FieldError("value_error", ("budget_max",), message, highest)]
