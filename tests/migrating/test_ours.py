"""The product's migrations: each is reversible with data in the tables, and blocks no writers of growing tables."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from dashboard.queries import stats
from tests.factories import make_activity, make_lead, make_user
from tests.migrating import watch

OURS = ("activities", "http", "leads", "operations", "storage", "users")
# Nothing is released yet, so that no table with rows in it has ever met these. Whatever comes after them is watched.
BASELINE = [(app, "0001_initial") for app in OURS if app != "operations"]


def in_order() -> list[tuple[str, str]]:
    """Return all migrations of the product in order."""
    graph = MigrationLoader(connection).graph
    plan = [node for leaf in sorted(graph.leaf_nodes()) for node in graph.forwards_plan(leaf)]
    return [node for node in dict.fromkeys(plan) if node[0] in OURS]


def take_back(node: tuple[str, str]) -> None:
    """Unapply the last applied migration."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan([before(executor, node)])
    assert [(migration.app_label, migration.name) for migration, _ in plan if migration.app_label in OURS] == [node]
    executor.migrate([before(executor, node)])


def before(executor: MigrationExecutor, node: tuple[str, str]) -> tuple[str, str | None]:
    """Return the app's previous migration, or ``zero``."""
    return next(
        (parent.key for parent in executor.loader.graph.node_map[node].parents if parent.key[0] == node[0]),
        (node[0], None),
    )


@pytest.fixture
def restored() -> Iterator[None]:
    """Apply all migrations again at the end."""
    yield
    call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_each_reverses_with_data_in_the_tables_and_applies_again(restored: None) -> None:
    agent = make_user()
    leads = [make_lead(status="closed"), make_lead()]
    for lead in leads:
        make_activity(lead, agent)
    nodes, seen = in_order(), rows()
    for node in reversed(nodes):
        take_back(node)
        assert rows().items() <= seen.items()
        executor = MigrationExecutor(connection)
        executor.migrate([node])  # there and back, with what the later ones left
        take_back(node)
    assert not [name for name in connection.introspection.table_names() if name.startswith(OURS)]
    call_command("migrate", verbosity=0)
    make_activity(make_lead(), make_user())
    assert stats()["total_leads"] == stats()["total_activities"] == 1


def rows() -> dict[str, int]:
    """Return the number of rows of each table with data."""
    counted = {}
    with connection.cursor() as cursor:
        for table in {"leads_lead", "activities_activity", "users_user"} & set(connection.introspection.table_names()):
            cursor.execute(f"SELECT count(*) FROM {table}")
            counted[table] = cursor.fetchone()[0]
    return counted


@pytest.mark.django_db
def test_the_baseline_is_there() -> None:
    assert set(BASELINE) <= set(in_order())


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer, who waits anyway")
def test_no_later_one_keeps_writers_waiting(restored: None) -> None:
    assert found([node for node in in_order() if node not in BASELINE]) == {}


def found(later: list[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """Return the findings about the last migrations, applied to tables with rows."""
    for node in reversed(later):
        take_back(node)
    watch.fill()
    findings = {}
    for node in later:
        executor = MigrationExecutor(connection)
        migration = executor.loader.graph.nodes[node]
        assert migration is not None
        findings[node] = watch.applied(migration, executor.loader.project_state(node, at_end=False))
        executor.recorder.record_applied(*node)
    return {node: finding for node, finding in findings.items() if finding}
