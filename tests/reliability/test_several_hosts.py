"""A ``DATABASE_URL`` with several hosts, of which only the last one can be written to."""

from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

from tests.factories import lead_row
from tests.live import free_port, migrated_database, serving
from tests.torture.cluster import own_cluster, programs

pytestmark = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or programs() is None,
    reason="needs PostgreSQL's programs, and is about PostgreSQL alone",
)


def test_a_host_that_is_down_and_one_that_is_read_only_are_passed_over() -> None:
    with migrated_database() as writable, own_cluster(fsync="off") as replica:
        parts = urlsplit(writable)
        replica.execute(f'CREATE DATABASE "{parts.path[1:]}"')
        replica.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        replica.execute("SELECT pg_reload_conf()")
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{replica.port},{parts.hostname}:{parts.port or 5432}"
        url = f"postgresql://{parts.username or 'postgres'}@{hosts}{parts.path}?target_session_attrs=read-write"
        with serving(DATABASE_URL=url, WORKERS="1") as server:
            token = server.token()
            assert server.send("POST", "/api/leads", lead_row(), token).status == 201
            assert server.send("GET", "/health/ready").status == 200
        with psycopg.connect(writable) as connection:
            assert connection.execute("SELECT count(*) FROM leads_lead").fetchone() == (1,)
