"""Downloads of leads, written by the code of the ``export_leads`` command.

The file is written to an anonymous temporary file first: it is one snapshot of the database, memory use is constant,
and a failure is an error message instead of a truncated download.
"""

import tempfile
from typing import Any, cast

from django.contrib import messages
from django.http import FileResponse, HttpRequest
from django.utils import timezone

from crm_project.events import event
from leads.exporting.run import LEADS, export_leads
from leads.exporting.tables import Unwritable, table
from leads.querysets import LeadQuerySet
from users.audit import Action
from users.back_office import audited

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


def export_response(request: HttpRequest, leads: LeadQuerySet, format: str) -> FileResponse | None:
    """Return the download; ``None`` and an error message if it fails."""
    if format not in TYPES:
        messages.error(request, "Not exported: choose Excel or CSV.")
        return None
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    try:
        with table(format, cast(Any, file), LEADS) as write:
            count = export_leads(leads, write)
    except Unwritable as unwritable:
        file.close()
        messages.error(request, f"Not exported: {unwritable}.")
        return None
    event("leads_exported", leads=count, format=format)
    audited.log(request, Action.EXPORTED_LEADS, None, after={"leads": count, "format": format})
    file.seek(0)
    name = f"leads-{timezone.now():%Y-%m-%d-%H%M}.{format}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=TYPES[format])
