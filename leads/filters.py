"""The query parameters of the list of leads: how each is checked, and the named query that it calls."""

from crm_project import json_schema as schema
from crm_project import validation
from crm_project.http.filters import RuleFilter, RuleFilterSet
from crm_project.validation import MAX_BIGINT, integer
from leads.models import Lead
from leads.querysets import LeadQuerySet
from leads.validators import KNOWN_SOURCES, PIPELINE

MAX_QUERY = 1000  # characters of q, each word of which costs a comparison
_words = "Words to find in names, email and phone, without regard to case"
_status = schema.vocabulary(
    ("all", *PIPELINE), schema.untrimmed(description="Without regard to case. Empty and `all` are no filter")
)
_source = schema.vocabulary(KNOWN_SOURCES, schema.untrimmed(description="Without regard to case. Empty is no filter"))
_min_budget = schema.integer(0, MAX_BIGINT, description="Either budget is at least this. Empty is no filter")
_max_budget = schema.integer(0, MAX_BIGINT, description="Either budget is at most this. Empty is no filter")


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

    q = RuleFilter(search_words, LeadQuerySet.search, schema.text(MAX_QUERY, description=_words))
    status = RuleFilter(status, LeadQuerySet.in_status, _status)
    source = RuleFilter(source, LeadQuerySet.from_source, _source)
    min_budget = RuleFilter(budget, LeadQuerySet.min_budget, _min_budget)
    max_budget = RuleFilter(budget, LeadQuerySet.max_budget, _max_budget)

    class Meta:
        model = Lead
        fields: list[str] = []
