"""Databases to measure on: ``python -m benchmarks.fill COUNT`` fills the empty one at ``DATABASE_URL``.

Another server of the same contract gets a copy of the same rows in its own tables (``copy_to_peer``).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks import fill_sqlite

ADMIN = "bench-admin"
PEER_COLUMNS = {
    "users": (
        "users_user",
        "id, username, email, first_name, last_name, substr(password, 7) AS hashed_password,"
        " created_at AT TIME ZONE 'UTC' AS created_at",
    ),
    "leads": (
        "leads_lead",
        "id, first_name, last_name, email, phone, status, source, budget_min::int, budget_max::int, property_interest,"
        " is_active, created_at AT TIME ZONE 'UTC' AS created_at, updated_at AT TIME ZONE 'UTC' AS updated_at,"
        " activity_count",
    ),
    "activities": (
        "activities_activity",
        "id, lead_id, user_id, activity_type, title, notes, duration, activity_date,"
        " created_at AT TIME ZONE 'UTC' AS created_at, user_name",
    ),
}  # fmt: skip
# Our indexes for the peer: an administrator could create them without changing the peer's code.
PEER_INDEXES = (
    "CREATE INDEX ON leads (created_at DESC, id DESC) WHERE is_active",
    "CREATE INDEX ON leads (status, created_at DESC, id DESC) WHERE is_active",
    "CREATE INDEX ON leads (source, created_at DESC, id DESC) WHERE is_active",
    "CREATE INDEX ON leads (updated_at) WHERE is_active AND status = 'closed'",
    "CREATE INDEX ON activities (lead_id, activity_date DESC, created_at DESC)",
    "CREATE INDEX ON activities (created_at DESC, id DESC)",
)


def is_sqlite(url: str) -> bool:
    """Return whether ``url`` is one of SQLite."""
    return url.startswith("sqlite")


def version_of(url: str) -> str:
    """Return the name and version of the database at ``url``, and its ``shared_buffers``."""
    if is_sqlite(url):
        return f"SQLite {fill_sqlite.VERSION}"
    with psycopg.connect(server_of(url)) as connection:
        (memory,) = connection.execute("SELECT current_setting('shared_buffers')").fetchone() or ("",)
        return f"PostgreSQL {connection.info.parameter_status('server_version')}, shared_buffers {memory}"


def server_of(url: str) -> str:
    """Return the URL of the maintenance database on the same server."""
    return urlsplit(url)._replace(path="/postgres").geturl()


def create(url: str, template: str | None = None) -> bool:
    """Create the database of ``url``; return whether it is new. SQLite creates its file when it is opened."""
    if is_sqlite(url):
        return not fill_sqlite.file_of(url).exists()
    name = urlsplit(url).path[1:]
    with psycopg.connect(server_of(url), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        connection.execute(
            statement + sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else statement
        )
    return True


def drop(url: str) -> None:
    """Drop the database of ``url``, and end its connections."""
    if is_sqlite(url):
        fill_sqlite.drop(url)
        return
    name = sql.Identifier(urlsplit(url).path[1:])
    with psycopg.connect(server_of(url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def copy_to_peer(ours: str, peer: str) -> None:
    """Copy the rows of our database into the peer's tables, which must exist and be empty."""
    if is_sqlite(ours):
        fill_sqlite.copy_to_peer(ours, peer)
        return
    with psycopg.connect(ours) as source, psycopg.connect(peer, autocommit=True) as target:
        for table, (from_table, columns) in PEER_COLUMNS.items():
            names = [
                part.split()[-1].partition("::")[0] for part in columns.replace("substr(password, 7)", "x").split(",")
            ]
            into = f"COPY {table} ({', '.join(names)}) FROM STDIN"
            out = f"COPY (SELECT {columns} FROM {from_table} ORDER BY id) TO STDOUT"
            with source.cursor().copy(out) as rows, target.cursor().copy(into) as copy:
                for chunk in rows:
                    copy.write(chunk)
            target.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        target.execute("VACUUM ANALYZE")


def index_peer(url: str) -> None:
    """Create our indexes in the peer's database."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in PEER_INDEXES:
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE")


def fill(count: int) -> None:
    """Migrate the database at ``DATABASE_URL``, and store ``count`` leads with their related rows."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from activities.models import Activity, FollowUp
    from benchmarks import office
    from crm_project.db.bulk import writer
    from crm_project.db.sql import written_columns
    from leads.consents import Consent
    from leads.models import Lead
    from users.models import User

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    User.objects.create_superuser(ADMIN, f"{ADMIN}@example.com", "bench-password")
    agents = []
    for number, name in enumerate(office.AGENTS):
        first, last = name.split()
        agents.append(User.objects.create_user(f"agent{number}", f"a{number}@example.com", "bench-password",
                                               first_name=first, last_name=last).pk)  # fmt: skip
    columns = ["id", *written_columns(Lead)]
    with transaction.atomic(), writer(Lead, columns) as write:
        for row in office.leads(count, now, agents):
            write([row[column] for column in columns])
    related: list[tuple[Any, Sequence[str], Iterator[tuple[Any, ...]]]] = [
        (Activity, office.ACTIVITY_COLUMNS, office.activities(count, now, agents)),
        (FollowUp, office.FOLLOW_UP_COLUMNS, office.follow_ups(count, now, agents)),
        (Consent, office.CONSENT_COLUMNS, office.consents(count, now)),
    ]
    for model, names, rows in related:
        with transaction.atomic(), writer(model, names) as write:
            for values in rows:
                write(list(values))
    with connection.cursor() as cursor:
        cursor.execute(office.HISTORY.format(json=office.JSON[connection.vendor]))
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence('leads_lead', 'id'), %s)", [count])
            cursor.execute("VACUUM ANALYZE")


def admin_cookie() -> str:
    """Return a ``Cookie`` header of a session in the back office at ``DATABASE_URL``."""
    import django

    django.setup()
    from django.test import Client

    from users.models import User

    client: Any = Client()
    client.force_login(User.objects.get(username=ADMIN))
    return f"sessionid={client.cookies['sessionid'].value}"


if __name__ == "__main__":
    print(json.dumps(admin_cookie())) if sys.argv[1] == "cookie" else fill(int(sys.argv[1]))
