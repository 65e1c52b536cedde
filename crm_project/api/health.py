"""Is the server there?"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """``GET /``: ``{"status": "ok"}``, the contract's quick health check; asks nothing of the database."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")
