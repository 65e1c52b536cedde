"""``GET /api/leads/export``: the leads of the list's filters as a file, streamed."""

import tempfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request

from crm_project.events import event
from crm_project.http.errors import ApiError, ValidationFailed
from crm_project.http.parameters import choice, collect
from crm_project.http.schema import operation
from crm_project.http.viewsets import RuleViewSet, require_permission
from leads.exporting.run import LEADS, LEADS_AND_DELETED, exported_chunks
from leads.exporting.tables import FORMATS, Form, Unwritable, table
from leads.filters import LeadFilter, deleted_of, replace_me
from leads.models import Lead
from leads.querysets import LeadQuerySet
from users.audit import Action, Channel, log_account_event
from users.models import User

EXPORT = "leads.export_leads"
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


PARAMETERS = [
    OpenApiParameter("format", {"type": "string", "enum": list(FORMATS), "default": "csv"}),
    *(OpenApiParameter(name, {"type": "string"}, description="As of the list") for name in LeadFilter.base_filters),
]


class ExportViewSet(RuleViewSet):
    """Exports of leads."""

    tag = "Imports"
    queryset = Lead.objects.active()
    filterset_class = LeadFilter
    strict_actions = ("export",)
    replica_actions = ("export",)
    query_parameters = {"export": ("format", *LeadFilter.base_filters)}

    @operation(
        "export_leads",
        "Export leads",
        "The file",
        response={"type": "string", "format": "binary"},
        media_type="text/csv",
        refusals={
            403: f"The user does not have the permission {EXPORT}",
            409: "The workbook cannot hold the leads; CSV or JSON Lines can",
        },
        parameters=PARAMETERS,
    )
    def export(self, request: Request) -> HttpResponseBase:
        """Return the leads that match the filters of the list, newest first, as CSV, JSON Lines or an Excel workbook.
        The import reads all three formats. With `deleted` or `updated_since`, deleted leads are included, and a column
        `is_active` distinguishes them.
        """
        require_permission(request, EXPORT)
        query = request.query_params
        filters, errors = LeadFilter.validate(query)
        format = collect(errors, "format", query.get("format", ""), lambda given: choice(given, FORMATS))
        if errors:
            raise ValidationFailed(errors)
        leads = LeadFilter.find(replace_me(filters, cast(int, request.user.pk)))
        return export_response(leads, format or "csv", cast(User, request.user), deleted_of(filters) is not None)


def export_response(leads: LeadQuerySet, format: str, user: User, with_deleted: bool = False) -> HttpResponseBase:
    """Return the file as a response. A workbook is an archive, so it is written completely before it is sent."""
    name = f"leads-{timezone.now():%Y-%m-%d-%H%M}.{format}"
    if format != "xlsx":
        disposition = f'attachment; filename="{name}"'
        return StreamingHttpResponse(
            _streamed(leads, format, user, with_deleted),
            content_type=TYPES[format],
            headers={"Content-Disposition": disposition},
        )
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    count = 0
    try:
        with table(format, cast(Any, file), _form(with_deleted)) as write:
            for chunk in exported_chunks(leads, with_deleted):
                count += len(chunk)
                for row in chunk:
                    write(row)
    except Unwritable as unwritable:
        file.close()
        raise ApiError(status.HTTP_409_CONFLICT, str(unwritable)) from None
    _log(user, format, count)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=TYPES[format])


def _form(with_deleted: bool) -> Form:
    return LEADS_AND_DELETED if with_deleted else LEADS


def _streamed(leads: LeadQuerySet, format: str, user: User, with_deleted: bool) -> Iterator[bytes]:
    """Yield the file in parts, and log how many leads there were, also if the client has stopped reading."""
    buffer, count = BytesIO(), 0
    try:
        with table(format, buffer, _form(with_deleted)) as write:
            for chunk in exported_chunks(leads, with_deleted):
                count += len(chunk)
                for row in chunk:
                    write(row)
                yield _drain(buffer)
        yield _drain(buffer)
    finally:
        _log(user, format, count)


def _drain(buffer: BytesIO) -> bytes:
    """Return the content of a buffer, and empty it."""
    content = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return content


def _log(user: User, format: str, count: int) -> None:
    event("leads_exported", leads=count, format=format)
    after = {"leads": count, "format": format}
    log_account_event(Action.EXPORTED_LEADS, actor=user, target=None, channel=Channel.API, after=after)
