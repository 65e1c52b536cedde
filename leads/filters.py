"""The list's query parameters, declared for django-filter: each is judged like any value and calls a named query.

The declared filters are applied one by one (``narrow``) rather than through a ``FilterSet`` instance, whose form would
be built anew for every request and whose errors are not the contract's 422.
"""

from collections.abc import Callable, Mapping
from typing import Any

import django_filters

from crm_project import values
from crm_project.values import BIGGEST, integer
from leads.models import Lead
from leads.querysets import LeadQuerySet

LONGEST_QUERY = 1000  # characters of q, each word of which costs a comparison


class Named(django_filters.Filter):  # type: ignore[misc]
    """A parameter, how it is judged (``None`` means no filter), and the queryset method that it calls."""

    def __init__(self, check: Callable[[str], Any], query: Callable[[Any, Any], LeadQuerySet], **extra: Any) -> None:
        super().__init__(**extra)
        self.check = check
        self.query = query

    def filter(self, qs: LeadQuerySet, value: Any) -> LeadQuerySet:
        """``qs`` narrowed by a checked value."""
        return qs if value is None else self.query(qs, value)


def search_words(given: str) -> list[str] | None:
    """The folded words of ``q``."""
    return values.words(values.text(given, LONGEST_QUERY)) or None


def status(given: str) -> str | None:
    """A status in lower case; "" and "all" ask for every one."""
    word = values.clean(given).strip().lower()
    return None if word in ("", "all") else word


def source(given: str) -> str | None:
    """A source, folded; "" asks for every one."""
    return values.key(values.clean(given)) or None


def budget(given: str) -> int | None:
    """An amount of money; "" is no bound."""
    return integer(given, 0, BIGGEST) if given.strip() else None


class LeadFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``?q=…&status=…&source=…&min_budget=…&max_budget=…``."""

    q = Named(search_words, LeadQuerySet.matching, label="Words to find in names, e-mail and phone")
    status = Named(status, LeadQuerySet.in_status, label='Status; "" or "all" for every one')
    source = Named(source, LeadQuerySet.from_source, label="Source, in any spelling of case")
    min_budget = Named(budget, LeadQuerySet.reaching_budget, label="Either budget is at least this")
    max_budget = Named(budget, LeadQuerySet.within_budget, label="Either budget is at most this")

    class Meta:
        model = Lead
        fields: list[str] = []


NAMED: dict[str, Named] = dict(LeadFilter.base_filters)
CHECKS: dict[str, Callable[[str], Any]] = {name: declared.check for name, declared in NAMED.items()}


def narrow(leads: LeadQuerySet, wanted: Mapping[str, Any]) -> LeadQuerySet:
    """``leads`` under all the checked parameters that were given."""
    for name, declared in NAMED.items():
        leads = declared.filter(leads, wanted.get(name))
    return leads
