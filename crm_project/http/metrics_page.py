"""``GET /metrics`` for Prometheus, for the networks of ``METRICS_ALLOW``."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from crm_project.http.client_address import is_within
from crm_project.http.errors import reply
from crm_project.http.health import get_only

TEXT = "text/plain; version=0.0.4; charset=utf-8"  # the format that every version of Prometheus reads


@csrf_exempt
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics; to all other clients, a 404 as for a path that does not exist."""
    if not is_within(request, settings.METRICS_NETWORKS):
        return reply(404, "Not Found")
    return _metrics(request)


@get_only
def _metrics(request: HttpRequest) -> HttpResponse:
    from crm_project.metrics import read  # not at the top: see its docstring

    return HttpResponse(read(), content_type=TEXT)
