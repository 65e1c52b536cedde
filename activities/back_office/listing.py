"""The list of activities: its filters, and stored counts."""

from typing import Any

from django import forms
from django.db import connection
from django.db.models import Sum
from django.http import QueryDict

from crm_project import validation
from leads.back_office.filters import day
from leads.back_office.parameter_filter import ParameterFilter, select, text_input
from leads.models import LeadCount
from users.models import User

ACTIVE = "active"
MAX_AUTHORS = 200  # choices


class Author(ParameterFilter):
    """The user who logged the activity."""

    title = "Author"
    queries = {
        "user": lambda activities, value: activities.filter(user=validation.integer(value, 1, validation.MAX_BIGINT))
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return the users by name."""
        users = User.objects.order_by("username_key").only("username", "first_name", "last_name")[:MAX_AUTHORS]
        return {"user": select("Author", [(str(user.pk), user.name) for user in users], "Anyone")}


class Date(ParameterFilter):
    """The days of the activities."""

    title = "Date"
    queries = {
        "date_from": lambda activities, value: activities.filter(activity_date__gte=day(value)),
        "date_to": lambda activities, value: activities.filter(activity_date__lte=day(value)),
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return two days."""
        return {"date_from": text_input("Date from", "date"), "date_to": text_input("Date to", "date")}


class Leads(ParameterFilter):
    """Activities of all leads, or of active leads only, as the dashboard counts them."""

    title = "Leads"
    queries = {"leads": lambda activities, value: _of_leads(activities, value)}

    def fields(self) -> dict[str, forms.Field]:
        """Return the choice between the two."""
        return {"leads": select("Leads", [(ACTIVE, "Active leads")], "All leads, including deleted")}


def _of_leads(activities: Any, value: str) -> Any:
    if value != ACTIVE:
        raise validation.InvalidValue("value_error", f"The only value is “{ACTIVE}”")
    return activities.of_active_leads()


FILTERS = (Author, Date, Leads)
PARAMETERS = frozenset(name for one in FILTERS for name in one.queries)


def exact_count(query: QueryDict) -> int | None:
    """Return the stored number of activities of all active leads, if the query asks for it; PostgreSQL only."""
    params = {name: value for name in PARAMETERS if (value := query.get(name, "").strip())}
    if params != {"leads": ACTIVE} or connection.vendor != "postgresql":
        return None
    counts = LeadCount.objects.filter(kind=LeadCount.Kind.STATUS)
    return int(counts.aggregate(activities=Sum("activities"))["activities"] or 0)
