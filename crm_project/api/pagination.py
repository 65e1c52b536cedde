"""Query parameters, judged like every other value: problems are 422s at ``["query", name]``."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rest_framework.request import Request

from crm_project.api.errors import Unprocessable
from crm_project.values import Invalid, Problem, integer

HIGHEST_PAGE = 10**9
LARGEST_SIZE = 1000
DEFAULT_SIZE = 10

_plain = re.compile(r"[\w=&.-]{0,200}\Z", re.ASCII)  # a query in which nothing is encoded


class Page(NamedTuple):
    """Which part of a list: ``number`` counts from 1, ``size`` rows a page."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size


Check = Callable[[str], Any]


def query_of(request: Request) -> Mapping[str, str]:
    """The last value of each query parameter; ``query_params`` tells the same, in ten times the time."""
    query: str = request._request.META.get("QUERY_STRING", "")
    if not _plain.match(query):
        return request.query_params
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {name: value for name, _, value in pairs}


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
