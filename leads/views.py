"""``/api/leads``: list, create one or many, get, update, delete softly."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from django.db import DataError, IntegrityError
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_view
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.api.errors import Refused, Unprocessable
from crm_project.api.pagination import PAGE_CHECKS, judged, page_of
from crm_project.api.views import (
    ApiViewSet,
    body_of,
    judged_row,
    judged_rows,
    path_id,
    written,
    written_part,
    written_parts,
)
from crm_project.values import Problem, located
from leads import reading, rules
from leads.etags import etag, is_known, tag_of, versions_wanted
from leads.filters import CHECKS
from leads.models import Lead
from leads.querysets import BudgetsCrossed, VersionMoved
from leads.references import resolve
from leads.serializers import OPERATIONS, lead_out, row_out
from users.actors import Actor, Door
from users.models import User

NO_LEAD = "Lead not found"
LIST_CHECKS = {**CHECKS, **PAGE_CHECKS}
TOO_SHORT = "Value error, too short to search for among so many leads; three letters in a row will do"


@extend_schema_view(**OPERATIONS)
class LeadViewSet(ApiViewSet):
    """Active leads; a softly deleted one is a 404 here."""

    def list(self, request: Request) -> HttpResponse:
        """One page, newest first."""
        wanted = judged(request.query_params, LIST_CHECKS)
        page = page_of(wanted)
        try:
            return written(reading.page(wanted, page.offset, page.size))
        except reading.TooSlow:
            raise Unprocessable(
                [Problem("value_error", ("query", "q"), TOO_SHORT, request.query_params["q"])]
            ) from None

    def create(self, request: Request) -> HttpResponse:
        """One lead from an object, or all of a list or none."""
        body = body_of(request)
        if not isinstance(body, list):
            clean = judged_row(body, rules.check)
            with _references_of(clean):
                lead = Lead.objects.add(clean, by_api(request))
            return _tagged(lead, status.HTTP_201_CREATED)
        rows = judged_rows(body, rules.check)
        if problems := resolve(rows):
            raise Unprocessable([p for index, wrong in problems.items() for p in located(wrong, "body", index)])
        try:
            parts = Lead.objects.add_many(rows, by_api(request), _shown)
        except (IntegrityError, DataError):
            raise Refused(status.HTTP_400_BAD_REQUEST, "Bulk insert failed") from None
        return written_parts(parts)

    def retrieve(self, request: Request, lead_id: str) -> HttpResponse:
        """One lead."""
        found = reading.one(path_id(lead_id, "lead_id", NO_LEAD))
        if not found:
            raise NotFound(NO_LEAD)
        lead, tag = found[0], tag_of(found[1], found[0]["activity_count"])
        if is_known(tag, request.META.get("HTTP_IF_NONE_MATCH")):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return written(lead, {"ETag": tag})

    def update(self, request: Request, lead_id: str) -> HttpResponse:
        """Write the fields that are sent; PUT and PATCH do the same."""
        number = path_id(lead_id, "lead_id", NO_LEAD)
        return _tagged(_change(request, number, judged_row(body_of(request), partial(rules.check, partial=True))))

    def destroy(self, request: Request, lead_id: str) -> Response:
        """Delete softly."""
        _change(request, path_id(lead_id, "lead_id", NO_LEAD), {"is_active": False})
        return Response(status=status.HTTP_204_NO_CONTENT)


def _shown(rows: list[dict[str, Any]]) -> bytes:
    return written_part([row_out(row) for row in rows])


def _tagged(lead: Lead, status_code: int = status.HTTP_200_OK) -> HttpResponse:
    return written(lead_out(lead), {"ETag": etag(lead)}, status_code)


@contextmanager
def _references_of(clean: dict[str, Any]) -> Iterator[None]:
    """Around the write of one lead: a 422 for foreign keys that point to nothing, also where a row has just gone."""
    _check_references(clean)
    try:
        yield
    except IntegrityError:
        _check_references(clean)
        raise


def _check_references(clean: dict[str, Any]) -> None:
    for problems in resolve([clean]).values():
        raise Unprocessable(located(problems, "body"))


def _change(request: Request, lead_id: int, clean: dict[str, Any]) -> Lead:
    versions = versions_wanted(request.META.get("HTTP_IF_MATCH"))
    try:
        with _references_of(clean):
            return Lead.objects.change(lead_id, clean, by_api(request), versions)
    except Lead.DoesNotExist:
        raise NotFound(NO_LEAD) from None
    except VersionMoved as moved:
        now = {"ETag": etag(moved.lead)}
        raise Refused(status.HTTP_412_PRECONDITION_FAILED, "The lead was changed meanwhile", now) from None
    except BudgetsCrossed as crossed:
        raise Unprocessable(located(crossed.problems, "body")) from None


def by_api(request: Request) -> Actor:
    """The token's user, who comes in through the API."""
    return Actor.of(cast(User, request.user), Door.API)


def active_lead(lead_id: int) -> Lead:
    """The active lead of that id, or a 404."""
    try:
        return Lead.objects.active().get(pk=lead_id)
    except Lead.DoesNotExist:
        raise NotFound(NO_LEAD) from None
