"""Indexes that one database alone has: trigrams for ``q`` on PostgreSQL, the dashboard's counts on SQLite."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import TrigramExtension
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NOTHING = "SELECT 1"


class Trigrams(TrigramExtension):
    """``TrigramExtension`` that SQLite can also reverse: Django's own looks for the extension there."""

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: Any) -> None:
        """Drop the extension where there is one."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)


class SortKeyField(models.CharField):  # type: ignore[type-arg]
    """A normalized text to sort by: character by character on both databases, whatever PostgreSQL's locale."""

    def db_parameters(self, connection: Any) -> Any:
        """Django's, with the collation of PostgreSQL that SQLite has anyway."""
        return {**super().db_parameters(connection), "collation": "C" if connection.vendor == "postgresql" else None}


class OnOneDatabase:
    """An index of one ``vendor``, to be named before Django's; the other database gets nothing at all."""

    vendor: ClassVar[str]

    def create_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any) -> Any:
        """The statement, or one that does nothing."""
        if schema_editor.connection.vendor != self.vendor:
            return NOTHING
        return super().create_sql(model, schema_editor, using=using, **kwargs)  # type: ignore[misc]

    def remove_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any) -> Any:
        """The statement, or one that does nothing."""
        if schema_editor.connection.vendor != self.vendor:
            return NOTHING
        return super().remove_sql(model, schema_editor, **kwargs)  # type: ignore[misc]


class TrigramIndex(OnOneDatabase, GinIndex):
    """A trigram GIN index on PostgreSQL.

    A plain ``GinIndex`` leaves SQLite with a B-tree over the whole text, at a cost, and no use to ``LIKE '%…%'``.
    """

    vendor = "postgresql"


class CountingIndex(OnOneDatabase, models.Index):
    """All that the dashboard counts of a lead, on SQLite: a fifth of the time that going through the leads takes.

    PostgreSQL's triggers keep the counts. The condition's column is to be in it as well: SQLite looks at that again.
    """

    vendor = "sqlite"
