"""Records where the database's log is after each write of a user, so that the next read sees it on a replica, too."""

from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from crm_project.db.replica import record_write
from crm_project.events import event
from crm_project.http.gateway import READS
from crm_project.logs import user_id


class LastWrites:
    """Middleware for servers with a replica, around everything that writes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, after the position is recorded."""
        response = self.get_response(request)
        # A 500 or 503 may come after the commit.
        if request.method not in READS and not 400 <= response.status_code < 500 and (user := user_id(request)):
            try:
                record_write(user)
            except Error:  # what was written is acknowledged all the same
                event("last_write_not_recorded")
        return response
