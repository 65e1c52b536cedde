"""Pages of a list of any size: the rows are counted up to a bound, and only so many can be leafed through."""

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

MAX = 10_000  # rows that one leafs through; who needs others narrows the list
MAX_COUNT = 100  # milliseconds


class CappedPaginator(Pages):
    """Counts ``MAX`` rows and no further: ``said`` is what to tell people, "10,000+" where there are more.

    ``known`` is the exact count where somebody else keeps it; then no row is counted. Where counting takes PostgreSQL
    too long (few rows among many that fit in part), its planner's guess stands in, and is told as one.
    """

    template_name = "leads/back_office/pagination.html"

    def __init__(self, object_list: QuerySet[Any], per_page: int, *args: Any, known: int | None = None) -> None:
        super().__init__(object_list, per_page, *args)
        self.known = known

    @cached_property
    def found(self) -> int:
        """The exact count where it is known or small, one more than ``MAX``, or a guess."""
        self.guessed = False
        if self.known is not None:
            return self.known
        rows = cast(QuerySet[Any], self.object_list).order_by().values("pk")
        try:
            with statement_timeout(MAX_COUNT):
                return int(rows[: MAX + 1].count())
        except SearchTimeout:
            self.guessed = True
            return max(int(json.loads(rows.explain(format="json"))[0]["Plan"]["Plan Rows"]), self.per_page + 1)

    def settle(self, number: int, rows: int) -> None:
        """Put a guess right by a page that was read: the last one, if it holds fewer rows than others."""
        if self.guessed and (rows or number == 1) and rows < self.per_page:
            self.found = self.count = (number - 1) * self.per_page + rows
            self.guessed = False

    @cached_property
    def count(self) -> int:
        """How many rows the pages hold."""
        return min(self.found, MAX)

    @property
    def more(self) -> bool:
        """Whether there are rows beyond the last page."""
        return self.found > MAX

    @property
    def said(self) -> str:
        """The count for reading."""
        if self.more and self.known is None:
            return f"{MAX:,}+"
        return f"about {self.found:,}" if self.guessed else f"{self.found:,}"
