"""Changes of tables that are in use, in migrations: made beside those who write, where Django's would lock them out.

On PostgreSQL they need several transactions, so that their migration says ``atomic = False`` and holds nothing else. A
migration that ended halfway may be run again. SQLite does the same in one transaction. See CONTRIBUTING.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddConstraint
from django.db.migrations import AddIndex as PlainAddIndex
from django.db.migrations.state import ProjectState

BATCH = 1000  # rows of one transaction


class AddIndex(AddIndexConcurrently):
    """An index that is made while others write."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make it; what an earlier try left behind is dropped first, since PostgreSQL keeps it as an invalid one."""
        if schema_editor.connection.vendor != "postgresql":
            return PlainAddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)
        with patient(schema_editor):
            name = schema_editor.quote_name(self.index.name)
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            return super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop it."""
        if schema_editor.connection.vendor != "postgresql":
            return PlainAddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)
        with patient(schema_editor):
            return super().database_backwards(app_label, schema_editor, from_state, to_state)


@contextmanager
def patient(schema_editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """Wait for everybody's transactions for as long as they take: nobody waits behind us."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (limit,) = cursor.fetchone()
    schema_editor.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        schema_editor.execute("SELECT set_config('lock_timeout', %s, false)", [limit])


class AddCheck(AddConstraint):
    """A ``CheckConstraint``: in force for new rows at once, and then looked for in the old ones while others write."""

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Add it; ``IntegrityError`` where a stored row does not satisfy it."""
        if schema_editor.connection.vendor != "postgresql":
            with transaction.atomic(schema_editor.connection.alias):
                return super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        table = f"ALTER TABLE {schema_editor.quote_name(model._meta.db_table)}"
        name = schema_editor.quote_name(self.constraint.name)
        schema_editor.execute(f"{table} DROP CONSTRAINT IF EXISTS {name}")
        schema_editor.execute(f"{self.constraint.create_sql(model, schema_editor)} NOT VALID", params=None)
        schema_editor.execute(f"{table} VALIDATE CONSTRAINT {name}")
        return None


def in_batches(queryset: models.QuerySet[Any], change: Callable[[models.QuerySet[Any]], object]) -> None:
    """Have ``change`` write the rows of ``queryset``, ``BATCH`` at a time, each batch in a transaction of its own.

    For ``RunPython``. ``change`` must not mind rows that it wrote before; rows that come in meanwhile are met as well.
    """
    last = 0
    while ids := list(queryset.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            change(queryset.filter(pk__in=ids))
        last = ids[-1]
