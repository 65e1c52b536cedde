"""Which tables the earlier server has, by what names, and with which columns."""

from typing import NamedTuple


class Unreadable(Exception):
    """The source cannot be read, or lacks a table or column; a sentence for the operator, without any password."""


class Shape(NamedTuple):
    """What one table may be called, which columns it must have (by the names each may have), and which it may have."""

    names: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    optional: tuple[str, ...] = ()


def _named(words: str) -> dict[str, tuple[str, ...]]:
    return {word: (word,) for word in words.split()}


SHAPES = {
    "users": Shape(
        ("users", "user"),
        {
            **_named("id username email first_name last_name created_at"),
            "password": ("password_hash", "hashed_password"),
        },
        ("is_active",),
    ),
    "leads": Shape(
        ("leads", "lead"),
        _named(
            "id first_name last_name email phone status source budget_min budget_max property_interest is_active"
            " created_at updated_at activity_count"
        ),
    ),
    "activities": Shape(
        ("activities", "activity"),
        _named("id lead_id user_id activity_type title notes duration activity_date created_at user_name"),
    ),
}


class Found(NamedTuple):
    """A table of the source: its own name, its columns by our names, and the columns nothing is made of."""

    name: str
    columns: dict[str, str]
    ignored: tuple[str, ...]


def find(noun: str, shape: Shape, tables: dict[str, list[str]]) -> Found:
    """The one table of ``tables`` (columns by name) that has this shape; raises ``Unreadable``."""
    candidates = [name for name in tables if name.lower() in shape.names]
    if not candidates:
        raise Unreadable(f"there is no table {' or '.join(shape.names)} in the source")
    fitting = [name for name in candidates if not _missing(shape, tables[name])]
    if not fitting:
        lacking = "; ".join(f"{name} has no column {', '.join(_missing(shape, tables[name]))}" for name in candidates)
        raise Unreadable(f"the source's table {lacking}")
    if len(fitting) > 1:
        raise Unreadable(f"the source has the tables {' and '.join(fitting)}: drop or rename one, both could be {noun}")
    return _fit(fitting[0], shape, tables[fitting[0]])


def _missing(shape: Shape, columns: list[str]) -> list[str]:
    there = {column.lower() for column in columns}
    return [" or ".join(names) for names in shape.columns.values() if there.isdisjoint(names)]


def _fit(name: str, shape: Shape, columns: list[str]) -> Found:
    there = {column.lower(): column for column in columns}
    taken = {
        ours: next(there[theirs] for theirs in names if theirs in there)
        for ours, names in {**shape.columns, **{name: (name,) for name in shape.optional}}.items()
        if not there.keys().isdisjoint(names)
    }
    return Found(name, taken, tuple(column for column in columns if column not in taken.values()))
