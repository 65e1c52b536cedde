"""The filters beside the list: each is a named query, and its choices cost the same at any number of leads."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import ListFilter
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm_project import validation
from leads import filters as api
from leads.back_office import choices
from leads.models import ImportRun
from leads.querysets import LeadQuerySet
from users.form_messages import form_message

Choices = list[tuple[str, str]]
OPEN = ":open"  # no status looks like this: it would not be one word
NO_SOURCE = ":none"
INACTIVE_DAYS = {"2": "2 days", "7": "a week", "14": "2 weeks", "30": "30 days", "90": "90 days"}
RECENT_RUNS = 20
OLDEST, LATEST = date(1900, 1, 1), date(9000, 1, 1)  # what every database and Python can still reckon with


class ParameterFilter(ListFilter):
    """A filter made of named parameters, of which each value is judged and calls a query.

    A value that is refused finds nothing, and people are told: ignoring it would show leads that nobody asked for, and
    an action on "all of them" would reach them.
    """

    template = "leads/back_office/filter.html"
    queries: ClassVar[dict[str, Callable[[Any, str], Any]]]

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.queries:
            given = params.pop(name, [""])[-1].strip()
            if given:
                self.used_parameters[name] = given

    def has_output(self) -> bool:
        """Always shown."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """The names in the query string."""
        return list(self.queries)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The leads that fit all the parameters that were given."""
        for name, given in self.used_parameters.items():
            try:
                queryset = self.queries[name](queryset, str(given))
            except validation.InvalidValue as invalid:
                told = form_message(invalid.type, invalid.msg)
                messages.error(request, f"{self.title}: “{str(given)[:40]}” cannot be used. {told}")
                return queryset.none()
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """The form of this filter."""
        form = forms.Form(initial=self.used_parameters)
        form.fields.update(self.fields(changelist))
        yield {"form": form}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """What people fill in."""
        raise NotImplementedError


def choice(label: str, choices: Choices, anything: str = "All") -> forms.Field:
    """A drop-down list."""
    return forms.ChoiceField(
        label=label, choices=[("", anything), *choices], widget=UnfoldAdminSelectWidget, required=False
    )


def box(label: str, kind: str, **extra: Any) -> forms.Field:
    """A box to type into: a number or a day."""
    return forms.CharField(
        label=label, widget=UnfoldAdminTextInputWidget(attrs={"type": kind, **extra}), required=False
    )


class Status(ParameterFilter):
    """One status, or all that are open."""

    title = "Status"
    queries = {"status": lambda leads, given: leads.open() if given == OPEN else _in_status(leads, given)}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """The statuses in use."""
        known = [(status, status.capitalize()) for status in changelist.statuses]
        return {"status": choice("Status", [(OPEN, "Open: neither closed nor lost"), *known])}


def _in_status(leads: LeadQuerySet, given: str) -> LeadQuerySet:
    wanted = api.status(given)
    return leads.in_status(wanted) if wanted else leads


class Source(ParameterFilter):
    """One source, in any spelling."""

    title = "Source"
    queries = {"source": lambda leads, given: leads.from_source("" if given == NO_SOURCE else api.source(given) or "")}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """The sources in use."""
        known = [(word.key or NO_SOURCE, word.spelling or "(none)") for word in choices.sources()]
        return {"source": choice("Source", known)}


class Inactive(ParameterFilter):
    """Leads with whom nothing was done for some time."""

    title = "No activity for"
    queries = {"quiet": lambda leads, given: leads.inactive_since(inactive_since_day(given))}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """Some spans; a longer one could mean reading all of the leads."""
        return {"quiet": choice("No activity for", list(INACTIVE_DAYS.items()), "Any time")}


def inactive_since_day(given: str) -> date:
    """The first day of a span without activity that reaches until now, as long as the last activity was before it."""
    if given not in INACTIVE_DAYS:
        raise validation.InvalidValue("value_error", f"Days must be one of {', '.join(INACTIVE_DAYS)}")
    return timezone.now().date() - timedelta(days=int(given) - 1)


class Budget(ParameterFilter):
    """The API's two questions about the budget."""

    title = "Budget"
    queries = {
        "min_budget": lambda leads, given: leads.min_budget(_money(given)),
        "max_budget": lambda leads, given: leads.max_budget(_money(given)),
    }

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """Two amounts."""
        return {
            "min_budget": box("Budget from", "text", inputmode="numeric", placeholder="from"),
            "max_budget": box("Budget up to", "text", inputmode="numeric", placeholder="up to"),
        }


def _money(given: str) -> int:
    return validation.integer(given.replace(",", "").replace(" ", ""), 0, validation.MAX_BIGINT)


class Created(ParameterFilter):
    """The days on which leads came in, in UTC."""

    title = "Came in"
    queries = {
        "created_from": lambda leads, given: leads.created_since(day(given)),
        "created_to": lambda leads, given: leads.created_until(day(given)),
    }

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """Two days."""
        return {"created_from": box("Came in from", "date"), "created_to": box("Came in until", "date")}


class Closed(ParameterFilter):
    """The day since which leads were closed."""

    title = "Closed since"
    queries = {"closed_from": lambda leads, given: leads.closed_since(day(given))}

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """A day."""
        return {"closed_from": box("Closed since", "date")}


def day(given: str) -> date:
    """A day within the reach of every database; raises ``values.Invalid``."""
    found = validation.date(given)
    if not OLDEST <= found <= LATEST:
        raise validation.InvalidValue("value_error", f"The day must be from {OLDEST} to {LATEST}")
    return found


class Run(ParameterFilter):
    """The import that brought leads in."""

    title = "Import"
    queries = {
        "import_run": lambda leads, given: leads.filter(import_run=validation.integer(given, 1, validation.MAX_BIGINT))
    }

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """The latest runs, and the chosen one."""
        runs = ImportRun.objects.filter(kind="leads", created__gt=0).only("file_name", "started_at")[:RECENT_RUNS]
        known = [(str(run.pk), f"{run.started_at:%d %b %Y}: {run.file_name}") for run in runs]
        chosen = self.used_parameters.get("import_run")
        if chosen and chosen not in dict(known):
            known.append((str(chosen), f"Run {chosen}"))
        return {"import_run": choice("Import", known, "Any")}


class Deleted(ParameterFilter):
    """Active leads, or those softly deleted."""

    title = "Deleted"
    queries = {"deleted": lambda leads, given: leads}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Deleted leads alone, or active ones alone: each has its index."""
        given = self.used_parameters.get("deleted")
        if given in (None, "1"):
            return queryset.deleted() if given else queryset.active()
        messages.error(request, "Deleted leads are asked for with deleted=1.")
        return queryset.none()

    def fields(self, changelist: Any) -> dict[str, forms.Field]:
        """Which of the two."""
        return {"deleted": choice("Active or deleted", [("1", "Deleted leads")], "Active leads")}


ALL = (Status, Source, Inactive, Budget, Created, Closed, Run, Deleted)
PARAMETERS = frozenset(name for one in ALL for name in one.queries)
