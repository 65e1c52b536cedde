"""``/api/users/me/calendar``: the secret link to the calendar of one's follow-ups."""

from typing import Any, cast

from django.db import transaction
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.schema import operation
from crm_project.http.serializers import SchemaField
from crm_project.http.timestamps import iso
from crm_project.http.viewsets import RuleViewSet
from crm_project.json_schema import TIMESTAMP
from users.audit import Action, Channel, log_account_event
from users.calendar_links import CalendarLink
from users.models import User

NO_LINK = "Calendar link not found"
URL = "https://crm.example.com/api/users/calendar/h3Jk0….ics"


class CalendarLinkSerializer(serializers.Serializer[Any]):
    """When the link was made. The link itself is not stored."""

    created_at = SchemaField(TIMESTAMP)


class IssuedCalendarLinkSerializer(CalendarLinkSerializer):
    """A new link. It is shown only now."""

    url = SchemaField({"type": "string", "format": "uri", "examples": [URL]})


class CalendarLinkViewSet(RuleViewSet):
    """The user's own link. No key reaches it."""

    tag = "Users"
    keeps_replies = False  # a response contains the secret
    closed_to_keys = True
    queryset = CalendarLink.objects.all()
    serializer_class = CalendarLinkSerializer
    strict_actions = ("show", "renew", "revoke")

    @operation("get_calendar_link", "Whether there is a calendar link", "When it was made", refusals={404: NO_LINK})
    def show(self, request: Request) -> Response:
        """Return when the link was made. The link itself is shown only when it is made."""
        created_at = CalendarLink.objects.created_at(cast(User, request.user))
        if created_at is None:
            raise NotFound(NO_LINK)
        return Response({"created_at": iso(created_at)})

    @operation(
        "renew_calendar_link",
        "Make a calendar link",
        "The link; `url` is shown this once",
        201,
        response=IssuedCalendarLinkSerializer,
    )
    def renew(self, request: Request) -> Response:
        """For calendar programs, which subscribe to it. An earlier link ends at once."""
        user = cast(User, request.user)
        with transaction.atomic():
            link, path = CalendarLink.objects.renew(user)
            _log(Action.CALENDAR_LINK_CREATED, user)
        row = {"created_at": iso(link.created_at), "url": request.build_absolute_uri(path)}
        return Response(row, status.HTTP_201_CREATED)

    @operation(
        "revoke_calendar_link", "End the calendar link", "It does not work any more", 204, refusals={404: NO_LINK}
    )
    def revoke(self, request: Request) -> Response:
        """End the link at once."""
        user = cast(User, request.user)
        with transaction.atomic():
            if not CalendarLink.objects.revoke(user):
                raise NotFound(NO_LINK)
            _log(Action.CALENDAR_LINK_REVOKED, user)
        return Response(None, status.HTTP_204_NO_CONTENT)


def _log(action: Action, user: User) -> None:
    log_account_event(action, actor=user, target=user, channel=Channel.API)
