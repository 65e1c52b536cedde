"""The import pages: upload a file, preview it, import it. ``ImportRunAdmin`` has their URLs.

All steps but the last store nothing but the file. The last runs the import in the request, in one transaction.
"""

import secrets
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from crm_project.db.exclusive import Announce
from leads.back_office.duplicates_table import ACTIONS, duplicates_table, without_options
from leads.back_office.import_plan import (
    AS_IS,
    CONSTANTS,
    DATES,
    ON_DUPLICATE,
    ON_ERROR,
    OTHER_CONSTANTS,
    UNKNOWN,
    Plan,
    detected,
    label,
)
from leads.back_office.preview import column_kinds, import_upload, preview
from leads.back_office.progress import UploadProgress, progress_of
from leads.back_office.reading import DELIMITERS, ENCODINGS, Reading
from leads.back_office.stored_files import REMOVED, LocalFile, single_reader
from leads.back_office.upload_limits import MAX_ROWS, TooLarge, inspect
from leads.importing import runs
from leads.importing.columns.mapping import NOTE, TARGETS
from leads.importing.file_import import FileImport
from leads.importing.options import Options
from leads.importing.report import shown_notes
from leads.importing.sources.reader import FORMATS
from leads.importing.stats import Refused, showable
from leads.models import ImportRun, ImportUpload
from leads.validators import FIELDS, PIPELINE
from users.models import User

ACCEPTED = ".csv,.tsv,.tab,.txt,.xlsx,.xls,.xlsb,.ods,.json,.jsonl,.ndjson,.vcf,.gz,.zip"
MAX_NAME = 200
CANNOT_STORE = "The server has no space left for the file. Try again later."
MAX_DUPLICATES = 100  # rows that are compared with their leads

Context = dict[str, Any]


def upload_page(request: HttpRequest, context: Context) -> HttpResponse:
    """Store an uploaded file and go to its preview; show an error if it cannot be imported here."""
    rejection: Context = {}
    if request.method == "POST":
        try:
            return redirect("admin:leads_importrun_review", _store_upload(request).token)
        except TooLarge as too_large:
            rejection = {"error": str(too_large), "command": _default_command(request)}
        except Refused as refused:
            rejection = {"error": str(refused)}
        except OSError:
            rejection = {"error": CANNOT_STORE}
    limits = {"max_rows": MAX_ROWS, "max_bytes": settings.BODY_MAX_BYTES, "accepted": ACCEPTED}
    return TemplateResponse(
        request, "leads/import_upload.html", {**context, **limits, **rejection, **_reading_context()}
    )


def _reading_context() -> Context:
    """Return the choices of how a file is read, and a key for the progress of the next request."""
    choices = {"encodings": ENCODINGS, "delimiters": DELIMITERS, "formats": FORMATS}
    return {**choices, "progress_key": secrets.token_hex(16)}


def progress_page(request: HttpRequest, key: str) -> HttpResponse:
    """Return as JSON how far the user's request of that key is."""
    return JsonResponse(progress_of(_user(request).pk, key))


def _progress(request: HttpRequest, announce: Announce) -> UploadProgress:
    return UploadProgress(announce, _user(request).pk, request.POST.get("progress", ""))


def _store_upload(request: HttpRequest) -> ImportUpload:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Refused("Choose a file first.")
    name = showable(file.name or "file")[:MAX_NAME]
    user, reading = _user(request), Reading.from_form(request.POST)
    with single_reader() as announce, LocalFile.of_pieces(name, file.chunks()) as local:
        inspect(local.file, name)
        _refuse_during_import(Options(dry_run=True))
        state = preview(local, user, Plan.for_header((), reading), _progress(request, announce))
        return ImportUpload.objects.store(user.pk, name, local.file, state)


def _default_command(request: HttpRequest) -> str:
    file = request.FILES["file"]
    return Plan(()).command(str(getattr(file, "name", "FILE")), ())


def review_page(request: HttpRequest, token: str, context: Context) -> HttpResponse:
    """Show the preview of a file, change its plan, or import it."""
    upload = _find(request, token)
    if upload is None:
        messages.warning(request, "The file was removed: uploads are stored for a day. Upload it again.")
        return redirect("admin:leads_importrun_add")
    if request.method == "POST":
        return _submit(request, upload)
    if not upload.file:
        return _redirect_to_run(upload.runs[-1])
    may_view_leads = request.user.has_perm("leads.view_lead")
    context = {**context, **_review_context(upload, may_view_leads)}
    return TemplateResponse(request, "leads/import_review.html", context)


def _find(request: HttpRequest, token: str) -> ImportUpload | None:
    return ImportUpload.objects.filter(owner=_user(request).pk, token=token).first()


def _submit(request: HttpRequest, upload: ImportUpload) -> HttpResponse:
    here = redirect("admin:leads_importrun_review", upload.token)
    try:
        if "cancel" in request.POST:
            upload.delete_with_file()
            return redirect("admin:leads_importrun_changelist")
        with single_reader() as announce:
            # Another request may have changed or imported it, or an erasure of personal data deleted it.
            current = _find(request, upload.token)
            if current is None:
                raise Refused(REMOVED)
            if run_id := _finished_run(request, current):
                return _redirect_to_run(run_id)
            with LocalFile.of_upload(current) as local:
                return _preview_or_import(request, current, local, _progress(request, announce)) or here
    except Refused as refused:
        messages.error(request, str(refused))
    except OSError:
        messages.error(request, CANNOT_STORE)
    return here


def _finished_run(request: HttpRequest, upload: ImportUpload) -> int | None:
    """Return the run of the same click if it was sent twice."""
    runs, attempt = upload.runs, request.POST.get("attempt", "")
    number = int(attempt) if attempt.isascii() and attempt.isdecimal() and len(attempt) < 6 else len(runs)
    if number < len(runs):
        return int(runs[number])
    return None if upload.file else int(runs[-1])


def _preview_or_import(
    request: HttpRequest, upload: ImportUpload, local: LocalFile, progress: UploadProgress
) -> HttpResponse | None:
    plan = Plan.from_form(upload.state["header"], request.POST)
    is_import = "import" in request.POST and plan.as_state() == upload.state["plan"]
    _refuse_during_import(Options(on_duplicate=plan.on_duplicate, dry_run=not is_import))
    if not is_import:
        upload.update(state=preview(local, _user(request), plan, progress, upload.state["header"]))
        if "import" in request.POST:
            messages.info(request, "Preview updated.")
        return None
    return _redirect_to_run(_import(upload, local, plan, _user(request), progress).pk)


def _import(upload: ImportUpload, local: LocalFile, plan: Plan, user: User, progress: UploadProgress) -> ImportRun:
    with local.open(plan.reading) as source:
        run = import_upload(local, source, plan.options(source.header, dry_run=False), user, progress)
    runs.log_end(run)
    upload.update(runs=[*upload.runs, run.pk])
    local.store_outputs(run)
    if run.state == ImportRun.State.DONE:
        upload.finish()
    return run


def _refuse_during_import(options: Options) -> None:
    """Raise ``Refused`` if this import would wait for another one and occupy a thread of the server."""
    if obstacle := runs.obstacle(shared=not FileImport.runs_alone(options)):
        raise Refused(f"Another import is running ({obstacle}). Try again when it has ended.")


def _redirect_to_run(run_id: int) -> HttpResponseRedirect:
    return redirect("admin:leads_importrun_change", run_id)


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _review_context(upload: ImportUpload, may_view_leads: bool) -> Context:
    state = upload.state
    plan, result = Plan.from_state(state["plan"]), state["preview"]
    rows, skipped_rows = result["rows"], result["skipped_rows"]
    duplicate_lines = {row["line"]: ACTIONS.get(row["action"], row["action"]) for row in skipped_rows}
    fields = [field for field in FIELDS if any(row["values"][field] or field in row["problems"] for row in rows)]
    return {
        "title": f"Import {upload.name}",
        "upload": upload,
        "file": state["file"],
        "attempt": len(upload.runs),
        "plan": plan,
        "preview": result,
        "columns": _columns(state, plan),
        "no_field": ("Note of the lead" if plan.unknown == NOTE else "Do not import"),
        "targets": [(target, label(target)) for target in TARGETS],
        "constants": _constants(plan),
        **_reading_context(),
        "fields": [(field, label(field)) for field in fields],
        "rows": [_cells(row, fields, duplicate_lines) for row in rows],
        "statuses": [{**row, "chosen": plan.statuses.get(row["value"], "")} for row in result["statuses"]],
        "pipeline": PIPELINE,
        "as_is": AS_IS,
        "zones": sorted(available_timezones()),
        "office_zone": settings.TIME_ZONE,
        "repairs": result["repairs"],
        "choices": {"on_duplicate": ON_DUPLICATE, "on_error": ON_ERROR, "dates": DATES, "unknown": UNKNOWN},
        "earlier_run": state["earlier_run"] and ImportRun.objects.filter(pk=state["earlier_run"]).first(),
        "obstacle": _obstacle(state, plan),
        "stored": result["created"] + result["updated"],
        "hidden": result["problem_count"] - len(result["problems"]),
        "notes": [without_options(note) for note in shown_notes(result["notes"])],
        "duplicates": duplicates_table(skipped_rows[:MAX_DUPLICATES], may_view_leads, ACTIONS),
        "duplicate_count": result["skipped"] + result["updated"],
    }


def _constants(plan: Plan) -> list[tuple[str, str]]:
    """Return the entries of the page for further fields that are set for all rows, the unused ones blank."""
    used = [(name, value) for name, value in plan.constants.items() if name not in CONSTANTS]
    return [*used, *[("", "")] * (OTHER_CONSTANTS - len(used))]


def _columns(state: Context, plan: Plan) -> list[Context]:
    """Return each column of the file: its name, sample values, kind and the field it fills."""
    header = state["header"]
    rows = zip(header, column_kinds(header), plan.columns, state["samples"], detected(header), strict=True)
    return [
        {"name": name, "kind": kind, "chosen": chosen, "samples": samples, "detected": field}
        for name, kind, chosen, samples, field in rows
    ]


def _cells(row: Context, fields: list[str], duplicate_lines: dict[int, str]) -> Context:
    cells = [(row["values"][field], row["problems"].get(field, "")) for field in fields]
    others = [problem for field, problem in row["problems"].items() if field not in fields]
    return {
        "line": row["line"],
        "cells": cells,
        "others": others,
        "has_errors": bool(row["problems"]),
        "duplicate": duplicate_lines.get(row["line"], ""),
    }


def _obstacle(state: Context, plan: Plan) -> str:
    """Return why nothing can be imported with this plan; "" if something can."""
    result = state["preview"]
    if result["message"]:
        return without_options(result["message"])
    if state["earlier_run"] and not plan.again:
        return "This file was imported before. Select “Import again” below to import it."
    if result["rejected"] and plan.on_error == "abort":
        return "Some rows have errors, and you chose to import nothing in that case."
    return "" if result["created"] + result["updated"] else "The import would store no row."
