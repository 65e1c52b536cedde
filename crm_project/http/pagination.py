"""Pagination by ``?page=…&size=…``."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rest_framework.pagination import BasePagination

from crm_project.http.errors import ValidationFailed
from crm_project.json_schema import JSONSchema
from crm_project.validation import FieldError, InvalidValue, integer

MAX_PAGE = 10**9
MAX_SIZE = 1000
DEFAULT_SIZE = 10
PAGING = frozenset(("page", "size"))


class Page(NamedTuple):
    """A page of a list: its ``number``, from 1, and the ``size`` of pages in rows."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """Return the number of rows before this page."""
        return (self.number - 1) * self.size


class PagePagination(BasePagination):
    """Pages with numbers from 1. A response is an array of rows only."""

    parameters: tuple[tuple[str, JSONSchema, str], ...] = (
        ("page", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 1}, "Counts from 1"),
        ("size", {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE}, "Rows a page"),
    )

    def validate(self, query: Mapping[str, Any]) -> tuple[Page, list[FieldError]]:
        """Return the requested page, and the errors of the parameters."""
        values: list[int] = []
        errors: list[FieldError] = []
        for name, schema, _ in self.parameters:
            given = query.get(name)
            try:
                number = schema["default"] if given is None else integer(given, schema["minimum"], schema["maximum"])
                values.append(number)
            except InvalidValue as invalid:
                errors.append(FieldError(invalid.type, ("query", name), invalid.msg, given))
        return Page(1, DEFAULT_SIZE) if errors else Page(*values), errors

    def get_paginated_response_schema(self, schema: JSONSchema) -> JSONSchema:
        """Return the schema of the rows unchanged."""
        return schema

    def get_schema_operation_parameters(self, view: Any) -> list[JSONSchema]:
        """Return the schema of both parameters."""
        return [
            {"in": "query", "name": name, "schema": schema, "description": description}
            for name, schema, description in self.parameters
        ]


def optional_page(query: Mapping[str, Any]) -> Page | None:
    """Return the page that a request asks for, or ``None`` for the whole list; raise a 422 with all errors."""
    page, errors = PagePagination().validate(query)
    if errors:
        raise ValidationFailed(errors)
    return None if PAGING.isdisjoint(query) else page
