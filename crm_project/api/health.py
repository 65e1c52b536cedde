"""Is the server there?"""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from crm_project.api.errors import reply


@csrf_exempt  # so that a POST is told its method is wrong, not that a form's token is
def health(request: HttpRequest) -> HttpResponse:
    """``GET /``: ``{"status": "ok"}``, the contract's quick health check; asks nothing of the database."""
    if request.method not in ("GET", "HEAD"):
        refusal = reply(405, "Method Not Allowed")
        refusal["Allow"] = "GET, HEAD"
        return refusal
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")
