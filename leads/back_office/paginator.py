"""Pagination of lists of any size: rows are counted, and pages shown, up to a maximum."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet

from leads.sql import SearchTimeout, statement_timeout

if TYPE_CHECKING:
    Pages = Paginator[Any]
else:
    Pages = Paginator  # generic for the type checker alone

MAX = 10_000  # rows that have a page; others are reached by filter or search
MAX_COUNT = 100  # milliseconds


class CappedPaginator(Pages):
    """Counts at most ``MAX`` rows; ``display_count`` is "10,000+" if there are more.

    With ``exact_count``, a count that is stored elsewhere, no row is counted. Where counting takes PostgreSQL too long,
    the estimate of its planner is used and shown as "about".

    ``by_id`` counts in the order of the ids: for conditions that no index has. SQLite would otherwise read the rows in
    the order of some index, which takes twice as long.
    """

    template_name = "leads/back_office/pagination.html"

    def __init__(
        self,
        object_list: QuerySet[Any],
        per_page: int,
        *args: Any,
        exact_count: int | None = None,
        by_id: bool = False,
    ) -> None:
        super().__init__(object_list, per_page, *args)
        self.exact_count, self.counted_order = exact_count, ("pk",) if by_id else ()

    @cached_property
    def row_count(self) -> int:
        """Return the exact count if it is given or small, otherwise ``MAX + 1`` or an estimate."""
        self.estimated = False
        if self.exact_count is not None:
            return self.exact_count
        rows = cast(QuerySet[Any], self.object_list).order_by(*self.counted_order).values("pk")
        try:
            with statement_timeout(MAX_COUNT):
                return int(rows[: MAX + 1].count())
        except SearchTimeout:
            self.estimated = True
            return max(int(json.loads(rows.explain(format="json"))[0]["Plan"]["Plan Rows"]), self.per_page + 1)

    def correct_estimate(self, number: int, rows: int) -> None:
        """Replace an estimate by the exact count if the page that was read is the last one."""
        if self.estimated and (rows or number == 1) and rows < self.per_page:
            self.row_count = self.count = (number - 1) * self.per_page + rows
            self.estimated = False

    @cached_property
    def count(self) -> int:
        """Return the number of rows that have a page."""
        return min(self.row_count, MAX)

    @property
    def has_more(self) -> bool:
        """Return whether there are rows beyond the last page."""
        return self.row_count > MAX

    @property
    def display_count(self) -> str:
        """Return the count as text."""
        if self.has_more and self.exact_count is None:
            return f"{MAX:,}+"
        return f"about {self.row_count:,}" if self.estimated else f"{self.row_count:,}"
