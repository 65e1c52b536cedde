"""Query parameters, judged like every other value: problems are 422s at ``["query", name]``."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from crm_project.api.errors import Unprocessable
from crm_project.values import Invalid, Problem, integer

HIGHEST_PAGE = 10**9
LARGEST_SIZE = 1000
DEFAULT_SIZE = 10


class Page(NamedTuple):
    """Which part of a list: ``number`` counts from 1, ``size`` rows a page."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size


Check = Callable[[str], Any]


def judged(query: Mapping[str, str], checks: Mapping[str, Check]) -> dict[str, Any]:
    """The checked value of each parameter that is present; every bad one is told in one 422."""
    values, problems = {}, []
    for name, check in checks.items():
        if (given := query.get(name)) is None:
            continue
        try:
            values[name] = check(given)
        except Invalid as invalid:
            problems.append(Problem(invalid.type, ("query", name), invalid.msg, given))
    if problems:
        raise Unprocessable(problems)
    return values


PAGE_CHECKS: dict[str, Check] = {
    "page": lambda given: integer(given, 1, HIGHEST_PAGE),
    "size": lambda given: integer(given, 1, LARGEST_SIZE),
}


def page_of(values: Mapping[str, Any]) -> Page:
    """The page that checked parameters ask for."""
    return Page(values.get("page", 1), values.get("size", DEFAULT_SIZE))
