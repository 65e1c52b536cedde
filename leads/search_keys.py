"""The search keys of a lead: normalized values by which it is found, sorted and compared.

They are stored, so that indexes have them. ``manage.py verify`` computes them again from the lead's values.
"""

from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from django.conf import settings

from crm_project import validation
from crm_project.phone_numbers import comparison_form

SEPARATOR = "\x1f"  # between last and first name; sorts before every letter, digit and space


class SearchKeys(NamedTuple):
    """The columns of a lead by which it is searched, compared and sorted by name."""

    search: str
    source_key: str
    email_key: str
    person_key: str
    name_key: str


# An office has a few dozen sources, and a million leads from them.
source_key = lru_cache(maxsize=1024)(validation.normalized_key)
SEARCH_KEY_FIELDS = ("first_name", "last_name", "email", "phone", "source")  # in the order of ``compute_search_keys``
_search_key_fields = itemgetter(*SEARCH_KEY_FIELDS)


def compute_search_keys(first_name: str, last_name: str, email: str, phone: str, source: str) -> SearchKeys:
    """Return ``search`` (what ``q`` looks in), and the keys by which sources and duplicates are compared.

    ``email_key`` is "" without an address, ``person_key`` (telephone number and full name) without either of the two,
    ``name_key`` (last name, first name: the list's order by name) without a name.
    """
    number = validation.digits(phone)
    full_name = full_name_key(first_name, last_name)
    return SearchKeys(
        validation.normalize(f"{first_name}\n{last_name}\n{email}\n{phone}\n{number}"),
        source_key(source),
        validation.normalized_key(email),
        person_key(phone, full_name, number),
        validation.normalize(f"{last_name}{SEPARATOR}{first_name}")[: validation.KEY_LENGTH] if full_name else "",
    )


def phone_key(phone: str, number: str | None = None) -> str:
    """Return the form in which telephone numbers are compared; ``number`` are its digits, if the caller has them."""
    return comparison_form(phone, settings.PHONE_REGION, number)


def person_key(phone: str, full_name: str, number: str | None = None) -> str:
    """Return the form in which telephone numbers with a ``full_name_key`` are compared; "" where one is missing."""
    compared = full_name and phone_key(phone, number)
    return validation.truncate_key(f"{compared} {full_name}") if compared else ""


def full_name_key(first_name: str, last_name: str) -> str:
    """Return the form in which whole names are compared."""
    return " ".join(validation.normalize(f"{first_name} {last_name}").split())


def search_keys_of(clean: Mapping[str, Any]) -> SearchKeys:
    """Return the normalized forms of a whole lead's clean values."""
    return compute_search_keys(*_search_key_fields(clean))
