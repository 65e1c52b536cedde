"""Migration operations for tables in use: they let others write where Django's standard operations lock them out.

On PostgreSQL each needs several transactions: its migration sets ``atomic = False`` and has no other operations. A
migration that failed halfway may be run again. On SQLite Django's own operation runs. See CONTRIBUTING.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddConstraint
from django.db.migrations import AddIndex as PlainAddIndex
from django.db.migrations.state import ProjectState

BATCH = 1000  # rows of one transaction


class AddIndex(AddIndexConcurrently):
    """Create an index while others write."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create the index, and first drop the invalid one that PostgreSQL leaves behind after a failure."""
        if schema_editor.connection.vendor != "postgresql":
            return PlainAddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)
        with without_lock_timeout(schema_editor):
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
            return super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Drop the index."""
        if schema_editor.connection.vendor != "postgresql":
            return PlainAddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)
        with without_lock_timeout(schema_editor):
            return super().database_backwards(app_label, schema_editor, from_state, to_state)


@contextmanager
def without_lock_timeout(schema_editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """Wait for other transactions without a limit: a concurrent operation blocks nobody while it waits."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (limit,) = cursor.fetchone()
    schema_editor.execute("SET lock_timeout = 0")
    try:
        yield
    finally:
        schema_editor.execute("SELECT set_config('lock_timeout', %s, false)", [limit])


class AddCheck(AddConstraintNotValid):
    """Add a ``CheckConstraint`` that applies to new rows at once, and validate stored rows while others write."""

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Add and validate the constraint; ``IntegrityError`` where a stored row violates it."""
        if schema_editor.connection.vendor != "postgresql":
            with transaction.atomic(schema_editor.connection.alias):
                return AddConstraint.database_forwards(self, app_label, schema_editor, from_state, to_state)
        table = schema_editor.quote_name(to_state.apps.get_model(app_label, self.model_name)._meta.db_table)
        name = schema_editor.quote_name(self.constraint.name)
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")  # of a run that failed
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        validate = ValidateConstraint(self.model_name, self.constraint.name)
        return validate.database_forwards(app_label, schema_editor, from_state, to_state)


def in_batches(queryset: models.QuerySet[Any], change: Callable[[models.QuerySet[Any]], object]) -> None:
    """Call ``change`` with ``BATCH`` rows of ``queryset`` at a time, each time in a transaction of its own.

    For ``RunPython``. ``change`` must allow rows that it has changed before. Rows added meanwhile are included.
    """
    last = 0
    while ids := list(queryset.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            change(queryset.filter(pk__in=ids))
        last = ids[-1]
