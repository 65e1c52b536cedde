"""Lists of rows of all active leads, by page number or by cursor, and the number of rows."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.db import sql
from crm_project.http import totals
from crm_project.http.cursors import Cursor, decode, encode, link, walk_of
from crm_project.http.errors import ValidationFailed
from crm_project.http.pagination import PagePagination
from crm_project.http.parameters import collect
from crm_project.http.totals import EXACT
from crm_project.validation import FieldError, InvalidValue
from leads.list_view import PAGE_AND_CURSOR
from leads.sql import SearchTimeout, statement_timeout

Row = dict[str, Any]
Condition = tuple[str, list[Any]]

NO_CURSOR = "Value error, not a cursor; take the one of the last page's Link"
MAX_COUNTED = 10_000  # rows that are counted one by one for an estimate
COUNT_TIMEOUT = 150  # milliseconds of an exact count


@dataclass(frozen=True)
class RowList:
    """The rows of ``table``, whose alias is ``alias`` in all SQL, of active leads.

    ``columns`` returns the SQL of ``fields``. ``filters`` are the query parameters. ``validate`` gets them and the
    user's id, and returns conditions and errors. ``order`` is an ``ORDER BY``. ``sort_key`` returns the key of a row
    for a cursor. ``after`` returns the condition for the rows after a cursor, or raises ``ValueError``.
    """

    noun: str
    table: str
    alias: str
    fields: Sequence[str]
    columns: Callable[[], str]
    order: str
    sort_key: Callable[[Row], str]
    after: Callable[[Cursor], Condition]
    filters: Sequence[str]
    validate: Callable[[QueryDict, int], tuple[list[Condition], list[FieldError]]]

    def reply(self, request: Request, pagination: PagePagination) -> Response:
        """Return the page that a request asks for, with its headers; raise a 422 with all errors."""
        query = request.query_params
        page, errors = pagination.validate(query)
        conditions, filter_errors = self.validate(query, cast(int, request.user.pk))
        errors += filter_errors
        walk = walk_of(query, self.filters, self.order)
        count_kind = collect(errors, "count", query.get("count"), lambda _: totals.wanted_count(request))
        after = collect(errors, "after", query.get("after"), lambda _: self._cursor(query, walk))
        if errors:
            raise ValidationFailed(errors)
        is_walk = "after" in query
        offset = 0 if is_walk else page.offset
        rows, last = self.fetch_page(conditions, page.size, offset, after)
        response = Response(rows)
        if count_kind:
            found = self.count(conditions, count_kind)
            totals.set_total(request, response, self.noun, found, count_kind, None if is_walk else offset)
        if is_walk and last:
            response.headers["Link"] = link(request.path, query, {"after": encode(last, walk)}, "next")
        return response

    def fetch_page(
        self, conditions: Sequence[Condition], size: int, offset: int = 0, after: Cursor | None = None
    ) -> tuple[list[Row], Cursor | None]:
        """Return the rows of a page, and the cursor of the next page if there is one."""
        source, values = self._source([*conditions, *([self.after(after)] if after else [])])
        found = sql.fetch_once(
            f"SELECT {self.columns()} {source} {self.order} LIMIT {size + 1:d} OFFSET {offset:d}", values
        )
        rows = [dict(zip(self.fields, row, strict=True)) for row in found]
        if len(rows) <= size:
            return rows, None
        last = rows[size - 1]
        return rows[:size], Cursor(0, self.sort_key(last), last["id"], None)

    def count(self, conditions: Sequence[Condition], kind: str) -> tuple[int, bool]:
        """Return how many rows match the conditions, and whether that is exact."""
        source, values = self._source(conditions)
        one = f"SELECT 1 {source}"
        if sql.VENDOR != "postgresql":
            return _number(f"SELECT count(*) FROM ({one})", values), True
        if kind == EXACT:
            with suppress(SearchTimeout), statement_timeout(COUNT_TIMEOUT):
                return _number(f"SELECT count(*) FROM ({one}) AS counted", values), True
        with suppress(SearchTimeout), statement_timeout(COUNT_TIMEOUT):
            number = _number(f"SELECT count(*) FROM ({one} LIMIT {MAX_COUNTED + 1:d}) AS counted", values)
            if number <= MAX_COUNTED:
                return number, True
        return max(sql.planner_estimate(one, values), MAX_COUNTED + 1), False

    def _source(self, conditions: Sequence[Condition]) -> Condition:
        active = f"EXISTS (SELECT 1 FROM leads_lead AS lead WHERE lead.id = {self.alias}.lead_id AND lead.is_active)"
        where = " AND ".join([active, *(condition for condition, _ in conditions)])
        return f"FROM {self.table} AS {self.alias} WHERE {where}", [v for _, values in conditions for v in values]

    def _cursor(self, query: QueryDict, walk: str) -> Cursor | None:
        if "after" in query and "page" in query:
            raise InvalidValue("value_error", PAGE_AND_CURSOR)
        if not query.get("after"):
            return None
        cursor = decode(str(query["after"]), walk, str)
        try:
            self.after(cursor)
        except ValueError:
            raise InvalidValue("value_error", NO_CURSOR) from None
        return cursor


def _number(statement: str, values: Sequence[Any]) -> int:
    return int(sql.fetch_once(statement, values)[0][0])
