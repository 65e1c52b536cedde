"""The data of imports that expire; see ``crm_project/http/retention.py``."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from crm_project.http.retention import Prune
from leads.import_uploads import REJECTS_LIFETIME
from leads.models import ImportRun, ImportUpload
from leads.validators import ERASED

# The lists of an import that have values of its file, and the keys of these values.
VALUES = {
    "problems": ("value", "before", "after"),
    "skipped_rows": ("name", "email", "phone"),
    "repairs": ("before", "after"),
    "remainders": ("value",),
    "statuses": ("value", "became"),
}
VALUES_LIFETIME = REJECTS_LIFETIME  # the same as of the rows with these values


def without_values(run: ImportRun, columns: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Return the lists of an import without the values of its file; with ``columns``, without names of columns too."""
    lists = {}
    for name, keys in VALUES.items():
        erased = (*keys, "column") if columns else keys
        lists[name] = [{**row, **{key: ERASED for key in erased if key in row}} for row in getattr(run, name)]
    return lists


def erase_values(now: datetime) -> int:
    """Erase the values of files from imports older than seven days at ``now``; return how many imports had any."""
    erased = 0
    # All values of an import are erased at once, so that its first rows show whether that was done.
    has_values = Q()
    for name, keys in VALUES.items():
        for key in keys:
            has_values |= Q(**{f"{name}__0__has_key": key}) & ~Q(**{f"{name}__0__{key}": ERASED})
    for pk in ImportRun.objects.filter(has_values, started_at__lte=now - VALUES_LIFETIME).values_list("pk", flat=True):
        run = ImportRun.objects.only(*VALUES).get(pk=pk)
        erased += ImportRun.objects.filter(pk=pk).update(**without_values(run))
    return erased


def delete_files(now: datetime) -> int:
    """Delete uploads of a day ago and rows with errors of seven days before ``now``; return how many had files."""
    old = ImportRun.objects.filter(started_at__lte=now - REJECTS_LIFETIME).exclude(rejects_file="", skipped_file="")
    return ImportUpload.objects.expired(now).delete_with_files() + sum(
        run.delete_files() for run in old.only("rejects_file", "skipped_file")
    )


EXPIRING: dict[str, Prune] = {
    "uploaded files": delete_files,
    "values of files in reports of imports": erase_values,
}
