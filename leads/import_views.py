"""``/api/leads/import`` and ``/api/leads/imports``: the importer, with the limits of the back office."""

from contextlib import ExitStack
from typing import Any, cast

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.db.exclusive import Announce
from crm_project.events import event
from crm_project.http import dry_run, prefer
from crm_project.http.dry_run import APPLIED
from crm_project.http.errors import RETRY_AFTER, ApiError
from crm_project.http.json import MultiPartParser
from crm_project.http.pagination import PagePagination
from crm_project.http.schema import operation
from crm_project.http.schema_components import LOCATION
from crm_project.http.timestamps import iso
from crm_project.http.viewsets import RuleViewSet, require_permission
from leads.back_office import background_import
from leads.back_office.preview import import_upload
from leads.back_office.progress import UploadProgress
from leads.back_office.stored_files import LocalFile, single_reader
from leads.back_office.upload_limits import MAX_ROWS, TooLarge, inspect
from leads.import_request import NAMES, PARAMETERS, ImportRequest, read
from leads.importing import report, runs
from leads.importing.file_import import FileImport
from leads.importing.sources.reader import Unreadable, open_source
from leads.importing.stats import Refused
from leads.importing.undo import undo
from leads.models import ImportRun
from leads.serializers import ImportReportSerializer, ImportSerializer
from leads.views import by_api
from users.models import User

IMPORT, UNDO = "leads.import_leads", "leads.undo_import"
NO_IMPORT = "Import not found"
ASYNC = "respond-async"
PREFER_ASYNC = OpenApiParameter(
    "Prefer",
    {"type": "string", "examples": [ASYNC]},
    OpenApiParameter.HEADER,
    description="`respond-async`: 202 at once, and `Location` to poll; not for a dry run",
)


class ImportViewSet(RuleViewSet):
    """Imports of leads."""

    tag = "Imports"
    # The importer has its own transactions, and refuses a file that it has imported before.
    keeps_replies = False
    parser_classes = (MultiPartParser,)
    queryset = ImportRun.objects.all()
    serializer_class = ImportSerializer
    pagination_class = PagePagination
    strict_actions = ("import_file", "list", "retrieve", "rejects", "undo")
    dry_run_actions = ("undo",)
    query_parameters = {"import_file": NAMES}

    @operation(
        "import_leads",
        "Import leads from a file",
        "The report of the import",
        201,
        response=ImportReportSerializer,
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
        refusals={
            202: OpenApiResponse(
                ImportSerializer, description="With `Prefer: respond-async`: the import goes on; poll its `Location`"
            ),
            403: f"The user does not have the permission {IMPORT}",
            409: "Another import is running",
            413: f"The file is too large, or has more than {MAX_ROWS:,} rows",
        },
        parameters=[*PARAMETERS, PREFER_ASYNC, LOCATION],
    )
    def import_file(self, request: Request) -> Response:
        """Import a file: CSV, TSV, XLSX, XLS, XLSB, ODS, JSON, JSON Lines or vCard, gzipped or not. Send it as the
        `file` of a form, with the options as other fields, or as the body, with the options in the query. The options
        are those of the command `import_leads`, with underscores. The reply is the command's report: 200 for a dry run,
        201 for an import, also if rows were rejected, and 422 if nothing was stored. With `Prefer: respond-async` the
        reply is sent at once, and the import's `state` is `running` until it ends.
        """
        require_permission(request, IMPORT)
        given = read(request)
        try:
            return self._import(given)
        except TooLarge as too_large:
            raise ApiError(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, str(too_large)) from None
        except (Refused, Unreadable) as refused:
            return Response(report.refusal(str(refused)), status.HTTP_422_UNPROCESSABLE_ENTITY)

    def _import(self, given: ImportRequest) -> Response:
        user, options = cast(User, self.request.user), given.options
        with ExitStack() as opened:
            try:
                progress = UploadProgress(_lock_reading(opened), user.pk)
                file = opened.enter_context(LocalFile.of_pieces(given.name, given.chunks))
                inspect(file.file, given.name)
                if obstacle := runs.obstacle(shared=not FileImport.runs_alone(options)):
                    raise ApiError(status.HTTP_409_CONFLICT, f"Another import is running ({obstacle})")
                source = opened.enter_context(
                    open_source(file.file, name=given.name, format=given.format, hints=given.hints)
                )
                if ASYNC in prefer.preferences(self.request) and not options.dry_run:
                    rest = opened.pop_all()
                    return _accepted(background_import.start(file, source, options, user, progress, _finish, rest))
                return self._report(import_upload(file, source, options, user, progress), file)
            except OSError:
                raise ApiError(status.HTTP_503_SERVICE_UNAVAILABLE, "There is no room for the file") from None

    def _report(self, run: ImportRun, file: LocalFile) -> Response:
        refused = run.state == ImportRun.State.REFUSED
        if run.pk is None:
            if run.read > MAX_ROWS:
                raise TooLarge(run.message)
            response = Response(report.as_object([run]), status.HTTP_422_UNPROCESSABLE_ENTITY if refused else 200)
            prefer.applied(response, APPLIED)
            return response
        _finish(run, file)
        if run.read > MAX_ROWS:
            raise TooLarge(run.message)
        code = status.HTTP_422_UNPROCESSABLE_ENTITY if refused else status.HTTP_201_CREATED
        return Response(report.as_object([run]), code, headers={"Location": f"/api/leads/imports/{run.pk}"})

    @operation(
        "list_imports", "List imports", "The imports", refusals={403: f"The user does not have the permission {IMPORT}"}
    )
    def list(self, request: Request) -> Response:
        """Return a page of the imports, newest first."""
        require_permission(request, IMPORT)
        _, page = self.validate_query()
        found = list(ImportRun.objects.order_by("-id")[page.offset : page.offset + page.size])
        states = runs.states_of(found)
        return Response([import_out(run, states[run.pk]) for run in found])

    @operation(
        "get_import",
        "Get an import",
        "The import",
        refusals={403: f"The user does not have the permission {IMPORT}", 404: NO_IMPORT},
    )
    def retrieve(self, request: Request, import_id: str) -> Response:
        """Return an import with its problems."""
        require_permission(request, IMPORT)
        run = self._import_run(import_id)
        return Response(import_out(run, runs.state_of(run)))

    @operation(
        "get_import_rejects",
        "Get the rejected rows of an import",
        "A CSV file",
        response={"type": "string", "format": "binary"},
        media_type="text/csv",
        refusals={403: f"The user does not have the permission {IMPORT}", 404: "No such import, or no rejected rows"},
    )
    def rejects(self, request: Request, import_id: str) -> HttpResponseBase:
        """Return the rejected rows as a CSV file, to be fixed and imported again. It is stored for seven days."""
        require_permission(request, IMPORT)
        run = self._import_run(import_id)
        try:
            file = run.open_file("rejects_file")
        except FileNotFoundError:
            raise NotFound("No rejected rows are stored for this import") from None
        name = f"import-{run.pk}-rejects.csv"
        return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")

    @operation(
        "undo_import",
        "Undo an import",
        "The import",
        refusals={
            403: f"The user does not have the permission {UNDO}, and it is not their own import of the last day",
            404: NO_IMPORT,
            409: "There is nothing to undo",
        },
    )
    def undo(self, request: Request, import_id: str) -> Response:
        """Delete the leads that the import created softly, and restore the earlier values of those that it updated,
        except where they were changed since.
        """
        own = ImportRun.objects.filter(pk=self.path_id("import_id", NO_IMPORT), user=request.user.pk).first()
        if own is None or not own.may_be_undone_by(cast(User, request.user)):
            require_permission(request, UNDO)
        number = self._import_run(import_id).pk
        try:
            run = undo(number, by_api(request))
        except Refused as refused:
            raise ApiError(status.HTTP_409_CONFLICT, str(refused)) from None
        if not dry_run.is_wanted(request):
            event("import_undone", run=number)
        return Response(import_out(run, str(run.state)))

    def _import_run(self, import_id: str) -> ImportRun:
        run = ImportRun.objects.filter(pk=self.path_id("import_id", NO_IMPORT)).first()
        if run is None:
            raise NotFound(NO_IMPORT)
        return run


def _lock_reading(opened: ExitStack) -> Announce:
    """Lock the reading of files until ``opened`` is closed; raise a 409 if another request has the lock."""
    try:
        return opened.enter_context(single_reader())
    except Refused as busy:
        raise ApiError(status.HTTP_409_CONFLICT, str(busy), {"Retry-After": RETRY_AFTER}) from None


def _finish(run: ImportRun, file: LocalFile) -> None:
    """Log the end of an import, and store the files with its rejected and skipped rows."""
    runs.log_end(run)
    if run.read <= MAX_ROWS:
        file.store_outputs(run)


def _accepted(run_id: int | None) -> Response:
    """Return a 202 with the running import and its ``Location``; raise a 503 if it was not started."""
    if run_id is None:
        raise ApiError(status.HTTP_503_SERVICE_UNAVAILABLE, "The import could not be started; try again")
    run = ImportRun.objects.get(pk=run_id)
    location = {"Location": f"/api/leads/imports/{run_id}"}
    response = Response(import_out(run, runs.state_of(run)), status.HTTP_202_ACCEPTED, headers=location)
    prefer.applied(response, ASYNC)
    return response


def import_out(run: ImportRun, state: str) -> dict[str, Any]:
    """Return an import as the API shows it."""
    times = {name: getattr(run, name) for name in ("started_at", "finished_at", "undone_at")}
    return {
        **report.as_object([run]),
        "state": state,
        "kind": run.kind,
        "started_by": run.started_by,
        **{name: time and iso(time) for name, time in times.items()},
        "undo_report": run.undo_report,
    }
