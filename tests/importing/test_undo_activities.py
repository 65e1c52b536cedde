"""``manage.py undo_import`` of a run that brought activities in."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from activities.merge import merge
from activities.models import Activity
from leads.merge import suggest_merge
from leads.models import ImportRun, Lead
from tests.activities.command import assert_counted, import_activities, write_activities
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import SOMEBODY, activity_row, make_lead
from tests.importing.test_undo import undo
from users.models import User

pytestmark = pytest.mark.django_db

HEADER = "lead_id,user,activity_type,title,activity_date"


def test_its_activities_go_and_no_others(tmp_path: Path, api: Api, agent: User) -> None:
    ann, bo = make_lead(), make_lead()
    api.post(f"/api/leads/{ann.pk}/activities", activity_row(title="Stays"))
    rows = [f"{lead.pk},{agent.username},call,Goes,2024-05-06" for lead in (ann, bo, ann)]
    path = write_activities(tmp_path, *rows, header=HEADER)
    run = import_activities(path)["run"]
    api.delete(f"/api/leads/{bo.pk}")
    assert "3 activities it created were taken out" in undo(run)
    assert [row["title"] for row in api.get(f"/api/leads/{ann.pk}/activities").json()] == ["Stays"]
    assert_counted()
    assert ImportRun.objects.get(pk=run).state == "undone"
    with pytest.raises(CommandError, match="undone already"):
        undo(run)
    api.put(f"/api/leads/{bo.pk}", {"is_active": True})
    assert import_activities(path, "--on-error", "skip", code=3)["created"] == 2  # it may come again


def test_those_from_before_runs_were_kept_are_not_guessed(tmp_path: Path, agent: User) -> None:
    path = write_activities(tmp_path, f"{make_lead().pk},{agent.username},call,Old,2024-05-06", header=HEADER)
    run = import_activities(path)["run"]
    Activity.objects.update(import_run=None)
    with pytest.raises(CommandError, match="imported before runs were recorded with them"):
        undo(run)
    assert ImportRun.objects.get(pk=run).state == "done"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(settings.DATABASE_URL.startswith("sqlite"), reason="SQLite lets nobody write meanwhile")
def test_leads_that_are_merged_in_that_instant_are_counted_right(tmp_path: Path, agent: User) -> None:
    kept, gone = make_lead(), make_lead()
    rows = [f"{lead.pk},{agent.username},call,Goes,2024-05-06" for lead in (kept, gone, gone)]
    run = import_activities(write_activities(tmp_path, *rows, header=HEADER))["run"]
    plans = [suggest_merge(Lead.objects.active())]

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        """Somebody else merges the leads after undo has seen whose the activities are, before it locks these."""
        if plans and "leads_lead" in sql and "FOR UPDATE" in sql:
            together(partial(merge, plans.pop(), SOMEBODY))
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        assert "3 activities it created were taken out" in undo(run)
    assert not plans
    assert not Activity.objects.exists()
    assert set(Lead.objects.values_list("pk", "activity_count", "is_active")) == {
        (kept.pk, 0, True),
        (gone.pk, 0, False),
    }
