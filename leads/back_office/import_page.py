"""The import page: a file comes in, is looked at, and is imported or not. ``ImportRunAdmin`` gives it its place.

Every step but the last stores nothing but the file itself; the last runs the import in the request, in one transaction.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from crm_project.events import event
from leads.back_office import stored_files
from leads.back_office.import_plan import ON_DUPLICATE, ON_ERROR, Plan, detected, label
from leads.back_office.preview import REJECTS_NOTE, at_most, known_columns, look
from leads.back_office.stored_files import Upload
from leads.back_office.upload_limits import MAX_ROWS, TooLarge, inspect
from leads.importing import runs
from leads.importing.columns.mapping import TARGETS
from leads.importing.run import import_files
from leads.importing.stats import Refused, showable
from leads.models import ImportRun
from leads.validators import CREATE_RULES
from users.models import User

ACCEPTED = ".csv,.tsv,.tab,.txt,.xlsx,.json,.jsonl,.ndjson,.gz"
MAX_NAME = 200

Context = dict[str, Any]


def upload_page(request: HttpRequest, context: Context) -> HttpResponse:
    """Takes a file in and goes on to its review; says what is wrong with a file that cannot be imported here."""
    refused: Context = {}
    if request.method == "POST":
        try:
            return redirect("admin:leads_importrun_review", _take_in(request).token)
        except TooLarge as too_large:
            refused = {"error": str(too_large), "command": _default_command(request)}
        except Refused as problem:
            refused = {"error": str(problem)}
        except OSError:
            refused = {"error": "There is no room on the server for the file just now."}
    limits = {"most_rows": MAX_ROWS, "most_bytes": settings.BODY_MAX_BYTES, "accepted": ACCEPTED}
    return TemplateResponse(request, "leads/import_upload.html", {**context, **limits, **refused})


def _take_in(request: HttpRequest) -> Upload:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Refused("Choose a file first.")
    name = showable(file.name or "file")[:MAX_NAME]
    asker = _asker(request)
    with stored_files.one_at_a_time():
        upload = Upload.store(asker.pk, name, file.chunks())
        try:
            inspect(upload.folder / "file", name)
            _wait_for_nobody()
            look(upload, asker)
        except BaseException:
            upload.drop()
            raise
    return upload


def _default_command(request: HttpRequest) -> str:
    file = request.FILES["file"]
    return Plan(()).command(str(getattr(file, "name", "FILE")), ())


def review_page(request: HttpRequest, token: str, context: Context) -> HttpResponse:
    """Shows what the file would come to, changes the plan, and imports."""
    upload = Upload.of(_asker(request).pk, token)
    if upload is None:
        messages.warning(request, "That file is no longer here: files are kept for a day. Upload it again.")
        return redirect("admin:leads_importrun_add")
    if request.method == "POST":
        return _act(request, upload)
    if not upload.waiting:
        return _to_run(upload.state["runs"][-1])
    return TemplateResponse(request, "leads/import_review.html", {**context, **_review(upload)})


def _act(request: HttpRequest, upload: Upload) -> HttpResponse:
    here = redirect("admin:leads_importrun_review", upload.token)
    try:
        with upload.alone():
            if run_id := _already(request, upload):
                return _to_run(run_id)
            if "cancel" in request.POST:
                upload.drop()
                return redirect("admin:leads_importrun_changelist")
            with stored_files.one_at_a_time():
                return _look_or_import(request, upload) or here
    except Refused as problem:
        messages.error(request, str(problem))
    except OSError:
        messages.error(request, "There is no room on the server for the bad rows just now.")
    return here


def _already(request: HttpRequest, upload: Upload) -> int | None:
    """The run that this very click made when it came in first: browsers send clicks twice."""
    runs, attempt = upload.state["runs"], request.POST.get("attempt", "")
    number = int(attempt) if attempt.isascii() and attempt.isdecimal() and len(attempt) < 6 else len(runs)
    if number < len(runs):
        return int(runs[number])
    return None if upload.waiting else int(runs[-1])


def _look_or_import(request: HttpRequest, upload: Upload) -> HttpResponse | None:
    plan = Plan.from_form(upload.state["header"], request.POST)
    _wait_for_nobody()
    if "import" not in request.POST or plan.as_state() != upload.state["plan"]:
        look(upload, _asker(request), plan)
        if "import" in request.POST:
            messages.info(request, "You changed the settings: this is what they come to. Import when you agree.")
        return None
    return _to_run(_import(upload, plan, _asker(request)).pk)


def _import(upload: Upload, plan: Plan, user: User) -> ImportRun:
    upload.rejects.unlink(missing_ok=True)
    with upload.open() as source:
        options = plan.options(source.header, dry_run=False)
        (run,) = import_files([source], options, user=user, rejects=upload.rejects, progress=at_most(MAX_ROWS))
    run.notes = [note for note in run.notes if not note.startswith(REJECTS_NOTE)]  # where it is on this server
    run.save(update_fields=["notes"])
    event("import_ended", run=run.pk, state=str(run.state), created=run.created, rejected=run.rejected)
    upload.state["runs"].append(run.pk)
    upload.save()
    if upload.rejects.exists():
        upload.rejects.replace(stored_files.rejects_of(run.pk))
    if run.state == ImportRun.State.DONE:
        upload.finish()
    return run


def _wait_for_nobody() -> None:
    """Raise ``Refused`` while an import goes on: this one would wait for it, and keep a thread of the server busy."""
    if run := runs.running_imports():
        raise Refused(f"Another import is going on (run {run.pk}, {run.file_name}). Try again when it has ended.")


def _to_run(run_id: int) -> HttpResponseRedirect:
    return redirect("admin:leads_importrun_change", run_id)


def _asker(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _review(upload: Upload) -> Context:
    state = upload.state
    plan, seen = Plan.from_state(state["plan"]), state["seen"]
    rows = seen["rows"]
    fields = [field for field in CREATE_RULES if any(row["values"][field] or field in row["problems"] for row in rows)]
    return {
        "title": f"Import {upload.name}",
        "upload": upload,
        "file": state["file"],
        "attempt": len(state["runs"]),
        "plan": plan,
        "seen": seen,
        "columns": _columns(state, plan),
        "targets": [(target, label(target)) for target in TARGETS],
        "fields": [(field, label(field)) for field in fields],
        "rows": [_cells(row, fields) for row in rows],
        "ways": {"on_duplicate": ON_DUPLICATE, "on_error": ON_ERROR},
        "earlier": state["earlier"] and ImportRun.objects.filter(pk=state["earlier"]).first(),
        "blocked": _blocked(state, plan),
        "stored": seen["created"] + seen["updated"],
        "hidden": seen["problem_count"] - len(seen["problems"]),
    }


def _columns(state: Context, plan: Plan) -> list[Context]:
    """Each column of the file: its name, some values, what is known of it and which field it fills."""
    rows = zip(state["header"], known_columns(state["header"]), plan.columns, state["samples"], strict=True)
    return [
        {"name": name, "kind": kind, "chosen": chosen, "samples": samples, "detected": detected(name)}
        for name, kind, chosen, samples in rows
    ]


def _cells(row: Context, fields: list[str]) -> Context:
    cells = [(row["values"][field], row["problems"].get(field, "")) for field in fields]
    others = [told for field, told in row["problems"].items() if field not in fields]
    return {"line": row["line"], "cells": cells, "others": others, "bad": bool(row["problems"])}


def _blocked(state: Context, plan: Plan) -> str:
    """Why nothing can be imported as things are; "" where it can."""
    seen = state["seen"]
    if seen["message"]:
        return str(seen["message"])
    if state["earlier"] and not plan.again:
        return "This file was imported before. Tick the box below to import it once more."
    if seen["rejected"] and plan.on_error == "abort":
        return "Some rows are bad, and you asked for nothing to be stored in that case."
    return "" if seen["created"] + seen["updated"] else "None of the rows would be stored."
