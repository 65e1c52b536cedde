"""``manage.py verify``: every value that is stored twice is falsified, found, printed and repaired."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from activities.models import Activity
from dashboard.queries import stats
from leads.models import ImportRun, Lead
from maintenance.integrity import repair
from maintenance.integrity.checks import BATCH
from tests.conftest import Api, Case
from tests.factories import lead_row, make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


def verify(*arguments: str, code: int = 0) -> list[str]:
    """Return the lines it prints; the last has the numbers of records."""
    out = io.StringIO()
    exit_code = 0
    try:
        call_command("verify", *arguments, stdout=out)
    except SystemExit as stop:
        exit_code = int(str(stop.code))
    assert exit_code == code, out.getvalue()
    return out.getvalue().splitlines()


def test_no_differences() -> None:
    lead = make_lead(status="closed")
    make_activity(lead, make_user())
    make_lead(is_active=False)
    assert verify() == ["1 users, 2 leads, 1 activities, 0 follow-ups, 0 imports: no differences"]


FALSIFIED: list[tuple[str, dict[str, Any], str]] = [
    ("search", {"search": "somebody else"}, "search is 'somebody else', should be 'ada"),
    ("source_key", {"source_key": "x"}, "source_key is 'x', should be 'website'"),
    ("email_key", {"email_key": ""}, "email_key is '', should be 'ada"),
    ("person_key", {"person_key": "1 eve"}, "person_key is '1 eve', should be"),
    ("tag_keys", {"tag_keys": ",vip,"}, "tag_keys is ',vip,', should be ''"),
    ("activity_count", {"activity_count": 7}, "activity_count is 7, should be 2"),
    ("closed_at", {"closed_at": None}, "closed_at is None, should be '20"),
    ("closed_at", {"status": "lost"}, "should be None"),
]


def test_a_falsified_lead_is_found_and_repaired(case: Case) -> None:
    for column, falsified, message in FALSIFIED:
        with case(column, falsified, message):
            user, lead = make_user(), make_lead(status="closed")
            for _ in range(2):
                make_activity(lead, user)
            Lead.objects.filter(pk=lead.pk).update(**falsified)
            version = Lead.objects.get(pk=lead.pk).version
            line, summary = verify(code=1)
            assert line.startswith(f"lead {lead.pk}: {column} ")
            assert message in line
            assert summary.endswith("1 differences, 0 repaired")
            assert verify("--repair") == [line, summary.replace("0 repaired", "1 repaired")]
            assert len(verify()) == 1
            assert Lead.objects.get(pk=lead.pk).version == version  # an ETag of before is still good


def test_an_activity_that_was_deleted_by_sql_is_counted() -> None:
    lead, user = make_lead(), make_user()
    make_activity(lead, user)
    Activity.objects.all().delete()
    assert verify("--repair")[0] == f"lead {lead.pk}: activity_count is 1, should be 0"
    assert stats()["total_activities"] == 0


def test_users_keys() -> None:
    first = make_user(username="Émile")
    User.objects.filter(pk=first.pk).update(username_key="x", email_key=None)
    lines = verify("--repair")
    assert lines[0] == f"user {first.pk}: username_key is 'x', should be 'émile'"
    assert len(lines) == 3
    assert len(verify()) == 1


def test_a_key_that_another_user_has_is_not_repaired_and_all_else_is() -> None:
    make_user(username="Émile")
    second, lead = make_user(), make_lead()
    User.objects.filter(pk=second.pk).update(username="ÉMILE", email_key="x")
    Lead.objects.filter(pk=lead.pk).update(search="")
    *_, conflict, summary = verify("--repair", code=1)
    assert conflict == f"user {second.pk}: username_key not repaired, another has 'émile'"
    assert summary.endswith("3 differences, 2 repaired")
    assert len(verify(code=1)) == 2


def test_totals_of_imports() -> None:
    run = make_import("done", read=3, created=2, skipped=1)
    Lead.objects.filter(pk=make_lead().pk).update(import_run=run)
    assert verify("--repair")[0] == f"import {run.pk}: leads is 1, should be 2"
    assert len(verify()) == 1
    run.refresh_from_db()
    assert (run.read, run.created, run.skipped) == (2, 1, 1)
    assert run.notes == ["verify --repair: 2 leads were recorded as created, 1 exist"]


@pytest.mark.parametrize("state", ["refused", "dry", "running"])
def test_leads_of_an_import_that_stored_none(state: str) -> None:
    run, lead = make_import(state), make_lead()
    Lead.objects.filter(pk=lead.pk).update(import_run=run)
    assert verify("--repair")[0] == f"import {run.pk}: leads is 1, should be 0"
    assert Lead.objects.get().import_run is None
    assert len(verify()) == 1


def test_activities_of_imports() -> None:
    run = make_import("done", kind="activities", read=2, created=2)
    activity = make_activity(make_lead(), make_user())
    Activity.objects.filter(pk=activity.pk).update(import_run=run)
    assert len(verify()) == 1, "people delete activities"
    ImportRun.objects.update(state="undone")
    assert verify("--repair")[0] == f"import {run.pk}: activities is 1, should be 0"
    assert len(verify()) == 1


def test_rows_of_an_import_that_does_not_exist() -> None:
    lead = make_lead()
    activity = make_activity(lead, make_user())
    Lead.objects.filter(pk=lead.pk).update(import_run=99)
    Activity.objects.filter(pk=activity.pk).update(import_run=98)
    try:
        assert verify(code=1)[:-1] == [
            f"lead {lead.pk}: import_run is 99, should be 'an existing import'",
            f"activity {activity.pk}: import_run is 98, should be 'an existing import'",
        ]
    finally:
        verify("--repair")
    assert len(verify()) == 1
    assert Lead.objects.get().import_run is None


def make_import(state: str, **totals: Any) -> ImportRun:
    """Return a stored import."""
    return ImportRun.objects.create(file_name="a.csv", sha256="0", state=state, **totals)


@pytest.mark.django_db(transaction=True)
def test_repairs_all_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure in the last step undoes the repairs before it."""
    user, lead = make_user(), make_lead()
    User.objects.filter(pk=user.pk).update(username_key="x")
    Lead.objects.filter(pk=lead.pk).update(search="x")

    def fail(*_: Any) -> None:
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patched:
        patched.setattr(repair, "repair_users", fail)
        with pytest.raises(OperationalError):
            verify("--repair")
    assert Lead.objects.get().search == "x"
    assert len(verify(code=1)) == 3
    verify("--repair")
    assert len(verify()) == 1


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite stores no counts")
def test_counts_that_a_restore_doubled() -> None:
    """As after ``loaddata``: it stores the counts, and the triggers count the loaded leads as well."""
    make_activity(make_lead(status="closed"), make_user())
    before = stats()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leads_leadcount (kind, status, day, leads, activities)"
            " SELECT kind, status, day, leads, activities FROM leads_leadcount"
        )
    assert stats()["total_leads"] == 2
    lines = verify("--repair")
    assert lines[0].startswith("count closed ")
    assert len(lines) == 4
    assert stats() == before
    assert len(verify()) == 1


def test_more_leads_than_a_batch(api: Api, django_assert_max_num_queries: Any) -> None:
    ids = [row["id"] for row in api.post("/api/leads", [lead_row() for _ in range(BATCH + 5)]).json()]
    ends = [ids[0], ids[-1]]
    Lead.objects.filter(pk__in=ends).update(search="")
    with django_assert_max_num_queries(20):
        lines = verify(code=1)[:-1]
    assert [line.partition(":")[0] for line in lines] == [f"lead {pk}" for pk in ends]
