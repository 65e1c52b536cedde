"""The filters of the list of leads. The cost of their choices does not depend on the number of leads."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, timedelta, tzinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format

from crm_project import validation
from leads import filters as api
from leads.back_office import cells, choices
from leads.back_office.parameter_filter import ParameterFilter, select, text_input
from leads.consents import WAYS
from leads.models import ImportRun
from leads.querysets import LeadQuerySet
from users import directory

OPEN = ":open"  # no status looks like this: it would not be one word
OPEN_LABEL = "Open (not closed or lost)"
NO_SOURCE = ":none"
INACTIVE_DAYS = {"2": "2 days", "7": "a week", "14": "2 weeks", "30": "30 days", "90": "90 days"}
DUE_LABELS = {"overdue": "Overdue", "today": "Today", "week": "Next seven days", "none": "Open, none planned"}
RECENT_RUNS = 20
OLDEST, LATEST = date(1900, 1, 1), date(9000, 1, 1)  # the range that Python and both databases support


class Status(ParameterFilter):
    """One status, or all open ones."""

    title = "Status"
    queries = {"status": lambda leads, value: leads.open() if value == OPEN else _in_status(leads, value)}

    def fields(self) -> dict[str, forms.Field]:
        """Return the statuses in use."""
        known = [(status, status.capitalize()) for status in choices.statuses()]
        return {"status": select("Status", [(OPEN, OPEN_LABEL), *known])}

    def chips(self) -> Iterator[tuple[str, str]]:
        """Yield the status in use, whose text needs no query."""
        for name, value in self.used_parameters.items():
            yield name, f"Status: {OPEN_LABEL if value == OPEN else str(value).capitalize()}"


def _in_status(leads: LeadQuerySet, value: str) -> LeadQuerySet:
    status = api.status(value)
    return leads.in_status(status) if status else leads


class Source(ParameterFilter):
    """One source, regardless of its spelling."""

    title = "Source"
    queries = {"source": lambda leads, value: leads.from_source("" if value == NO_SOURCE else api.source(value) or "")}

    def fields(self) -> dict[str, forms.Field]:
        """Return the sources in use."""
        known = [(source.key or NO_SOURCE, source.spelling or "(none)") for source in choices.sources()]
        return {"source": select("Source", known)}


class Owner(ParameterFilter):
    """Whose the leads are."""

    title = "Owner"
    queries = {"owner": lambda leads, value: leads.owned_by(api.user(value) or api.NONE)}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the leads of the user; ``me`` is the one who looks."""
        given = self.used_parameters.get("owner")
        if given == api.ME:
            return queryset.owned_by(request.user.pk)
        return super().queryset(request, queryset)

    def fields(self) -> dict[str, forms.Field]:
        """Return the users by name."""
        users = directory.choices()
        return {"owner": select("Owner", [(api.ME, "Me"), (api.NONE, "Nobody"), *users], "Anyone")}


class Tags(ParameterFilter):
    """All of some tags, with commas between them."""

    title = "Tags"
    queries = {"tag": lambda leads, value: leads.with_tags(api.tags(re.split("[,;]", value)) or ())}

    def fields(self) -> dict[str, forms.Field]:
        """Return a text."""
        return {"tag": text_input("Tags", "text", placeholder="vip, cash buyer")}


class Inactive(ParameterFilter):
    """Leads without an activity for some time."""

    title = "No activity for"
    queries = {"inactive": lambda leads, value: leads.inactive_since(inactive_since_day(value), office_zone())}

    def fields(self) -> dict[str, forms.Field]:
        """Return the periods to choose from; a longer period could mean reading all leads."""
        return {"inactive": select("No activity for", list(INACTIVE_DAYS.items()), "Any time")}


def inactive_since_day(value: str) -> date:
    """Return the first day of the period: leads match if their last activity was before it."""
    if value not in INACTIVE_DAYS:
        raise validation.InvalidValue("value_error", f"Days must be one of {', '.join(INACTIVE_DAYS)}")
    return timezone.localdate() - timedelta(days=int(value) - 1)


class Budget(ParameterFilter):
    """The two budget filters of the API."""

    title = "Budget"
    queries = {
        "min_budget": lambda leads, value: leads.min_budget(_money(value)),
        "max_budget": lambda leads, value: leads.max_budget(_money(value)),
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return two amounts."""
        return {
            "min_budget": text_input(
                f"Budget from ({cells.currency()})", "text", inputmode="numeric", placeholder="from"
            ),
            "max_budget": text_input(f"Budget to ({cells.currency()})", "text", inputmode="numeric", placeholder="to"),
        }


def _money(value: str) -> int:
    return validation.integer(value.replace(",", "").replace(" ", ""), 0, validation.MAX_BIGINT)


class Created(ParameterFilter):
    """The days of creation."""

    title = "Created"
    queries = {
        "created_from": lambda leads, value: leads.created_since(day(value), office_zone()),
        "created_to": lambda leads, value: leads.created_until(day(value), office_zone()),
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return two days."""
        return {"created_from": text_input("Created from", "date"), "created_to": text_input("Created to", "date")}


class Closed(ParameterFilter):
    """The first day of closing."""

    title = "Closed since"
    queries = {"closed_from": lambda leads, value: leads.closed_since(day(value), office_zone())}

    def fields(self) -> dict[str, forms.Field]:
        """Return a day."""
        return {"closed_from": text_input("Closed since", "date")}


def office_zone() -> tzinfo:
    """Return the office's time zone; ``UTC`` itself if it is that, because leads are counted by its days."""
    zone = timezone.get_current_timezone()
    return UTC if str(zone) == "UTC" else zone


def day(value: str) -> date:
    """Return a day that both databases support, or raise ``InvalidValue``."""
    parsed = validation.date(value)
    if not OLDEST <= parsed <= LATEST:
        raise validation.InvalidValue("value_error", f"The day must be from {OLDEST} to {LATEST}")
    return parsed


class Run(ParameterFilter):
    """The import that created the leads."""

    title = "Import"
    queries = {
        "import_run": lambda leads, value: leads.filter(import_run=validation.integer(value, 1, validation.MAX_BIGINT))
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return the latest imports, and the chosen one."""
        runs = ImportRun.objects.filter(kind="leads", created__gt=0).only("file_name", "started_at")[:RECENT_RUNS]
        known = [(str(run.pk), f"{date_format(timezone.localtime(run.started_at))}: {run.file_name}") for run in runs]
        chosen = self.used_parameters.get("import_run")
        if chosen and chosen not in dict(known):
            known.append((str(chosen), f"Import {chosen}"))
        return {"import_run": select("Import", known, "Any")}


class Contactable(ParameterFilter):
    """Leads who may be contacted in one way: with an address or a number for it, and without a revocation."""

    title = "May be"
    queries = {"contactable": lambda leads, value: leads.contactable(_one_of(value, WAYS))}

    def fields(self) -> dict[str, forms.Field]:
        """Return the ways of contact."""
        ways = [("call", "called"), ("text", "texted"), ("email", "emailed")]
        return {"contactable": select("May be", ways, "Any")}


def _one_of(value: str, choices: Collection[str]) -> str:
    if value not in choices:
        raise validation.InvalidValue("value_error", f"The value must be one of {', '.join(choices)}")
    return value


class Due(ParameterFilter):
    """Leads by the office's day of their next open follow-up."""

    title = "Next follow-up"
    queries = {"due": lambda leads, value: leads.due(_one_of(value, DUE_LABELS))}

    def fields(self) -> dict[str, forms.Field]:
        """Return the times, and open leads without a follow-up."""
        return {"due": select("Next follow-up", list(DUE_LABELS.items()), "Any time")}


class Deleted(ParameterFilter):
    """Active leads, or soft-deleted ones."""

    title = "Deleted"
    queries = {"deleted": lambda leads, value: leads}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return deleted leads only, or active ones only: each has its index."""
        value = self.used_parameters.get("deleted")
        if value in (None, "1"):
            return queryset.deleted() if value else queryset.active()
        messages.error(request, "Deleted: the only value is 1.")
        return queryset.none()

    def fields(self) -> dict[str, forms.Field]:
        """Return the choice between the two."""
        return {"deleted": select("Show", [("1", "Deleted leads")], "Active leads")}


FILTERS = (Status, Source, Owner, Tags, Due, Inactive, Budget, Created, Closed, Contactable, Run, Deleted)
PARAMETERS = frozenset(name for one in FILTERS for name in one.queries)
