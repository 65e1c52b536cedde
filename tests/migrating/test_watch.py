"""The linter of migrations: it finds unsafe ones, and accepts those that CONTRIBUTING.md recommends."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from crm_project.db.migration_operations import AddCheck, AddIndex, in_batches
from tests.migrating import watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer, who waits anyway"),
]

CHECK = models.CheckConstraint(condition=models.Q(version__gte=1), name="leads_sample")


def all_at_once(apps: Any, schema_editor: Any) -> None:
    apps.get_model("leads", "Lead").objects.update(version=2)


def batch_by_batch(apps: Any, schema_editor: Any) -> None:
    in_batches(apps.get_model("leads", "Lead").objects.all(), lambda leads: leads.update(version=2))


def field(name: str, kind: Any) -> migrations.AddField:
    return migrations.AddField("lead", name, kind)


def index() -> models.Index:
    return models.Index(fields=["version"], name="leads_sample")


def undone(run: Callable[..., None]) -> migrations.RunPython:
    return migrations.RunPython(run, migrations.RunPython.noop)


def to_importers() -> Any:
    return models.ForeignKey("leads.importrun", models.PROTECT, null=True, related_name="+")


WAIT, MANY, ALONE = "while its writers wait", "in one transaction than a batch", "is not for several transactions"
DEMANDS = "demands a value"  # Django takes the default away from the database again
BAD: dict[str, tuple[bool, list[Any], str]] = {
    "index": (True, [migrations.AddIndex("lead", index())], WAIT),
    "index, not atomic": (False, [migrations.AddIndex("lead", index())], ALONE),
    "check": (True, [migrations.AddConstraint("lead", CHECK)], WAIT),
    "unique": (True, [migrations.AddConstraint("lead", models.UniqueConstraint("id", name="leads_sample"))], WAIT),
    "type": (True, [migrations.AlterField("lead", "version", models.BigIntegerField(default=1))], WAIT),
    "not null": (True, [migrations.AlterField("lead", "budget_min", models.BigIntegerField(default=0))], WAIT),
    "default for each row": (True, [field("token", models.UUIDField(db_default=RandomUUID()))], WAIT),
    "field and index of it": (True, [field("note_by", to_importers())], WAIT),
    "all rows": (True, [undone(all_at_once)], MANY),
    "all rows, not atomic": (False, [undone(all_at_once)], MANY),
    "batches in one transaction": (True, [undone(batch_by_batch)], MANY),
    "field with a default": (True, [field("note", models.CharField(max_length=9, default="x"))], DEMANDS),
    "field and rows": (True, [field("note", models.TextField(null=True)), undone(batch_by_batch)], WAIT),
    "SQL": (True, [migrations.RunSQL("CREATE INDEX leads_sample ON leads_lead (id)", "DROP INDEX leads_sample")], WAIT),
    "field, not atomic": (False, [field("note", models.TextField(null=True))], ALONE),
}
GOOD: dict[str, tuple[bool, list[Any]]] = {
    "field": (True, [field("note", models.TextField(null=True))]),
    "field with a default of the database": (True, [field("note", models.IntegerField(db_default=3))]),
    "longer text": (True, [migrations.AlterField("lead", "first_name", models.CharField(max_length=300, blank=True))]),
    "index": (False, [AddIndex("lead", index())]),
    "check": (False, [AddCheck("lead", CHECK)]),
    "rows": (False, [undone(batch_by_batch)]),
    "a table of its own": (
        True,
        [
            migrations.CreateModel(
                "Note",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("lead", models.ForeignKey("leads.lead", models.PROTECT)),
                ],
                options={"indexes": [models.Index(fields=["id", "lead"], name="notes_sample")]},
            )
        ],
    ),
}


@pytest.fixture
def state() -> ProjectState:
    """Return the current state, with enough rows in the tables."""
    watch.fill()
    return MigrationExecutor(connection).loader.project_state()


def tried(state: ProjectState, atomic: bool, operations: list[Any]) -> list[str]:
    """Return the findings about a migration with those ``operations``, which is rolled back."""
    migration = migrations.Migration("0000_sample", "leads")
    migration.operations, migration.atomic = operations, atomic
    before = state.clone()
    findings = watch.applied(migration, state)
    with connection.schema_editor(atomic=atomic) as editor:
        migration.unapply(before, editor)
    return findings


@pytest.mark.parametrize(("atomic", "operations", "finding"), BAD.values(), ids=BAD)
def test_refused(state: ProjectState, atomic: bool, operations: list[Any], finding: str) -> None:
    assert any(finding in found for found in tried(state, atomic, operations))


@pytest.mark.parametrize(("atomic", "operations"), GOOD.values(), ids=GOOD)
def test_accepted(state: ProjectState, atomic: bool, operations: list[Any]) -> None:
    assert tried(state, atomic, operations) == []
