"""The query parameters of the list of leads: how each is checked, and the named query that it calls."""

from crm_project import json_schema as schema
from crm_project import validation
from crm_project.http.filters import RuleFilter, RuleFilterSet
from crm_project.validation import MAX_BIGINT, integer
from leads.models import Lead
from leads.querysets import LeadQuerySet

MAX_QUERY = 1000  # characters of q, each word of which costs a comparison
_words = "Words to find in names, e-mail and phone"
_all = 'Status; "" or "all" for every one'
_any_case = "Source, in any spelling of case"
_reaching = schema.integer(0, MAX_BIGINT, blank=True, description="Either budget is at least this")
_within = schema.integer(0, MAX_BIGINT, blank=True, description="Either budget is at most this")


def search_words(given: str) -> list[str] | None:
    """The folded words of ``q``."""
    return validation.words(validation.text(given, MAX_QUERY)) or None


def status(given: str) -> str | None:
    """A status in lower case; "" and "all" ask for every one."""
    word = validation.check_text(given).strip().lower()
    return None if word in ("", "all") else word


def source(given: str) -> str | None:
    """A source, folded; "" asks for every one."""
    return validation.normalized_key(validation.check_text(given)) or None


def budget(given: str) -> int | None:
    """An amount of money; "" is no bound."""
    return integer(given, 0, MAX_BIGINT) if given.strip() else None


class LeadFilter(RuleFilterSet):
    """``?q=…&status=…&source=…&min_budget=…&max_budget=…``."""

    q = RuleFilter(search_words, LeadQuerySet.search, schema.text(MAX_QUERY, about=_words))
    status = RuleFilter(status, LeadQuerySet.in_status, schema.untrimmed(description=_all))
    source = RuleFilter(source, LeadQuerySet.from_source, schema.untrimmed(description=_any_case))
    min_budget = RuleFilter(budget, LeadQuerySet.min_budget, _reaching)
    max_budget = RuleFilter(budget, LeadQuerySet.max_budget, _within)

    class Meta:
        model = Lead
        fields: list[str] = []
