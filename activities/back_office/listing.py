"""The list of activities: its filters, and counts that are kept elsewhere."""

from typing import Any

from django import forms
from django.db import connection
from django.db.models import Sum
from django.http import QueryDict

from crm_project import validation
from leads.back_office.filters import ParameterFilter, box, choice, day
from leads.models import LeadCount
from users.models import User

ACTIVE = "active"
AUTHORS = 200  # to choose from


class Author(ParameterFilter):
    """Who did it."""

    title = "Author"
    queries = {"user": lambda found, given: found.filter(user=validation.integer(given, 1, validation.MAX_BIGINT))}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """The users by name."""
        users = User.objects.order_by("username_key").only("username", "first_name", "last_name")[:AUTHORS]
        return {"user": choice("Author", [(str(user.pk), user.name) for user in users], "Anybody")}


class Done(ParameterFilter):
    """The days on which it was done."""

    title = "Done"
    queries = {
        "done_from": lambda found, given: found.filter(activity_date__gte=day(given)),
        "done_to": lambda found, given: found.filter(activity_date__lte=day(given)),
    }

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """Two days."""
        return {"done_from": box("Done from", "date"), "done_to": box("Done until", "date")}


class Leads(ParameterFilter):
    """Activities of all leads, or of active ones alone, as the dashboard counts them."""

    title = "Leads"
    queries = {"leads": lambda found, given: _of(found, given)}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """Which of the two."""
        return {"leads": choice("With", [(ACTIVE, "Active leads")], "All leads, deleted ones too")}


def _of(found: Any, given: str) -> Any:
    if given != ACTIVE:
        raise validation.InvalidValue("value_error", f"It can only be “{ACTIVE}”")
    return found.of_active_leads()


ALL = (Author, Done, Leads)
PARAMETERS = frozenset(name for one in ALL for name in one.queries)


def known_count(query: QueryDict) -> int | None:
    """The exact number of activities of all active leads, where that is asked for and PostgreSQL keeps it."""
    asked = {name: given for name in PARAMETERS if (given := query.get(name, "").strip())}
    if asked != {"leads": ACTIVE} or connection.vendor != "postgresql":
        return None
    kept = LeadCount.objects.filter(kind=LeadCount.Kind.STATUS)
    return int(kept.aggregate(activities=Sum("activities"))["activities"] or 0)
