"""The rules for a lead's values. API, bulk import and back office all call ``validate``.

It takes a few microseconds per row, because an import may validate a million rows.
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
CLOSED_STATUSES = (CLOSED, "lost")  # every other status is open
DEFAULT_STATUS = "new"
_PLACES = {status: PIPELINE.index(CLOSED if status in CLOSED_STATUSES else status) for status in PIPELINE}
DEFAULT_SOURCE = "website"
KNOWN_SOURCES = (DEFAULT_SOURCE, "referral")  # in the documentation; others are accepted

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
    """Return a first or last name; may be empty."""
    return validation.text(value, MAX_NAME)


def email(value: object) -> str:
    """Return an email address; "" for a person known only by telephone."""
    return validation.lead_email(value)


def phone(value: object) -> str:
    """Return a telephone number as it is written; may be empty."""
    return validation.text(value, MAX_PHONE)


def status(value: object) -> str:
    """Return a status, trimmed and in lower case; never empty. Statuses beyond ``PIPELINE`` are valid."""
    return validation.lower_text(value, MAX_STATUS, min_length=1)


def new_status(value: object) -> str:
    """Return the status of a new lead; the default for an empty one."""
    return validation.lower_text(value, MAX_STATUS) or DEFAULT_STATUS


def source(value: object) -> str:
    """Return a source as it is spelled."""
    return validation.text(value, MAX_SOURCE)


def new_source(value: object) -> str:
    """Return the source of a new lead; the default for an empty one."""
    return source(value) or DEFAULT_SOURCE


def budget(value: object) -> int:
    """Return whole units of money, from 0 to 2^63-1."""
    return validation.integer(value, 0, MAX_BIGINT)


def long_text(value: object) -> str:
    """Return a text of at most ``MAX_TEXT`` characters."""
    return validation.text(value, MAX_TEXT)


def reference(value: object) -> int:
    """Return the id of a row of another table. ``leads.references.resolve`` checks that the row exists."""
    return validation.integer(value, 1, MAX_BIGINT)


def tag(value: object) -> str:
    """Return a tag as it is spelled, with single spaces between its words; never empty."""
    word = " ".join(validation.text(value, MAX_TAG, 1).split())
    if _between_tags.search(validation.normalize(word)):
        raise InvalidValue("value_error", "Value error, a tag cannot contain commas, semicolons and vertical bars")
    return word


def tags(value: object) -> str:
    """Return the tags of a list, or of a text with commas, semicolons or bars, in the form of the column."""
    if isinstance(value, str):
        value = [word for word in _between_tags.split(value) if word.strip()]
    if not isinstance(value, list | tuple):
        raise InvalidValue("list_type", "Input should be a valid list")
    if len(value) > MAX_TAGS:
        message = f"List should have at most {MAX_TAGS} items after validation, not {len(value)}"
        raise InvalidValue("too_long", message)
    return join_tags(map(tag, value))


def join_tags(words: Iterable[str]) -> str:
    """Return clean tags in the form of the column, without repetitions. Of several spellings, the first one remains."""
    unique: dict[str, str] = {}
    for word in words:
        unique.setdefault(validation.normalized_key(word), word)
    return TAG_SEPARATOR.join(unique.values())


def split_tags(stored: str) -> list[str]:
    """Return the tags of a lead's column."""
    return stored.split(TAG_SEPARATOR) if stored else []


def unite_tags(*stored: str) -> str:
    """Return the tags of several columns in the form of one column."""
    return join_tags(word for one in stored for word in split_tags(one))


def tag_keys(stored: str) -> str:
    """Return the normalized tags of a column, each between commas, for comparisons; "" if there are none."""
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
# Fields with their own paths, which are not in the contract: its calls neither accept nor return them.
LABEL_RULES: dict[str, FieldRule] = {
    "owner_id": FieldRule(reference, True, None, {**schema.IDENTIFIER, "description": "A user who is active"}),
    "tags": FieldRule(tags, default="", schema=TAGS),
}
FIELDS = (*CREATE_RULES, *LABEL_RULES)  # that users and imports can set


# The values of missing fields. The leads of the earlier server have none of the fields added since.
DEFAULTS = {
    field: rule.default
    for field, rule in {**CREATE_RULES, **LABEL_RULES}.items()
    if rule.default is not validation.REQUIRED
}

# The values of personal fields after the erasure of a person; other fields remain unchanged.
PERSONAL: dict[str, Any] = {
    "first_name": "",
    "last_name": "",
    "email": "",
    "phone": "",
    "property_interest": None,
    "tags": "",
}
ERASED = "erased"  # replaces erased texts in logs, activities and imports
NOT_PERSONAL = ("status", "source", "budget_min", "budget_max", "owner_id")


def is_earlier_status(status: str, than: str) -> bool:
    """Return whether a status comes before another one in the pipeline.

    ``new`` comes before all others. Closed and lost have the same place. Statuses beyond ``PIPELINE`` have none.
    """
    if status == DEFAULT_STATUS:
        return than != DEFAULT_STATUS
    if status not in _PLACES or than not in _PLACES:
        return False
    return _PLACES[status] < _PLACES[than]


class Budgets(Protocol):
    """The fields of a lead that ``check_budgets`` reads."""

    budget_min: Any
    budget_max: Any


def validate(
    row: object, partial: bool = False, stored: Budgets | None = None, labels: bool = False
) -> tuple[Row, list[FieldError]]:
    """Return the clean values of a lead, and all errors. Unknown fields are ignored.

    A new lead gets default values. With ``partial``, only the fields in ``row`` are validated, and the budgets are also
    compared with those of the ``stored`` lead. With ``labels``, the fields of ``LABEL_RULES`` are known too.
    """
    rules = UPDATE_RULES if partial else CREATE_RULES
    clean, problems = validation.validate(row, {**rules, **LABEL_RULES} if labels else rules, partial)
    return clean, problems + check_budgets(clean, stored)


def check_budgets(clean: Mapping[str, Any], stored: Budgets | None = None) -> list[FieldError]:
    """Return an error of ``budget_max`` if it is below ``budget_min``. A missing budget is taken from ``stored``."""
    if "budget_min" not in clean and "budget_max" not in clean:
        return []
    lowest = clean.get("budget_min", stored.budget_min if stored else None)
    highest = clean.get("budget_max", stored.budget_max if stored else None)
    if lowest is None or highest is None or lowest <= highest:
        return []
    message = "Value error, budget_max must be greater than or equal to budget_min"
    return [FieldError("value_error", ("budget_max",), message, highest)]
