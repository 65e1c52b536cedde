"""``/api/leads/import`` and ``/api/leads/imports``: the importer, with the limits of the back office."""

import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, cast

from django.core.management.base import CommandError
from django.http import FileResponse, QueryDict
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import NotFound, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.db.exclusive import Announce
from crm_project.events import event
from crm_project.http import dry_run, prefer, reply_options
from crm_project.http.dry_run import APPLIED
from crm_project.http.errors import RETRY_AFTER, ApiError, ValidationFailed
from crm_project.http.json import MultiPartParser
from crm_project.http.pagination import PagePagination
from crm_project.http.parameters import checked, flag
from crm_project.http.schema import operation
from crm_project.http.schema_components import LOCATION
from crm_project.http.timestamps import iso
from crm_project.http.viewsets import RuleViewSet, require_permission
from crm_project.validation import MISSING, FieldError, check_text
from leads.back_office import background_import
from leads.back_office.preview import import_upload
from leads.back_office.progress import UploadProgress
from leads.back_office.stored_files import PIECE, LocalFile, single_reader
from leads.back_office.upload_limits import MAX_ROWS, TooLarge, inspect
from leads.importing import report, runs
from leads.importing.run import FileImport, Options
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import Unreadable, open_source
from leads.importing.stats import Refused, showable
from leads.importing.undo import undo
from leads.management.commands.import_leads import Command, hints_of
from leads.models import ImportRun
from leads.serializers import ImportReportSerializer, ImportSerializer
from leads.views import by_api
from users.models import User

IMPORT, UNDO = "leads.import_leads", "leads.undo_import"
NO_IMPORT = "Import not found"
MAX_NAME = 200
ASYNC = "respond-async"
# The command's options, by what they take.
READING = ("format", "encoding", "delimiter", "sheet", "header_row")
VALUES = (*READING, "dates", "timezone", "on_duplicate", "on_error", "unknown")
REPEATED = ("map", "map_status", "set", "ignore_columns")
FLAGS = (
    "no_header",
    "ignore_unknown",
    "again",
    "status_as_is",
    "update_status",
    "with_deleted",
    "with_erased",
    "dry_run",
)
NAMES = (*VALUES, *REPEATED, *FLAGS)
FORMATS = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12": "xlsb",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "text/vcard": "vcf",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
FOUND_OUT = (
    "",
    "text/plain",
    "application/octet-stream",
    "application/gzip",
    "application/zip",
)  # types of which the content says more
_option = re.compile(r"--([a-z-]+)")


PARAMETERS = [
    OpenApiParameter(name, dict(described), description="As the command's option")
    for names, described in (
        (VALUES, {"type": "string"}),
        (REPEATED, {"type": "array", "items": {"type": "string"}}),
        (FLAGS, {"type": "boolean"}),
    )
    for name in names
]


PREFER_ASYNC = OpenApiParameter(
    "Prefer",
    {"type": "string", "examples": [ASYNC]},
    OpenApiParameter.HEADER,
    description="`respond-async`: 202 at once, and `Location` to poll; not for a dry run",
)


class ImportViewSet(RuleViewSet):
    """Imports of leads."""

    tag = "Imports"
    # The importer has transactions of its own, and refuses a file that it has imported before.
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
        "The report; nothing of it is stored but the leads and the account of the import",
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
        """CSV, TSV, XLSX, XLS, XLSB, ODS, JSON, JSON Lines or vCard, gzipped or not: as the `file` of a form with the
        options as other fields, or as the body by its content type, with the options in the query. The options are
        those of the command `import_leads`, with underscores. The reply is the command's report: 200 for a dry run, 201
        for an import, also if rows were rejected, and 422 if nothing was stored. With `Prefer: respond-async` the reply
        comes at once, and the import's `state` is `running` until it ends.
        """
        require_permission(request, IMPORT)
        file_name, chunks, given = self._file()
        wanted, hints, format = _options(given)
        try:
            return self._import(file_name, chunks, wanted, hints, format)
        except TooLarge as too_large:
            raise ApiError(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, str(too_large)) from None
        except (Refused, Unreadable) as refused:
            return Response(report.refusal(str(refused)), status.HTTP_422_UNPROCESSABLE_ENTITY)

    def _file(self) -> tuple[str, Iterable[bytes], dict[str, list[str]]]:
        """The file's name and content, and the options with all their values."""
        request = self.request
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        media_type = request.content_type.partition(";")[0].strip().lower()
        if media_type == "multipart/form-data":
            form = cast(QueryDict, request.data)
            file = request.FILES.get("file")
            fields = {name: form.getlist(name) for name in form if name not in request.FILES}
            errors = reply_options.unknown_fields(fields, NAMES)
            if file is None:
                errors.append(FieldError(MISSING[0], ("body", "file"), MISSING[1], None))
            if errors or file is None:
                raise ValidationFailed(errors)
            return showable(file.name or "file")[:MAX_NAME], file.chunks(), {**query, **fields}
        if media_type not in FORMATS and media_type not in FOUND_OUT:
            known = ", ".join(FORMATS)
            raise UnsupportedMediaType(media_type, detail=f"Unsupported content type: send {known} or a form")
        if (stream := request.stream) is None:
            raise ValidationFailed([FieldError(MISSING[0], ("body",), MISSING[1], None)])
        if media_type in FORMATS:
            query.setdefault("format", [FORMATS[media_type]])
        return "body", iter(partial(stream.read, PIECE), b""), query

    def _import(
        self, name: str, chunks: Iterable[bytes], wanted: Options, hints: FormatOptions, format: str | None
    ) -> Response:
        user = cast(User, self.request.user)
        with ExitStack() as opened:
            try:
                progress = UploadProgress(_take_turn(opened), user.pk)
                file = opened.enter_context(LocalFile.of_pieces(name, chunks))
                inspect(file.file, name)
                if obstacle := runs.obstacle(shared=not FileImport.runs_alone(wanted)):
                    raise ApiError(status.HTTP_409_CONFLICT, f"Another import is running ({obstacle})")
                source = opened.enter_context(open_source(file.file, name=name, format=format, hints=hints))
                if ASYNC in prefer.preferences(self.request) and not wanted.dry_run:
                    rest = opened.pop_all()
                    return _accepted(background_import.start(file, source, wanted, user, progress, _finish, rest))
                return self._report(import_upload(file, source, wanted, user, progress), file)
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
        """A page of the imports, newest first."""
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
        """One import, with its problems."""
        require_permission(request, IMPORT)
        run = self._found(import_id)
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
        """A CSV file, to be fixed and imported again. It is stored for seven days."""
        require_permission(request, IMPORT)
        run = self._found(import_id)
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
        """Deletes softly the leads that it created, and gives those that it updated their earlier values back, except
        where somebody has changed them since.
        """
        own = ImportRun.objects.filter(pk=self.path_id("import_id", NO_IMPORT), user=request.user.pk).first()
        if own is None or not own.may_be_undone_by(cast(User, request.user)):
            require_permission(request, UNDO)
        number = self._found(import_id).pk
        try:
            run = undo(number, by_api(request))
        except Refused as refused:
            raise ApiError(status.HTTP_409_CONFLICT, str(refused)) from None
        if not dry_run.is_wanted(request):
            event("import_undone", run=number)
        return Response(import_out(run, str(run.state)))

    def _found(self, import_id: str) -> ImportRun:
        run = ImportRun.objects.filter(pk=self.path_id("import_id", NO_IMPORT)).first()
        if run is None:
            raise NotFound(NO_IMPORT)
        return run


def _take_turn(opened: ExitStack) -> Announce:
    """Let nobody else read a file until ``opened`` is closed; raise a 409 while somebody does."""
    try:
        return opened.enter_context(single_reader())
    except Refused as busy:
        raise ApiError(status.HTTP_409_CONFLICT, str(busy), {"Retry-After": RETRY_AFTER}) from None


def _finish(run: ImportRun, file: LocalFile) -> None:
    """Store what belongs to a closed run."""
    runs.log_end(run)
    if run.read <= MAX_ROWS:
        file.store_outputs(run)


def _accepted(run_id: int | None) -> Response:
    """Return the account of an import that goes on, and where to ask for it again."""
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


def _options(given: dict[str, list[str]]) -> tuple[Options, FormatOptions, str | None]:
    """Return the options of the import as the command reads them; raise a 422 for invalid ones."""
    arguments = ["-"]
    for name, values in given.items():
        option = f"--{name.replace('_', '-')}"
        if name in FLAGS:
            arguments += [option] if checked(name, values[-1], flag) else []
        elif name in NAMES:
            arguments += [f"{option}={checked(name, value, check_text)}" for value in values if value]
    command = Command()
    try:
        options = vars(command.create_parser("manage.py", "import_leads").parse_args(arguments))
        # A server has threads that Python does not count, so no process can be forked.
        wanted = replace(command.wanted(options), parallel=False)
        return wanted, hints_of(options, wanted, command.importer.vocabulary), options["format"]
    except CommandError as error:
        found = _option.search(str(error))
        name = found[1].replace("-", "_") if found else "body"
        message = f"Value error, {str(error).removeprefix('Error: ')}"
        raise ValidationFailed([FieldError("value_error", ("query", name), message, given.get(name))]) from None
