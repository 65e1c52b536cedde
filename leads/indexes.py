"""The index behind ``q``: PostgreSQL's trigrams; SQLite has none, and scans."""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class TrigramIndex(GinIndex):
    """A trigram GIN index on PostgreSQL, nothing at all on SQLite.

    A plain ``GinIndex`` leaves SQLite with a B-tree over the whole text, at a cost, and no use to ``LIKE '%…%'``.
    """

    def create_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any) -> Any:
        """The statement, or one that does nothing."""
        if schema_editor.connection.vendor != "postgresql":
            return "SELECT 1"
        return super().create_sql(model, schema_editor, using=using, **kwargs)

    def remove_sql(self, model: Any, schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any) -> Any:
        """The statement, or one that does nothing."""
        if schema_editor.connection.vendor != "postgresql":
            return "SELECT 1"
        return super().remove_sql(model, schema_editor, **kwargs)
