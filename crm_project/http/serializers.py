"""Base classes of serializers with fields and validation from an app's rules, for one row or many."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from django.conf import settings
from django.db import models
from drf_spectacular.drainage import set_override
from rest_framework import serializers, status

from crm_project.http.errors import ApiError, ValidationFailed
from crm_project.json_schema import DAY, IDENTIFIER, TIMESTAMP, JSONSchema
from crm_project.validation import REQUIRED, FieldError, FieldRule, validate, with_location

Row = dict[str, Any]
Checked = tuple[Row, list[FieldError]]  # clean values, and all errors


class SchemaField(serializers.Field[Any, Any, Any, Any]):
    """A field with a JSON Schema for OpenAPI. The rules validate it."""

    def __init__(self, schema: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        set_override(self, "field", dict(schema))


class RuleListSerializer(serializers.ListSerializer[Any]):
    """The rows of a body, with errors by index."""

    def run_validation(self, data: Any = serializers.empty) -> list[Row]:
        """Return the clean rows. An empty list is a 400, one longer than ``max_rows`` or ``BULK_MAX_ROWS`` a 413."""
        if not data:
            raise ApiError(status.HTTP_400_BAD_REQUEST, "Empty list")
        child = cast(RuleSerializer, self.child)
        if len(data) > (max_rows := child.max_rows or settings.BULK_MAX_ROWS):
            raise ApiError(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, f"More than {max_rows} rows in one request")
        rows: list[Row] = []
        errors: list[FieldError] = []
        for index, value in enumerate(data):
            row, row_errors = child.check(value)
            data[index] = None  # frees the memory of the row
            rows.append(row)
            errors += with_location(row_errors, "body", index)
        if not errors:
            errors = [e for index, found in child.resolve(rows).items() for e in with_location(found, "body", index)]
        if errors:
            raise ValidationFailed(errors)
        return rows


class RuleSerializer(serializers.Serializer[Any]):
    """A serializer with fields and validation from ``field_rules``. ``output_class`` serializes the response."""

    field_rules: ClassVar[Mapping[str, FieldRule]]
    output_class: ClassVar["type[serializers.Serializer[Any]] | None"] = None
    max_rows: ClassVar[int | None] = None  # of one body; ``BULK_MAX_ROWS`` if it is not set
    optional = False  # whether missing fields remain unchanged

    class Meta:
        list_serializer_class = RuleListSerializer

    def get_fields(self) -> dict[str, "serializers.Field[Any, Any, Any, Any]"]:
        """Return a field for each rule, for the schema, and the fields that a subclass declares."""
        fields = {
            name: SchemaField(
                self._schema_of(rule), required=rule.default is REQUIRED and not self.optional, allow_null=rule.nullable
            )
            for name, rule in self.field_rules.items()
        }
        return {**fields, **super().get_fields()}

    def _schema_of(self, rule: FieldRule) -> JSONSchema:
        has_default = not self.optional and rule.default is not REQUIRED and rule.default is not None
        return {**rule.schema, "default": rule.default} if has_default else dict(rule.schema)

    def known_fields(self) -> set[str]:
        """Return the fields that a client may send: those of the rules, and the ignored ones of the response."""
        replied = self.output_class().get_fields() if self.output_class else {}
        return {*self.get_fields(), *replied}

    def check(self, row: object) -> Checked:
        """Return the clean values of a row and all errors, by ``field_rules``."""
        return validate(row, self.field_rules, partial=self.optional)

    def resolve(self, rows: Sequence[Row]) -> dict[int, list[FieldError]]:
        """Return the errors of clean rows that only the database can detect, by index; none unless overridden."""
        return {}

    def run_validation(self, data: Any = serializers.empty) -> Row:
        """Return the clean values; raise a 422 with all errors."""
        row, errors = self.check(data)
        if errors:
            raise ValidationFailed(with_location(errors, "body"))
        self.check_references(row)
        return row

    def check_references(self, row: Row) -> None:
        """Raise a 422 for the errors of ``resolve``."""
        for errors in self.resolve([row]).values():
            raise ValidationFailed(with_location(errors, "body"))

    def to_representation(self, instance: Any) -> Any:
        """Return the object of the response."""
        return self.output_class().to_representation(instance) if self.output_class else instance


class RowSerializer(serializers.ModelSerializer[Any]):
    """The response's object of a row: for each name of ``Meta.fields`` the column that ``columns`` names for it, or the
    column of that name.

    The schema of a field is that of its column, with the examples and known values of ``field_rules``, and ``about``.
    """

    field_rules: ClassVar[Mapping[str, FieldRule]] = {}
    about: ClassVar[Mapping[str, JSONSchema]] = {}
    columns: ClassVar[Mapping[str, str]] = {}

    def get_fields(self) -> dict[str, "serializers.Field[Any, Any, Any, Any]"]:
        """Return a field for each column, for the schema."""
        model: type[models.Model] = self.Meta.model
        columns = {column.attname: column for column in model._meta.concrete_fields}
        found = {name: columns[self.columns.get(name, name)] for name in self.Meta.fields}
        return {
            name: SchemaField(self._schema_of(name, column), allow_null=column.null) for name, column in found.items()
        }

    def _schema_of(self, name: str, column: "models.Field[Any, Any]") -> JSONSchema:
        rule = self.field_rules[name].schema if name in self.field_rules else {}
        shared = {keyword: rule[keyword] for keyword in ("examples", "x-extensible-enum") if keyword in rule}
        return {**_schema_of(column), **shared, **self.about.get(name, {})}


KINDS: tuple[tuple[Any, JSONSchema], ...] = (
    ((models.BooleanField,), {"type": "boolean", "examples": [True]}),
    ((models.BigAutoField,), {**IDENTIFIER, "examples": [7]}),
    ((models.BigIntegerField,), {"type": "integer", "format": "int64"}),
    ((models.IntegerField,), {"type": "integer"}),
    ((models.CharField, models.TextField), {"type": "string"}),
    ((models.DateTimeField,), TIMESTAMP),
    ((models.DateField,), DAY),
)


def _schema_of(column: "models.Field[Any, Any]") -> JSONSchema:
    column = column.target_field if isinstance(column, models.ForeignKey) else column
    return next(schema for kinds, schema in KINDS if isinstance(column, kinds))
