"""The list of leads: what a page of it holds beside the leads' own columns, and counts that are kept elsewhere."""

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from unfold.views import ChangeList

from crm_project import validation
from leads import filters as api
from leads.back_office import choices
from leads.back_office.filters import OPEN, PARAMETERS, day
from leads.models import Lead, LeadCount
from leads.sql import MAX_WALK, SearchTimeout, statement_timeout

SEARCH = "q"
VIEWS = {
    "All leads": {},
    "Open": {"status": OPEN},
    "New, no activity for 2 days": {"status": "new", "quiet": "2"},
    "Open, quiet for 2 weeks": {"status": OPEN, "quiet": "14"},
    "Deleted": {"deleted": "1"},
}
Kind = LeadCount.Kind


class LeadChangeList(ChangeList):
    """A page of leads; each knows its ``last_activity`` and the ``choices`` of status that its reader has."""

    result_list: Any

    @cached_property
    def statuses(self) -> list[str]:
        """The statuses in use."""
        return choices.statuses()

    @property
    def views(self) -> list[dict[str, Any]]:
        """The questions that are asked every day, and which of them this is."""
        asked = {name: given[-1] for name, given in self.filter_params.items() if name != ORDER_VAR}
        return [{"name": name, "query": urlencode(of), "current": of == asked} for name, of in VIEWS.items()]

    @property
    def import_link(self) -> str:
        """Where leads come in from a file."""
        return reverse("admin:leads_importrun_changelist")

    def get_results(self, request: HttpRequest) -> None:
        """Django's, and one query about the page's activities."""
        super().get_results(request)
        try:
            with statement_timeout(MAX_WALK):
                leads = list(self.result_list)
        except SearchTimeout:
            messages.error(request, "That search takes too long. Add a word of three letters or more, or a filter.")
            leads = []
        self.paginator.settle(self.page_num, len(leads))
        days = last_activities([lead.pk for lead in leads])
        may_change = self.model_admin.has_change_permission(request)
        for lead in leads:
            lead.last_activity = days.get(lead.pk)
            lead.choices = self.statuses if may_change and lead.is_active else []
        self.result_list = leads
        self.full_result_count = self.result_count  # no second, longer count is told


def last_activities(lead_ids: Sequence[int]) -> dict[int, date | None]:
    """The day of each of these leads' last activity, by one step into the index for each."""
    activities: QuerySet[Any] = Lead._meta.get_field("activities").related_model._default_manager.all()
    latest = activities.filter(lead=OuterRef("pk")).order_by("-activity_date").values("activity_date")[:1]
    return dict(Lead.objects.filter(pk__in=lead_ids).order_by().values_list("pk", Subquery(latest)))


def known_count(query: QueryDict, leads: QuerySet[Lead]) -> int | None:
    """The exact number of leads in the list under ``query``, where it costs little; else ``None``.

    That is so for all active leads, those of one status, and those that came in or were closed since some day:
    PostgreSQL keeps these counts, SQLite has an index for each that holds nothing else.
    """
    asked = {name: given for name in (*PARAMETERS, SEARCH) if (given := query.get(name, "").strip())}
    try:
        kept = _kept(asked)
    except validation.InvalidValue:
        return None
    if kept is None:
        return None
    if connection.vendor != "postgresql":
        return leads.order_by().count()
    return int(LeadCount.objects.filter(**kept).aggregate(leads=Sum("leads"))["leads"] or 0)


def _kept(asked: dict[str, str]) -> dict[str, Any] | None:
    """The rows of ``LeadCount`` whose sum is the answer, if there are such."""
    match sorted(asked):
        case []:
            return {"kind": Kind.STATUS}
        case ["status"] if asked["status"] != OPEN and (status := api.status(asked["status"])):
            return {"kind": Kind.STATUS, "status": status}
        case ["created_from"] | ["created_from", "created_to"] | ["created_to"]:
            bounds = {"gte": asked.get("created_from"), "lte": asked.get("created_to")}
            days = {f"day__{bound}": day(given) for bound, given in bounds.items() if given}
            return {"kind": Kind.CREATED, **days}
        case ["closed_from"]:
            return {"kind": Kind.CLOSED, "day__gte": day(asked["closed_from"])}
    return None
