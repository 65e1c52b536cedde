"""The earlier server's tables: their possible names and their columns."""

from typing import NamedTuple


class SourceError(Exception):
    """The source cannot be read, or a table or column is missing. The message never has a password."""


class TableSchema(NamedTuple):
    """The names that a table may have, its required columns with their possible names, and its optional columns."""

    names: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    optional: tuple[str, ...] = ()


def _columns(names: str) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names.split()}


SCHEMAS = {
    "users": TableSchema(
        ("users", "user"),
        {
            **_columns("id username email first_name last_name created_at"),
            "password": ("password_hash", "hashed_password"),
        },
        ("is_active",),
    ),
    "leads": TableSchema(
        ("leads", "lead"),
        _columns(
            "id first_name last_name email phone status source budget_min budget_max property_interest is_active"
            " created_at updated_at activity_count"
        ),
    ),
    "activities": TableSchema(
        ("activities", "activity"),
        _columns("id lead_id user_id activity_type title notes duration activity_date created_at user_name"),
    ),
}


class SourceTable(NamedTuple):
    """A table of the source: its name there, its column names there by their names here, and its other columns."""

    name: str
    columns: dict[str, str]
    ignored: tuple[str, ...]


def find_table(label: str, schema: TableSchema, tables: dict[str, list[str]]) -> SourceTable:
    """Return the one of ``tables`` (columns by table name) with this schema, or raise ``SourceError``."""
    candidates = [name for name in tables if name.lower() in schema.names]
    if not candidates:
        raise SourceError(f"there is no table {' or '.join(schema.names)} in the source")
    complete = [name for name in candidates if not _missing(schema, tables[name])]
    if not complete:
        missing = "; ".join(f"{name} has no column {', '.join(_missing(schema, tables[name]))}" for name in candidates)
        raise SourceError(f"the source's table {missing}")
    if len(complete) > 1:
        names = " and ".join(complete)
        raise SourceError(f"the source has the tables {names}: drop or rename one, both could be {label}")
    return _match(complete[0], schema, tables[complete[0]])


def _missing(schema: TableSchema, columns: list[str]) -> list[str]:
    present = {column.lower() for column in columns}
    return [" or ".join(names) for names in schema.columns.values() if present.isdisjoint(names)]


def _match(name: str, schema: TableSchema, columns: list[str]) -> SourceTable:
    present = {column.lower(): column for column in columns}
    matched = {
        column: next(present[candidate] for candidate in names if candidate in present)
        for column, names in {**schema.columns, **{name: (name,) for name in schema.optional}}.items()
        if not present.keys().isdisjoint(names)
    }
    return SourceTable(name, matched, tuple(column for column in columns if column not in matched.values()))
