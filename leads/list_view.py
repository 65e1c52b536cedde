"""``GET /api/leads`` with parameters beyond the contract's: order, cursor, counts, ``include`` and sync."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.db.change_time import complete_until, from_microseconds
from crm_project.http import cursors, totals
from crm_project.http.cursors import Cursor, walk_of
from crm_project.http.errors import ValidationFailed
from crm_project.http.pagination import Page
from crm_project.http.parameters import collect
from crm_project.http.schema_components import WALK
from crm_project.http.timestamps import iso
from crm_project.validation import FieldError, InvalidValue
from leads import included, list_sql
from leads.filters import LeadFilter, replace_me
from leads.list_sql import INDEXED, MAX_SORTED, SORTED, Order, TooManyToSort
from leads.serializers import INCLUDE

CONTRACT = frozenset(("q", "status", "source", "min_budget", "max_budget", "page", "size"))
PARAMETERS = ("sort", "count", "after", "include")  # beside the filters and the page
NEW = frozenset((*PARAMETERS, *LeadFilter.base_filters)) - CONTRACT
REPEATED = ("status", "source")
TABLE = "leads_lead"
PAGE_AND_CURSOR = "Value error, a cursor takes the place of page; send one of the two"
NO_WALK = f"Value error, only these orders have cursors: {', '.join(INDEXED)}"
TOO_MANY = f"Value error, more than {MAX_SORTED} leads fit; add filters, or sort by one of {', '.join(INDEXED)}"

DOCUMENTED = (
    OpenApiParameter(
        "sort",
        {
            "type": "string",
            "default": "-created_at",
            "enum": [f"{sign}{name}" for name in (*INDEXED, *SORTED) for sign in ("", "-")],
        },
        description="`-` for descending; leads without a value come last. The last four sort at most 50,000 leads",
    ),
    INCLUDE,
    OpenApiParameter(
        "X-Synced-Until",
        {"type": "string", "examples": ["2026-10-03T14:30:00.000000Z"]},
        OpenApiParameter.HEADER,
        response=[200],
        description="With `updated_since`: the value to send for the next synchronization",
    ),
    *WALK,
)

T = TypeVar("T")


def is_plain(request: Request) -> bool:
    """Return whether the request has only the parameters of the contract, each at most once."""
    query = request.query_params
    return (
        NEW.isdisjoint(query)
        and "HTTP_PREFER" not in request.META
        and all(len(query.getlist(name)) < 2 for name in REPEATED)
    )


def parse_order(given: str) -> Order:
    """Return the order of ``-created_at`` or, as react-admin writes it, ``["created_at","DESC"]``."""
    text = given.strip()
    if not text:
        return Order()
    name, descending = text.removeprefix("-"), text.startswith("-")
    if text.startswith("["):
        try:
            name, direction = json.loads(text)
            descending = {"asc": False, "desc": True}[direction.lower()]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise InvalidValue("value_error", 'Value error, an order such as -created_at or ["name","ASC"]') from None
    if not isinstance(name, str) or name not in (*INDEXED, *SORTED):
        known = ", ".join((*INDEXED, *SORTED))
        raise InvalidValue("value_error", f"Value error, leads are sorted by one of {known}; - for descending")
    return Order(name, descending)


class LeadList:
    """One page of the list: the checked parameters, and the reply with its headers."""

    def __init__(self, request: Request, checked: tuple[Mapping[str, Any], Page]) -> None:
        """``checked`` are the filters and the page. Raises ``ValidationFailed``."""
        filters, self.page = checked
        self.request, self.query = request, request.query_params
        self.filters = replace_me(filters, cast(int, request.user.pk))
        self.errors: list[FieldError] = []
        self.order = self._check("sort", parse_order) or Order()
        self.keys = self._check("include", lambda _: included.parse(self.query.getlist("include"))) or ()
        self.count = collect(self.errors, "count", self.query.get("count"), lambda _: totals.wanted_count(request))
        self.walk = walk_of(self.query, LeadFilter.base_filters, str(self.order))
        self.is_walk = "after" in self.query
        self.after = self._check("after", self._cursor)
        if self.errors:
            raise ValidationFailed(self.errors)
        self.size = self.page.size
        if self.filters.get("id") and self.query.keys().isdisjoint(("size", "page", "after")):
            self.size = max(self.size, len(self.filters["id"]))  # who asks for 20 ids gets 20 leads

    def _check(self, name: str, check: Callable[[str], T]) -> T | None:
        given = self.query.get(name)
        return None if given is None else collect(self.errors, name, given, check)

    def _cursor(self, given: str) -> Cursor | None:
        if "page" in self.query:
            raise InvalidValue("value_error", PAGE_AND_CURSOR)
        if not self.order.is_indexed:
            raise InvalidValue("value_error", NO_WALK)
        if not given:
            return None
        cursor = cursors.decode(given, self.walk, self.order.key_type)
        list_sql.check_cursor(self.order, cursor)
        return cursor

    def reply(self) -> Response:
        """Return the page. ``X-Synced-Until`` is read before the leads, so that no change is missed."""
        synced_until = self._synced_until()
        offset = 0 if self.is_walk else self.page.offset
        try:
            rows, last = list_sql.fetch_page(self.filters, self.order, self.size, offset, self.after, self.keys)
        except TooManyToSort:
            given = self.query["sort"]
            raise ValidationFailed([FieldError("value_error", ("query", "sort"), TOO_MANY, given)]) from None
        response = Response(rows)
        if synced_until is not None:
            response.headers["X-Synced-Until"] = f"{iso(from_microseconds(synced_until))}Z"
        if self.count:
            found = list_sql.count(self.filters, self.count == totals.EXACT)
            totals.set_total(self.request, response, "leads", found, self.count, None if self.is_walk else offset)
        if self.is_walk:
            self._set_links(response, last and last._replace(synced_until=synced_until))
        return response

    def _synced_until(self) -> int | None:
        """Return ``X-Synced-Until`` in microseconds. All pages of a list by cursor have that of the first page."""
        if self.filters.get("updated_since") is None:
            return None
        return complete_until(TABLE) if self.after is None else self.after.synced_until

    def _set_links(self, response: Response, last: Cursor | None) -> None:
        links = []
        if last is not None:
            after = cursors.encode(last, self.walk)
            links.append(cursors.link(self.request.path, self.query, {"after": after}, "next"))
        if self.count:
            links.append(cursors.link(self.request.path, self.query, {"after": ""}, "first"))
        if links:
            response.headers["Link"] = ", ".join(links)
