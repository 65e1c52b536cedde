"""Our own migrations: each takes nobody's turn on a table that grows, and each reverses, with data in the tables."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from activities.models import Activity
from dashboard.queries import stats
from leads import changes
from leads.back_office.history import page_of
from leads.models import Author, ImportRun, Lead
from tests.factories import make_activity, make_lead, make_user
from tests.migrating import watch
from users.actors import Actor, Door
from users.models import User

OURS = ("activities", "api", "leads", "users")
# Nothing is released yet, so that no table with rows in it has ever met these. Whatever comes after them is watched.
BASELINE = [
    ("activities", "0001_create_activities"),
    ("activities", "0002_record_doors"),
    ("api", "0001_keep_idempotent_replies"),
    ("leads", "0001_create_leads"),
    ("leads", "0002_record_import_runs"),
    ("leads", "0003_index_budgets"),
    ("leads", "0004_count_leads"),
    ("leads", "0005_record_changes"),
    ("leads", "0006_merge_leads"),
    ("leads", "0007_index_back_office"),
    ("leads", "0008_name_permissions"),
    ("users", "0001_create_users"),
    ("users", "0002_count_failures_and_keep_refresh_tokens"),
    ("users", "0003_make_office_groups"),
]


def in_order() -> list[tuple[str, str]]:
    """All migrations of our apps, as they are applied."""
    graph = MigrationLoader(connection).graph
    plan = [node for leaf in sorted(graph.leaf_nodes()) for node in graph.forwards_plan(leaf)]
    return [node for node in dict.fromkeys(plan) if node[0] in OURS]


def take_back(node: tuple[str, str]) -> None:
    """Unapply one migration, the last that is applied."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan([before(executor, node)])
    assert [(migration.app_label, migration.name) for migration, _ in plan if migration.app_label in OURS] == [node]
    executor.migrate([before(executor, node)])


def before(executor: MigrationExecutor, node: tuple[str, str]) -> tuple[str, str | None]:
    """The app's migration before that one; none of it for its first."""
    return next(
        (parent.key for parent in executor.loader.graph.node_map[node].parents if parent.key[0] == node[0]),
        (node[0], None),
    )


@pytest.fixture
def restored() -> Iterator[None]:
    """All migrations are applied again at the end, whatever happens."""
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


@pytest.mark.django_db(transaction=True)
def test_rows_survive_what_is_taken_back_beside_them(restored: None) -> None:
    """Down to the first migration of leads, and all the way up again: the same rows, counted anew."""
    agent = make_user()
    for status in ("new", "closed", "closed"):
        make_activity(make_lead(status=status), agent)
    told = stats()
    ids = [list(model.objects.order_by("pk").values_list("pk", flat=True)) for model in (User, Lead, Activity)]
    later = in_order()[in_order().index(("leads", "0001_create_leads")) + 1 :]
    for node in reversed([node for node in later if node != ("activities", "0001_create_activities")]):
        take_back(node)
    call_command("migrate", verbosity=0)
    assert [list(model.objects.order_by("pk").values_list("pk", flat=True)) for model in (User, Lead, Activity)] == ids
    assert {name: told[name] for name in told if name.startswith("total")} == {
        name: value for name, value in stats().items() if name.startswith("total")
    }


@pytest.mark.django_db(transaction=True)
def test_who_undid_imports_is_looked_up_in_the_history(restored: None) -> None:
    ada, other = (make_user(first_name="Ada", last_name="Lovelace") for _ in range(2))
    undone = [undone_import(user) for user in (ada, other, None)]
    undone += [undone_import(*both) for both in ((other, ada), (ada, other), (ada, None))]  # in two goes
    undone_import(ada, stored=False)  # nothing of it was left to take back, and so no entry tells whose account it was
    nodes = in_order()
    for node in reversed(nodes[nodes.index(("leads", "0010_remember_who_undid")) :]):
        take_back(node)
    call_command("migrate", verbosity=0)
    found = ImportRun.objects.filter(pk__in=undone).order_by("pk").values_list("undone_by_user", flat=True)
    assert list(found) == [ada.pk, other.pk, None, ada.pk, other.pk, None]
    assert ImportRun.objects.exclude(pk__in=undone).get().undone_by_user is None


@pytest.mark.django_db(transaction=True)
def test_who_created_leads_is_known_after_going_back(restored: None) -> None:
    """Told by entries in the history, as before, in which they come first."""
    ada = make_user(first_name="Ada", last_name="Lovelace")
    lead, imported = make_lead(phone="1"), make_lead()
    Lead.objects.filter(pk=lead.pk).update(
        created_by=Author.objects.create(user=ada, name=ada.name), created_through=Door.API
    )
    Lead.objects.filter(pk=imported.pk).update(created_by=None, created_through=None)
    Lead.objects.change(lead.pk, {"phone": "2"}, Actor.of(ada, Door.API))
    nodes = in_order()
    for node in reversed(nodes[nodes.index(("leads", "0012_tell_who_created")) :]):
        take_back(node)
    call_command("migrate", verbosity=0)
    assert not changes.LeadChange.objects.of_lead(imported.pk)
    changed, created = changes.LeadChange.objects.of_lead(lead.pk)
    assert changed.changes == {"phone": ["1", "2"]}
    assert (created.kind, created.changes, created.at) == ("created", {}, lead.created_at)
    assert (created.user_id, created.user_name, created.door) == (ada.pk, "Ada Lovelace", "api")
    assert not Lead.objects.exclude(created_by=None).exists(), "once is enough"
    entries, _ = page_of(Lead.objects.get(pk=lead.pk))
    assert [entry.title for entry in entries] == ["Changed", "Created"]


def undone_import(*users: User | None, stored: bool = True) -> int:
    """An import of a lead each that these users, or an operator of the same name, have undone in turn; its id."""
    run = ImportRun.objects.create(file_name="a.csv", sha256="0", state="undone", undone_by="Ada Lovelace")
    told: changes.Changes = {"is_active": [True, False]}
    for user in users if stored else ():
        by = Actor.of(user, Door.ADMIN) if user else Actor(None, "Ada Lovelace", Door.COMMAND)
        changes.record({make_lead().pk: told}, by, changes.Kind.UNDONE, timezone.now(), run.pk)
    return run.pk


def rows() -> dict[str, int]:
    """How many there are in each of the tables that hold somebody's data."""
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer, who waits anyway")
def test_one_that_does_would_be_found(restored: None) -> None:
    """As two of the baseline would be, which make an index and rename permissions."""
    later = [node for node in in_order() if node not in BASELINE or (node[0] == "leads" and node[1] >= "0007")]
    assert found(later) == {
        ("leads", "0007_index_back_office"): ["reads or writes the rows of leads_lead while its writers wait"]
    }


def found(later: list[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """What is wrong with the last migrations, each met by tables with rows in them."""
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
