"""Fixtures for all tests."""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from hypothesis import settings as hypothesis_settings

from crm_project import settings as product_settings
from crm_project.database_url import configure_for_requests
from crm_project.http import readiness
from tests.concurrency import shared_database
from tests.factories import bearer, make_user
from tests.live import server as server
from tests.live import templates
from users.models import User

TESTS = Path(__file__).parent
# Folders of browsers, real processes, kills, migrations.
SLOW = ("browser", "client", "generators", "migrating", "reliability", "server")
# Fixtures without which pytest-django lets no test use the database.
USE_DATABASE = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback", "live_server"}

# The same examples on every run, and no clock. `make test-all` takes the profile "all", and the first of its examples
# again on PostgreSQL, where each takes longer.
hypothesis_settings.register_profile("fast", derandomize=True, deadline=None, database=None, max_examples=10)
hypothesis_settings.register_profile("all", hypothesis_settings.get_profile("fast"), max_examples=150)
hypothesis_settings.register_profile("again", hypothesis_settings.get_profile("fast"), max_examples=50)
hypothesis_settings.load_profile("fast")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests in slow folders and tests without a database, before ``-m`` is applied."""
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in SLOW and not item.get_closest_marker("fast"):
            item.add_marker("slow")
        if not item.get_closest_marker("django_db") and not USE_DATABASE & set(getattr(item, "fixturenames", ())):
            item.add_marker("no_database")


def pytest_collection_finish() -> None:
    """Leave what stays for the whole run, thousands of tests and all modules, out of the garbage collector's rounds."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Drop the template databases."""
    templates.close()


class Api:
    """A JSON client of one user, or of none: ``api.post("/api/leads", {...})``."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.client = Client(headers={"Host": "testserver", **headers}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> HttpResponse:
        """GET with query parameters."""
        return self.client.get(path, query)

    def send(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> HttpResponse:
        """Send a request; ``body`` is serialized unless it is bytes or text."""
        data = body if isinstance(body, bytes | str) else b"" if body is None else orjson.dumps(body)
        return self.client.generic(method, path, data, content_type=content_type)

    def post(self, path: str, body: Any = None) -> HttpResponse:
        """POST a JSON body."""
        return self.send("POST", path, body)

    def put(self, path: str, body: Any = None) -> HttpResponse:
        """PUT a JSON body."""
        return self.send("PUT", path, body)

    def patch(self, path: str, body: Any = None) -> HttpResponse:
        """PATCH a JSON body."""
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> HttpResponse:
        """DELETE."""
        return self.send("DELETE", path)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, which cannot be dropped while health checks have a connection.

    Behind a pooler it is created without, and then tests use it as requests do.
    """
    before = dict(connection.settings_dict)
    is_pooled = product_settings.REQUEST_DATABASE.get("POOLED", False)
    if is_pooled:
        connection.close()
        connection.settings_dict.update({**product_settings.REQUEST_DATABASE, "NAME": before["NAME"]})
        configure_for_requests(connection.settings_dict, 4)
    yield
    readiness.probe.close()
    if is_pooled:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        connection.settings_dict.clear()
        connection.settings_dict.update(before)
        with django_db_blocker.unblock(), connection.cursor() as cursor:  # the pooler keeps its connections
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


Case = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def case(db: None, subtests: pytest.Subtests) -> Case:
    """One row of a table: ``with case(method, path):``. A failure names it and lets the others run; what it writes is
    undone. So one user and one client are enough for a table.
    """

    @contextmanager
    def run(*values: Any) -> Iterator[None]:
        name = ", ".join(repr(value)[:80] for value in values)
        with subtests.test(name), transaction.atomic():
            yield
            transaction.set_rollback(True)

    return run


@pytest.fixture
def real_hashing(settings: Any) -> None:
    """Use the product's password hasher."""
    settings.PASSWORD_HASHERS = product_settings.PASSWORD_HASHERS


@pytest.fixture
def agent(db: None) -> User:
    """Return an agent."""
    return make_user(first_name="Agent", last_name="One")


@pytest.fixture
def api(agent: User) -> Api:
    """Return the API as ``agent``."""
    return Api(bearer(agent))


@pytest.fixture
def api_as() -> Callable[[User], Api]:
    """Return the API as any user."""
    return lambda user: Api(bearer(user))


@pytest.fixture
def anonymous(db: None) -> Api:
    """Return the API without a token."""
    return Api({})


@pytest.fixture
def concurrent_db(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    """Committed data, which all threads of ``tests.concurrency.together`` see on either database."""
    with shared_database(tmp_path):
        yield
