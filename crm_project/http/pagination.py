"""``?page=…&size=…``: a page of a list, its two parameters validated like every other value."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.errors import ValidationFailed
from crm_project.json_schema import JSONSchema
from crm_project.validation import FieldError, InvalidValue, integer

MAX_PAGE = 10**9
MAX_SIZE = 1000
DEFAULT_SIZE = 10


class Page(NamedTuple):
    """Which part of a list: ``number`` counts from 1, ``size`` rows a page."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.number - 1) * self.size


class PagePagination(BasePagination):
    """Pages that count from 1; the reply is an array of rows and nothing else."""

    parameters: tuple[tuple[str, JSONSchema, str], ...] = (
        ("page", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 1}, "Counts from 1"),
        ("size", {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE}, "Rows a page"),
    )

    def validate(self, query: Mapping[str, Any]) -> tuple[Page, list[FieldError]]:
        """The page that the query parameters ask for, and what is wrong with them."""
        values: list[int] = []
        problems: list[FieldError] = []
        for name, schema, _ in self.parameters:
            given = query.get(name)
            try:
                number = schema["default"] if given is None else integer(given, schema["minimum"], schema["maximum"])
                values.append(number)
            except InvalidValue as invalid:
                problems.append(FieldError(invalid.type, ("query", name), invalid.msg, given))
        return Page(1, DEFAULT_SIZE) if problems else Page(*values), problems

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page; a 422 for parameters that cannot be read."""
        page, problems = self.validate(request.query_params)
        if problems:
            raise ValidationFailed(problems)
        return list(queryset[page.offset : page.offset + page.size])

    def get_paginated_response(self, data: Any) -> Response:
        """The rows alone, as the contract has them."""
        return Response(data)

    def get_paginated_response_schema(self, schema: JSONSchema) -> JSONSchema:
        """The same, for the schema."""
        return schema

    def get_schema_operation_parameters(self, view: Any) -> list[JSONSchema]:
        """Both parameters, for the schema."""
        return [
            {"in": "query", "name": name, "schema": schema, "description": description}
            for name, schema, description in self.parameters
        ]
