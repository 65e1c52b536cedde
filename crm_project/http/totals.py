"""``count``: how many rows a list has in all, in ``X-Total-Count`` and ``Content-Range``."""

from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http import prefer
from crm_project.http.parameters import choice

EXACT, ESTIMATED = "exact", "estimated"
KINDS = (EXACT, ESTIMATED)


def wanted_count(request: Request) -> str | None:
    """``exact`` or ``estimated``, by the parameter or by ``Prefer``. Raises ``InvalidValue`` for another parameter."""
    if "count" in request.query_params:
        return choice(request.query_params["count"], KINDS)
    preferred = prefer.preferences(request).get("count")
    return preferred if preferred in KINDS else None


def set_total(response: Response, noun: str, total: int, offset: int | None, rows: int) -> None:
    """Set both headers; ``offset`` is that of the page, ``None`` under a cursor."""
    if offset is not None:
        total = max(total, offset + rows if rows else 0)  # of an estimate that is too low
    place = "*" if offset is None or not rows else f"{offset}-{offset + rows - 1}"
    response.headers["X-Total-Count"] = str(total)
    response.headers["Content-Range"] = f"{noun} {place}/{total}"


def set_applied(request: Request, response: Response, wanted: str, exact: bool) -> None:
    """Say which count it is, where ``Prefer`` asked for one, or where an exact one became an estimate."""
    kind = EXACT if exact and wanted == EXACT else ESTIMATED
    if "count" in prefer.preferences(request) or kind != wanted:
        prefer.applied(response, f"count={kind}")
