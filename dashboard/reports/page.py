"""``/admin/reports/``: the reports for managers, with filters; ``format=csv`` is the same table as a file."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any, cast

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm_project.db.replica import serve_reads
from dashboard.reports.figures import LONGEST, REPORTS, Cell, Period, Report, Row
from leads.back_office import choices
from leads.back_office.filters import NO_SOURCE
from leads.formula_escape import escape
from leads.models import Lead
from users import directory, permissions
from users.models import User

WEEKS = 12  # of the period that is shown first
MAX_ROWS = 1000  # on the page; the file has all
MAX_AGENTS = 200  # choices
NOBODY = "none"


class PeriodForm(forms.Form):
    """The period, the owner and the source."""

    first = forms.DateField(label="From", widget=UnfoldAdminTextInputWidget({"type": "date"}))
    last = forms.DateField(label="To", widget=UnfoldAdminTextInputWidget({"type": "date"}))
    owner = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    source = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())

    def __init__(self, given: Any) -> None:
        today = timezone.localdate()
        monday = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
        super().__init__(
            {"first": monday.isoformat(), "last": today.isoformat()} | {k: v for k, v in given.items() if v}
        )
        cast(forms.ChoiceField, self.fields["owner"]).choices = [("", "Anyone"), (NOBODY, "Nobody"), *_owners()]
        sources = [(one.key or NO_SOURCE, one.spelling or "(none)") for one in choices.sources()]
        cast(forms.ChoiceField, self.fields["source"]).choices = [("", "All"), *sources]

    def clean(self) -> dict[str, Any]:
        """Return the clean values, if the period is not longer than a year."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and not timedelta() <= last - first <= LONGEST:
            self.add_error("last", ValidationError("Choose a period of at most a year.", code="period"))
        return cleaned

    def period(self) -> Period:
        """Return what a valid form has."""
        first, last, owner, source = (self.cleaned_data[name] for name in ("first", "last", "owner", "source"))
        owners = {"": None, NOBODY: NOBODY}
        return Period(
            first,
            last,
            owners[owner] if owner in owners else int(owner),
            "" if source == NO_SOURCE else source or None,
        )


def _owners() -> Iterator[tuple[str, str]]:
    """Yield the active users, and after them those who left and own leads."""
    # One lead of each, by the index: for ``Exists``, PostgreSQL would read all leads.
    owned = Subquery(Lead.objects.active().filter(owner=OuterRef("pk")).newest_first().values("pk")[:1])
    users = User.objects.alias(owned=owned).filter(Q(is_active=True) | Q(owned__isnull=False))
    users = users.order_by("-is_active", "username_key")
    for user in users.only(*directory.NAME, "is_active")[:MAX_AGENTS]:
        yield str(user.pk), user.name if user.is_active else f"{user.name} (deactivated)"


def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Show one report, or send its file, from a replica of the database if there is one."""
    user = cast(User, request.user)
    if not permissions.is_manager(user):
        raise PermissionDenied
    return serve_reads(user.pk, lambda: _response(request, context))


def _response(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    key = request.GET.get("report", "")
    report = REPORTS.get(key) or REPORTS[key := next(iter(REPORTS))]
    form = PeriodForm(request.GET.dict())
    rows: list[Row] = []
    if form.is_valid():
        if request.GET.get("format") == "csv":
            return _file(key, report, form.period())
        rows = list(islice(report.rows(form.period()), MAX_ROWS + 1))
    parameters = request.GET.copy()
    parameters["report"] = key
    context |= {
        "title": f"Report: {report.title}",
        "report": report,
        "key": key,
        "reports": [(name, one.title) for name, one in REPORTS.items()],
        "form": form,
        "rows": [[_text(cell) for cell in row] for row in rows[:MAX_ROWS]],
        "is_cut": len(rows) > MAX_ROWS,
        "most": MAX_ROWS,
        "query": parameters.urlencode(),
    }
    return TemplateResponse(request, "dashboard/reports.html", context)


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    return date_format(cell) if isinstance(cell, date) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _file(key: str, report: Report, period: Period) -> HttpResponse:
    """Return the report as CSV that spreadsheets read; no cell runs as a formula."""
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{key}-{period.first}-{period.last}.csv"'
    writer = csv.writer(response)
    writer.writerow(report.columns)
    for row in report.rows(period):
        writer.writerow([escape(cell) if isinstance(cell, str) and cell else cell for cell in row])
    return response
