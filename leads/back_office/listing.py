"""The list of leads: the data of a page beside the leads' own columns, and stored counts."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from functools import cached_property
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR
from django.db import connection
from django.db.models import F, OrderBy, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from crm_project import validation
from leads import filters as api
from leads.back_office import choices, table
from leads.back_office.filters import OPEN, PARAMETERS, day, office_zone
from leads.back_office.saved_views import View, views_for
from leads.list_sql import MAX_SORTED
from leads.models import Lead, LeadCount
from leads.queries import HIGHER_BUDGET
from leads.sql import SEARCH_TIMEOUT, SearchTimeout, statement_timeout
from users import directory
from users.back_office.lists import MAX_SEARCH
from users.models import User

SEARCH = "q"
# Leads that a search for one reads: for two, PostgreSQL would rather go through all leads than use its trigrams.
MAX_FOUND = 50
UNINDEXED = {"budget", "last_activity"}  # columns whose order no index has
VIEWS = {
    "All leads": {},
    "Mine": {"owner": api.ME, "status": OPEN},
    "Without an owner": {"owner": api.NONE, "status": OPEN},
    "Open": {"status": OPEN},
    "New, not contacted (2+ days)": {"status": "new", "inactive": "2"},
    "Open, no activity (14+ days)": {"status": OPEN, "inactive": "14"},
    "Deleted": {"deleted": "1"},
}
Kind = LeadCount.Kind


class LeadChangeList(ChangeList):
    """A page of leads, each with ``last_activity``, ``next_follow_up`` and the status ``choices`` that the user has."""

    result_list: Any

    @cached_property
    def statuses(self) -> list[str]:
        """Return the statuses in use."""
        return choices.statuses()

    @property
    def views(self) -> list[dict[str, Any]]:
        """Return the predefined views, and whether each is the current one."""
        params = {name: value[-1] for name, value in self.filter_params.items() if name != ORDER_VAR}
        return [{"name": name, "query": urlencode(view), "current": view == params} for name, view in VIEWS.items()]

    @cached_property
    def current_view(self) -> View | None:
        """Return the user's own view that is shown."""
        return next((view for view in views_for(self.request) if view.current and view.is_own), None)

    @cached_property
    def chips(self) -> list[dict[str, str]]:
        """Return the filters in use and the search, each with the address of the list without it."""
        used = [chip for one in self.filter_specs for chip in one.chips()]
        if self.query:
            used.append((SEARCH, f"Search: {self.query}"))
        return [{"text": text, "link": self.get_query_string(remove=[name])} for name, text in used]

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the order; the usual one if more leads than ``MAX_SORTED`` would have to be sorted."""
        chosen = self._chosen_columns()
        if UNINDEXED.isdisjoint(name for _, name in chosen):
            return super().get_ordering(request, queryset)
        if queryset.order_by()[: MAX_SORTED + 1].count() > MAX_SORTED:
            messages.error(request, f"More than {MAX_SORTED:,} leads cannot be sorted that way. Add a filter.")
            return self.model_admin.get_ordering(request)
        return [*(order_of(name, sign) for sign, name in chosen), "-pk"]

    def _chosen_columns(self) -> list[tuple[str, str]]:
        """Return the sign and the name of each column in the order that the query asks for."""
        given = re.findall(r"(-?)(\d{1,3})(?:\.|$)", self.params.get(ORDER_VAR, ""))
        names = [getattr(column, "__name__", column) for column in self.list_display]
        return [(sign, names[int(n)]) for sign, n in given if int(n) < len(names)]

    @cached_property
    def chosen_columns(self) -> list[str]:
        """Return the names of the columns that the user chose."""
        return table.chosen_columns(cast(User, self.request.user).pk)

    @property
    def column_choices(self) -> list[dict[str, Any]]:
        """Return all columns, and whether each is shown."""
        return [
            {"name": name, "label": cast(Any, column).short_description, "shown": name in self.chosen_columns}
            for name, column in table.CHOICES.items()
        ]

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Return the heads of the columns that are shown."""
        return table.headers(self, self.chosen_columns)

    @property
    def rows(self) -> Iterator[SafeString]:
        """Return the rows of the table."""
        return table.rows(self, self.chosen_columns)

    @property
    def import_link(self) -> str:
        """Return the address of the imports."""
        return reverse("admin:leads_importrun_changelist")

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, and the last activities and next follow-ups of its leads in one more query."""
        self.request = request
        super().get_results(request)
        try:
            with statement_timeout(SEARCH_TIMEOUT):
                leads = list(self.result_list)
        except SearchTimeout:
            messages.error(request, "The search takes too long. Add a word of at least three letters, or a filter.")
            leads = []
        self.paginator.correct_estimate(self.page_num, len(leads))
        days = days_of([lead.pk for lead in leads])
        owners = {lead.owner_id for lead in leads if lead.owner_id is not None}
        names = directory.names(owners) if owners else {}
        may_change = self.model_admin.has_change_permission(request)
        for lead in leads:
            lead.last_activity, lead.next_follow_up = days.get(lead.pk, (None, None))
            lead.owner_name = names.get(lead.owner_id, "")
            lead.choices = self.statuses if may_change and lead.is_active else []
        self.result_list = leads
        self.full_result_count = self.result_count  # avoids a second count


def first_found(given: str) -> list[int]:
    """Return the ids of up to two active leads that a search finds; none if it is invalid or takes too long."""
    if not given or len(given) > MAX_SEARCH:
        return []
    try:
        terms = api.search_terms(given)
        with statement_timeout(SEARCH_TIMEOUT):
            leads = Lead.objects.active().search_terms(terms) if terms else Lead.objects.none()
            return list(leads.values_list("pk", flat=True)[:MAX_FOUND])[:2]
    except (validation.InvalidValue, SearchTimeout):
        return []


def order_of(column: str, sign: str) -> OrderBy:
    """Return the order by a column of the list; leads without a value come last in both directions."""
    if column == "last_activity":
        expression: Any = Subquery(_latest_day())
    else:
        expression = {"name": F("name_key"), "state": F("status"), "budget": HIGHER_BUDGET}.get(column, F("created_at"))
    return OrderBy(expression, descending=bool(sign), nulls_last=True)


def last_activities(lead_ids: Sequence[int]) -> dict[int, date | None]:
    """Return the day of each lead's last activity that is not in the future, by one index lookup per lead."""
    return dict(Lead.objects.filter(pk__in=lead_ids).order_by().values_list("pk", Subquery(_latest_day())))


def days_of(lead_ids: Sequence[int]) -> dict[int, tuple[date | None, date | None]]:
    """Return the same, and the day of each lead's next open follow-up, by one more index lookup."""
    days = Lead.objects.filter(pk__in=lead_ids).order_by()
    rows = days.values_list("pk", Subquery(_latest_day()), Subquery(_next_day()))
    return {pk: (last, following) for pk, last, following in rows}


def _latest_day() -> QuerySet[Any]:
    past = _related("activities").filter(activity_date__lte=timezone.localdate())
    return past.order_by("-activity_date").values("activity_date")[:1]


def _next_day() -> QuerySet[Any]:
    return _related("follow_ups").filter(done_at=None).order_by("due_on").values("due_on")[:1]


def _related(relation: str) -> QuerySet[Any]:
    """Return the activities or follow-ups of the lead of the surrounding query; their app is above this one."""
    related: Any = Lead._meta.get_field(relation).related_model
    found: QuerySet[Any] = related._default_manager.filter(lead=OuterRef("pk"))
    return found


def exact_count(query: QueryDict, leads: QuerySet[Lead]) -> int | None:
    """Return the exact number of leads that match ``query`` if that is cheap; else ``None``.

    It is cheap for all active leads, those of one status, and those created or closed since some day of UTC, if that is
    the office's zone: PostgreSQL stores these counts, SQLite has a covering index for each.
    """
    params = {name: value for name in (*PARAMETERS, SEARCH) if (value := query.get(name, "").strip())}
    try:
        stored = _stored_count(params)
    except validation.InvalidValue:
        return None
    if stored is None:
        return None
    if connection.vendor != "postgresql":
        return leads.order_by().count()
    return int(LeadCount.objects.filter(**stored).aggregate(leads=Sum("leads"))["leads"] or 0)


def is_counted_by_id(query: QueryDict) -> bool:
    """Return whether leads are counted in the order of their ids: searches, for which SQLite has no index.

    Row "Leads, a search" of ``benchmarks.pages`` shows it.
    """
    return connection.vendor == "sqlite" and bool(query.get(SEARCH, "").strip())


def _stored_count(params: dict[str, str]) -> dict[str, Any] | None:
    """Return the filter of the ``LeadCount`` rows to add up, if there are such rows."""
    by_day = office_zone() is UTC
    match sorted(params):
        case []:
            return {"kind": Kind.STATUS}
        case ["status"] if params["status"] != OPEN and (status := api.status(params["status"])):
            return {"kind": Kind.STATUS, "status": status}
        case ["created_from"] | ["created_from", "created_to"] | ["created_to"] if by_day:
            bounds = {"gte": params.get("created_from"), "lte": params.get("created_to")}
            days = {f"day__{bound}": day(value) for bound, value in bounds.items() if value}
            return {"kind": Kind.CREATED, **days}
        case ["closed_from"] if by_day:
            return {"kind": Kind.CLOSED, "day__gte": day(params["closed_from"])}
    return None
