"""The operations for tables in use do the same as Django's, on both databases, also again after a failure."""

from typing import Any

import pytest
from django.db import Error, IntegrityError, connection, migrations, models
from django.db.migrations.executor import MigrationExecutor

from crm_project.db import migration_operations
from crm_project.db.migration_operations import AddCheck, AddIndex, in_batches
from leads.models import Lead
from tests.factories import make_lead

pytestmark = pytest.mark.django_db(transaction=True)

INDEX = AddIndex("lead", models.Index(fields=["version"], name="leads_sample"))
CHECK = AddCheck("lead", models.CheckConstraint(condition=models.Q(version__lt=5), name="leads_sample"))


def run(operation: Any, direction: str = "apply") -> None:
    """Return a migration with that operation."""
    migration = migrations.Migration("0000_sample", "leads")
    migration.operations, migration.atomic = [operation], False
    state = MigrationExecutor(connection).loader.project_state()
    with connection.schema_editor(atomic=False) as editor:
        getattr(migration, direction)(state, editor)


def constraints() -> dict[str, Any]:
    """Return the constraints and indexes of the table."""
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, "leads_lead")


def test_an_index() -> None:
    run(INDEX)
    try:
        assert constraints()["leads_sample"]["columns"] == ["version"]
    finally:
        run(INDEX, "unapply")
    assert "leads_sample" not in constraints()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's transaction undoes it all")
def test_an_index_whose_making_failed() -> None:
    for lead in (make_lead(), make_lead()):
        Lead.objects.filter(pk=lead.pk).update(version=3)
    with connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY leads_sample ON leads_lead (version)")
    run(INDEX)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = 'leads_sample'::regclass")
            assert cursor.fetchall() == [(True, False)]
    finally:
        run(INDEX, "unapply")


def test_a_check() -> None:
    lead = make_lead()
    run(CHECK)
    try:
        with pytest.raises(IntegrityError):
            Lead.objects.filter(pk=lead.pk).update(version=5)
    finally:
        run(CHECK, "unapply")
    Lead.objects.filter(pk=lead.pk).update(version=5)


def test_a_check_that_a_stored_row_fails_may_be_tried_again() -> None:
    lead = make_lead()
    Lead.objects.filter(pk=lead.pk).update(version=5)
    with pytest.raises(Error):
        run(CHECK)
    Lead.objects.filter(pk=lead.pk).update(version=4)
    run(CHECK)
    try:
        assert constraints()["leads_sample"]["check"]
        assert Lead.objects.get().version == 4
    finally:
        run(CHECK, "unapply")


def test_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is committed before the next, and together they are all rows."""
    monkeypatch.setattr(migration_operations, "BATCH", 2)
    ids = [make_lead().pk for _ in range(5)]
    batches: list[list[int]] = []

    def change(leads: models.QuerySet[Lead]) -> None:
        batches.append(sorted(leads.values_list("pk", flat=True)))
        leads.update(version=2)

    in_batches(Lead.objects.all(), change)
    assert batches == [ids[:2], ids[2:4], ids[4:]]
    assert set(Lead.objects.values_list("version", flat=True)) == {2}
