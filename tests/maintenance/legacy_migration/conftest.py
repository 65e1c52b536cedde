"""Databases of the earlier server."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.live import fresh_database
from tests.maintenance.legacy_migration.earlier import LOOSE, Earlier, activity, lead, user


@pytest.fixture(scope="session")
def source_database() -> Iterator[str]:
    """Yield one PostgreSQL database for all tests: to create and drop one takes a second."""
    with fresh_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Earlier]:
    """Yield a database without tables, SQLite or PostgreSQL."""
    if request.param == "sqlite":
        yield Earlier(f"sqlite:///{tmp_path}/earlier.db")
    elif settings.DATABASE_URL.startswith("sqlite"):
        pytest.skip("a PostgreSQL source is tested when the tests run on PostgreSQL")
    else:
        url = request.getfixturevalue("source_database")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        yield Earlier(url)


@pytest.fixture
def loose(tmp_path: Path) -> Earlier:
    """Tables without constraints, with one valid row in each."""
    earlier = Earlier(f"sqlite:///{tmp_path}/earlier.db").make(LOOSE)
    earlier.add("users", user()).add("leads", lead(activity_count=1))
    return earlier.add("activities", activity())
