"""What a request for an import contains: a file, and the options of the command ``import_leads``."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

from django.core.management.base import CommandError
from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from crm_project.http import reply_options
from crm_project.http.errors import ValidationFailed
from crm_project.http.parameters import checked, flag
from crm_project.validation import MISSING, FieldError, check_text
from leads.back_office.stored_files import PIECE
from leads.importing.options import Options
from leads.importing.sources.format_options import FormatOptions
from leads.importing.stats import showable
from leads.management.commands.import_leads import Command, hints_of

MAX_NAME = 200
# The command's options: with one value, repeated, and without a value.
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
UNSPECIFIC = (
    "",
    "text/plain",
    "application/octet-stream",
    "application/gzip",
    "application/zip",
)  # types for which the format is detected from the content
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


class ImportRequest(NamedTuple):
    """A file and what to do with it."""

    name: str
    chunks: Iterable[bytes]
    options: Options
    hints: FormatOptions
    format: str | None


def read(request: Request) -> ImportRequest:
    """Return what a request contains; raise a 422 with all errors, or a 415."""
    name, chunks, query, form = _file(request)
    try:
        return ImportRequest(name, chunks, *_options({**query, **form}))
    except ValidationFailed as failed:
        in_form = [
            error._replace(loc=("body", *error.loc[1:])) for error in failed.field_errors if error.loc[1] in form
        ]
        in_query = [error for error in failed.field_errors if error.loc[1] not in form]
        raise ValidationFailed(in_form + in_query) from None


def _file(request: Request) -> tuple[str, Iterable[bytes], dict[str, list[str]], dict[str, list[str]]]:
    """Return the file's name and content, and the options with all their values: of the query and of the form."""
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
        return showable(file.name or "file")[:MAX_NAME], file.chunks(), query, fields
    if media_type not in FORMATS and media_type not in UNSPECIFIC:
        known = ", ".join(FORMATS)
        raise UnsupportedMediaType(media_type, detail=f"Unsupported content type: send {known} or a form")
    if (stream := request.stream) is None:
        raise ValidationFailed([FieldError(MISSING[0], ("body",), MISSING[1], None)])
    if media_type in FORMATS:
        query.setdefault("format", [FORMATS[media_type]])
    return "body", iter(partial(stream.read, PIECE), b""), query, {}


def _options(given: dict[str, list[str]]) -> tuple[Options, FormatOptions, str | None]:
    """Return the options as the command reads them: of the import, of reading the file, and its format."""
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
        # A server has threads that Python does not know of, so it must not fork.
        import_options = replace(command.wanted(options), parallel=False)
        return import_options, hints_of(options, import_options, command.importer.vocabulary), options["format"]
    except CommandError as error:
        found = _option.search(str(error))
        name = found[1].replace("-", "_") if found else "body"
        message = f"Value error, {str(error).removeprefix('Error: ')}"
        raise ValidationFailed([FieldError("value_error", ("query", name), message, given.get(name))]) from None
