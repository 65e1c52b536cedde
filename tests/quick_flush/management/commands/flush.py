"""Django's ``flush``, for tests of small tables: pytest-django calls it after each test that commits.

PostgreSQL's TRUNCATE of all our tables takes a second, and making the permissions anew as long again.
"""

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

STATIC = {"django_content_type", "auth_permission"}  # the same after every migration


class Command(flush.Command):
    """Delete the rows of all tables; content types and permissions stay."""

    def handle(self, **options: Any) -> None:
        """Delete without firing triggers or checking foreign keys on the way."""
        connection = connections[options["database"]]
        if options["reset_sequences"]:
            return super().handle(**options)
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - STATIC
        statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in sorted(tables)]
        if connection.vendor == "postgresql":  # not of the session: a pooler would leak it
            statements.insert(0, "SET LOCAL session_replication_role = replica")
        with (
            connection.constraint_checks_disabled(),
            transaction.atomic(options["database"]),
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
        return None
