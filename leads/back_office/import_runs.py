"""Imports in the back office: the list, the result of each, the page for a new one, and undo."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display

from crm_project.events import event
from leads.back_office import import_page
from leads.back_office.cells import pluralize
from leads.back_office.duplicates_table import DONE, duplicates_table, without_options
from leads.back_office.import_plan import ON_DUPLICATE, ON_ERROR, label
from leads.back_office.next_steps import next_steps
from leads.importing import runs
from leads.importing.cells.report import sentences
from leads.importing.columns.mapping import TARGETS
from leads.importing.stats import Refused
from leads.importing.undo import TAKING_BACK, undo
from leads.models import ImportRun
from users.audit import Actor, Channel
from users.back_office.lists import ListPage
from users.models import User

MAX_PROBLEMS = 200  # errors, and duplicates, on the page of an import; the downloads have all
MAX_UNCHANGED = 50  # leads that an undo left unchanged
PARTLY = "partly undone"  # not a stored state: undone, and some leads were left unchanged
LABELS = {
    "running": ("Running", "info"),
    "done": ("Done", "success"),
    "dry": ("Dry run", "default"),
    "refused": ("Rejected", "danger"),
    "undone": ("Undone", "warning"),
    PARTLY: ("Partly undone", "warning"),
    runs.DIED: ("Failed (server stopped)", "danger"),
}
OPTIONS = {
    "on_duplicate": "Existing leads (duplicates)",
    "on_error": "Rows with errors",
    "constants": "For all rows",
    "dry_run": "Dry run",
    "again": "Imported before",
    "timezone": "Time zone of times without one",
    "statuses": "Statuses",
    "statuses_as_is": "Other statuses as they are",
    "dates": "Order of day and month",
    "with_deleted": "Rows deleted in the source",
    "with_erased": "People erased on request",
}


@admin.register(ImportRun)
class ImportRunAdmin(ListPage, ModelAdmin):
    """Imports to view and to undo; "add" is the page that uploads a file."""

    list_display = ("file", "state_label", "started_at", "by", "read", "created", "updated", "skipped", "rejected")
    list_display_links = ("file",)
    list_filter = ("state", "kind")
    list_select_related = ("user",)
    list_per_page = 50
    sortable_by = ()
    empty_action = ("Import a file from a portal or a spreadsheet.", "Import a file")
    actions = None

    @display(description="File")
    def file(self, run: ImportRun) -> str:
        """Return the number of the import and the name of its file."""
        return format_html("{} · {}", run.pk, run.file_name)

    @display(description="State", label=dict(LABELS.values()))
    def state_label(self, run: ImportRun) -> str:
        """Return the state, in which a failed run differs from a running one."""
        return LABELS[_label_key(run, getattr(run, "current_state", str(run.state)))][0]

    @display(description="By")
    def by(self, run: ImportRun) -> str:
        """Return who started the import."""
        return run.user.name if run.user else run.started_by

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with the current state of runs that have not ended."""
        page = super().get_changelist_instance(request)
        states = runs.states_of(page.result_list)
        for run in page.result_list:
            run.current_state = states[run.pk]
        return page

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may import."""
        return request.user.has_perm("leads.import_leads")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false: the record of an import is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false: the record of an import is not deleted."""
        return False

    def get_urls(self) -> Any:
        """Return the URLs of the import pages, followed by Django's."""
        wrap = self.admin_site.admin_view
        own = [
            path("upload/<slug:token>/", wrap(self.review_view), name="leads_importrun_review"),
            path("progress/<slug:key>/", wrap(self.progress_view), name="leads_importrun_progress"),
            path("<int:run_id>/rejects/", wrap(self.rejects_view), name="leads_importrun_rejects"),
            path("<int:run_id>/skipped/", wrap(self.skipped_view), name="leads_importrun_skipped"),
            path("<int:run_id>/undo/", wrap(self.undo_view), name="leads_importrun_undo"),
        ]
        return own + super().get_urls()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Upload a file."""
        self._require(request, "leads.import_leads")
        return import_page.upload_page(request, self._context(request, title="Import leads"))

    def review_view(self, request: HttpRequest, token: str) -> HttpResponse:
        """Preview an uploaded file, and import it."""
        self._require(request, "leads.import_leads")
        return import_page.review_page(request, token, self._context(request))

    def progress_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Return how far a request of the user has read its file."""
        self._require(request, "leads.import_leads")
        return import_page.progress_page(request, key)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the result of an import."""
        run = self.get_object(request, object_id)
        if not self.has_view_permission(request, run) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        if run is None:
            raise Http404
        return TemplateResponse(request, "leads/import_run.html", self._context(request, **_run_context(request, run)))

    def rejects_view(self, request: HttpRequest, run_id: int) -> HttpResponse | FileResponse:
        """Download the rejected rows of a run."""
        self._require(request, "leads.import_leads")
        return _download(request, run_id, "rejects_file", "rows-with-errors")

    def skipped_view(self, request: HttpRequest, run_id: int) -> HttpResponse | FileResponse:
        """Download the skipped and updated rows of a run."""
        self._require(request, "leads.import_leads")
        return _download(request, run_id, "skipped_file", "duplicates")

    def undo_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Undo an import."""
        run = ImportRun.objects.filter(pk=run_id).first()
        if run is None or not _may_undo(request, run):
            self._require(request, "leads.undo_import")
        return _undo(request, run_id)

    @staticmethod
    def _require(request: HttpRequest, permission: str) -> None:
        if not request.user.has_perm(permission):
            raise PermissionDenied

    def _context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, **more}


def _run_context(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    state = runs.state_of(run)
    left = run.undo_report.get("left", 0)
    stored = state == "done" and run.created + run.updated > 0
    may_undo = run.kind in TAKING_BACK and (stored or left > 0) and _may_undo(request, run)
    may_import = request.user.has_perm("leads.import_leads")
    has_rejects = bool(run.rejects_file) and may_import
    return {
        "title": f"Import {run.pk}",
        "run": run,
        "state": LABELS[_label_key(run, state)],
        "failed": state == runs.DIED,
        "by": run.user.name if run.user else run.started_by,
        "message": without_options(run.message),
        "problems": run.problems[:MAX_PROBLEMS],
        "hidden": max(0, run.problem_count - MAX_PROBLEMS),
        "repairs": sentences(run.repairs),
        "notes": [_note(note) for note in run.notes],
        "options": {
            OPTIONS[name]: _option_text(name, value) for name, value in run.options.items() if value and name in OPTIONS
        },
        "rejects": has_rejects,
        "next_steps": next_steps(run, state, may_undo=may_undo, has_rejects=has_rejects),
        "skipped_file": bool(run.skipped_file) and may_import,
        "duplicates": duplicates_table(run.skipped_rows[:MAX_PROBLEMS], request.user.has_perm("leads.view_lead"), DONE),
        "duplicate_count": run.skipped + run.updated,
        "undone": _undo_summary(run.undo_report),
        "left": list(run.undo_report.get("why", {}).items())[:MAX_UNCHANGED],
        "left_count": left,
        "left_text": pluralize(left, "lead"),
        "not_listed": max(0, left - MAX_UNCHANGED),
        "has_leads": run.kind == "leads" and run.created > 0 and (state == "done" or left > 0),
        "may_undo": may_undo,
        "may_import": may_import,
    }


def _may_undo(request: HttpRequest, run: ImportRun) -> bool:
    return isinstance(request.user, User) and run.may_be_undone_by(request.user)


def _note(note: str) -> str:
    """Return a note of the import with the label of its field."""
    target, colon, rest = without_options(note).partition(": ")
    return f"{label(target)}: {rest}" if colon and target in TARGETS else without_options(note)


def _option_text(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{label(field)} = {constant}" for field, constant in value.items())
    words = {"on_duplicate": ON_DUPLICATE, "on_error": ON_ERROR}.get(name, {})
    return words.get(value, "yes" if value is True else str(value))


@require_safe
def _download(request: HttpRequest, run_id: int, field: str, name: str) -> HttpResponse | FileResponse:
    try:
        file = get_object_or_404(ImportRun, pk=run_id).open_file(field)
    except FileNotFoundError:
        messages.warning(request, "The rows of this import were removed: they are stored for seven days.")
        return redirect("admin:leads_importrun_change", run_id)
    filename = f"import-{run_id}-{name}.csv"
    return FileResponse(file, as_attachment=True, filename=filename, content_type="text/csv; charset=utf-8")


@require_POST
def _undo(request: HttpRequest, run_id: int) -> HttpResponse:
    if not isinstance(request.user, User):
        raise PermissionDenied
    try:
        report = undo(run_id, actor=Actor.of(request.user, Channel.ADMIN)).undo_report
    except Refused as refused:
        messages.error(request, f"{str(refused)[:1].upper()}{str(refused)[1:]}.")
    else:
        partly = "partly " if report["left"] else ""
        messages.success(request, f"Import {run_id} {partly}undone: {_undo_summary(report)}.")
        event("import_undone", run=run_id)
    return redirect("admin:leads_importrun_change", run_id)


def _label_key(run: ImportRun, state: str) -> str:
    """Return a key of ``LABELS``: the state, or ``PARTLY``."""
    return PARTLY if state == "undone" and run.undo_report.get("left") else state


def _undo_summary(report: Mapping[str, Any]) -> str:
    """Return the result of all undos: "2 leads deleted, 1 lead changed since and left unchanged"."""
    deleted, restored, activities, left = (
        report.get(count, 0) for count in ("deleted", "restored", "activities", "left")
    )
    parts = [f"{pluralize(deleted, 'lead')} deleted"] if deleted else []
    if restored:
        parts.append(f"{pluralize(restored, 'lead')} reset to their previous values")
    if activities:
        parts.append(f"{pluralize(activities, 'activity', 'activities')} deleted")
    if follow_ups := report.get("follow_ups"):
        parts.append(f"{pluralize(follow_ups, 'follow-up')} deleted")
    if left:
        parts.append(f"{pluralize(left, 'lead')} changed since and left unchanged")
    return ", ".join(parts) or "nothing left to undo"
