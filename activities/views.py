"""``/api/leads/{lead_id}/activities`` (list, create one or many) and ``/api/leads/{lead_id}/history``."""

from typing import Any

from django.db import DataError, IntegrityError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_view
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from activities import history, reading, rules
from activities.limits import LeadFull
from activities.models import Activity
from activities.serializers import HISTORY, OPERATIONS, activity_out
from crm_project.api.errors import Refused
from crm_project.api.pagination import PAGE_CHECKS, judged, page_of
from crm_project.api.views import ApiViewSet, body_of, judged_row, judged_rows, path_id, written, written_stream
from leads.models import Lead
from leads.views import NO_LEAD, active_lead
from users.actors import Door


@extend_schema_view(**OPERATIONS)
class ActivityViewSet(ApiViewSet):
    """The activities of one active lead."""

    def list(self, request: Request, lead_id: str) -> HttpResponseBase:
        """All of them, latest first; many are read and written in parts, so that they are never in memory together."""
        number = path_id(lead_id, "lead_id", NO_LEAD)
        activities = reading.of_lead(number, reading.TOGETHER + 1)
        if activities is None:
            raise NotFound(NO_LEAD)
        if len(activities) > reading.TOGETHER:
            del activities
            return written_stream(reading.parts_of_lead(number))
        return written(activities)

    def create(self, request: Request, lead_id: str) -> HttpResponse:
        """One activity from an object, or all of a list or none; the author is the token's user."""
        number = path_id(lead_id, "lead_id", NO_LEAD)
        body = body_of(request)
        many = isinstance(body, list)
        if many and not body:
            active_lead(number)  # of an empty list and a missing lead, the lead is told
        rows = judged_rows(body, rules.check) if many else [judged_row(body, rules.check)]
        activities = [activity_out(activity) for activity in _log(number, request.user, rows)]
        return written(activities if many else activities[0], status_code=status.HTTP_201_CREATED)


@extend_schema_view(**HISTORY)
class HistoryViewSet(ApiViewSet):
    """Who did what to one active lead."""

    def list(self, request: Request, lead_id: str) -> Response:
        """One page, newest first."""
        number = path_id(lead_id, "lead_id", NO_LEAD)
        part = page_of(judged(request.query_params, PAGE_CHECKS))
        active_lead(number)
        return Response(history.page(number, part.offset, part.size))


def _log(lead_id: int, user: Any, rows: list[dict[str, Any]]) -> list[Activity]:
    try:
        return Activity.objects.log(lead_id, user, rows, Door.API)
    except Lead.DoesNotExist:
        raise NotFound(NO_LEAD) from None
    except LeadFull as full:
        raise Refused(status.HTTP_409_CONFLICT, str(full)) from None
    except (IntegrityError, DataError):
        raise Refused(status.HTTP_400_BAD_REQUEST, "Bulk insert failed") from None
