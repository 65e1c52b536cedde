"""Indexes that only one of the databases has: trigrams for ``q`` on PostgreSQL, the dashboard's counts on SQLite."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import TrigramExtension
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NOTHING = "SELECT 1"


class Trigrams(TrigramExtension):
    """``TrigramExtension`` that can be reversed on SQLite, where Django's own fails to find the extension."""

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: Any) -> None:
        """Drop the extension where there is one."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)


class SortKeyField(models.CharField):  # type: ignore[type-arg]
    """A normalized text to sort by, with one order on both databases, whatever the locale of PostgreSQL."""

    def db_parameters(self, connection: Any) -> Any:
        """Return Django's parameters with the collation C on PostgreSQL, which is the order of SQLite."""
        return {**super().db_parameters(connection), "collation": "C" if connection.vendor == "postgresql" else None}


class OnOneDatabase:
    """A mixin for an index that only the database ``vendor`` has. Inherit from it before Django's class."""

    vendor: ClassVar[str]

    def create_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any) -> Any:
        """Return the statement, or ``NOTHING`` for the other database."""
        if schema_editor.connection.vendor != self.vendor:
            return NOTHING
        return super().create_sql(model, schema_editor, using=using, **kwargs)  # type: ignore[misc]

    def remove_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any) -> Any:
        """Return the statement, or ``NOTHING`` for the other database."""
        if schema_editor.connection.vendor != self.vendor:
            return NOTHING
        return super().remove_sql(model, schema_editor, **kwargs)  # type: ignore[misc]


class TrigramIndex(OnOneDatabase, GinIndex):
    """A trigram GIN index on PostgreSQL.

    A plain ``GinIndex`` becomes a B-tree of the whole text on SQLite, which ``LIKE '%…%'`` cannot use.
    """

    vendor = "postgresql"


class CountingIndex(OnOneDatabase, models.Index):
    """A covering index for the counts of the dashboard on SQLite, in a fifth of the time of a table scan.

    On PostgreSQL, triggers store the counts. The column of the condition must be in the index too, because SQLite reads
    it again.
    """

    vendor = "sqlite"
