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


def set_total(
    request: Request, response: Response, noun: str, found: tuple[int, bool], wanted: str, offset: int | None
) -> None:
    """Set both headers of a page of rows, and say which count it is where that is to be said.

    ``found`` is the number and whether it is exact, ``wanted`` the kind that was asked for. ``offset`` is that of the
    page, ``None`` under a cursor.
    """
    total, exact = found
    rows = len(response.data)
    if offset is not None:
        total = max(total, offset + rows if rows else 0)  # of an estimate that is too low
    place = "*" if offset is None or not rows else f"{offset}-{offset + rows - 1}"
    response.headers["X-Total-Count"] = str(total)
    response.headers["Content-Range"] = f"{noun} {place}/{total}"
    kind = EXACT if exact and wanted == EXACT else ESTIMATED
    # Where ``Prefer`` asked for a count, or where an exact one became an estimate.
    if "count" in prefer.preferences(request) or kind != wanted:
        prefer.applied(response, f"count={kind}")
