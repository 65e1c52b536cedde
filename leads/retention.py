"""What of the leads' affairs expires; see ``crm_project/http/retention.py``."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from crm_project.http.retention import Prune
from leads.back_office import stored_files
from leads.models import ImportRun
from leads.validators import ERASED

VALUES = ("value", "before", "after")  # of a problem of an import
STORED = timedelta(seconds=stored_files.REJECTS_KEPT)  # as long as the rows that the values are from


def without_values(problems: list[dict[str, Any]], columns: bool = False) -> list[dict[str, Any]]:
    """Return the problems of an import without what stood in its file: the values; with ``columns`` their names too."""
    names = (*VALUES, "column") if columns else VALUES
    return [{**problem, **{name: ERASED for name in names if name in problem}} for problem in problems]


def erase_refused_values(now: datetime) -> int:
    """Erase the refused values of imports older than seven days at ``now``, and return how many imports had any."""
    erased = 0
    left = Q()  # some values: they are erased all at once, so the first one says
    for name in ("value", "before"):
        left |= Q(problems__0__has_key=name) & ~Q(**{f"problems__0__{name}": ERASED})
    for pk in ImportRun.objects.filter(left, started_at__lte=now - STORED).values_list("pk", flat=True):
        run = ImportRun.objects.only("problems").get(pk=pk)
        erased += ImportRun.objects.filter(pk=pk).update(problems=without_values(run.problems))
    return erased


EXPIRING: dict[str, Prune] = {
    "uploaded files": lambda now: stored_files.sweep(now.timestamp()),
    "refused values of imports": erase_refused_values,
}
