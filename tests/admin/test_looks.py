"""Titles and times that every list has in common."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from leads.models import ImportRun
from tests.admin.lists import page, told
from tests.factories import make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db
WHEN = datetime(2026, 11, 3, 8, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("leads/lead/", "Leads"),
        ("activities/activity/", "Activities"),
        ("leads/importrun/", "Imports"),
        ("users/user/", "Users"),
        ("auth/group/", "Groups"),
    ],
)
def test_a_list_s_window_is_called_after_what_it_lists(boss: Client, path: str, title: str) -> None:
    head = page(boss, f"/admin/{path}").partition("</title>")[0]
    assert told(head.rpartition("<title>")[2]).strip() == f"{title} | Real Estate CRM"


def test_times_are_written_alike_everywhere(boss: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(last_login=WHEN)
    ImportRun.objects.create(file_name="portal.csv", sha256="0", state="done", started_at=WHEN)
    make_activity(make_lead(), agent, activity_date="2026-11-03")
    for path, said in (
        ("users/user/", "3 Nov 2026, 08:05"),
        (f"users/user/{agent.pk}/change/", "3 Nov 2026, 08:05"),
        ("leads/importrun/", "3 Nov 2026, 08:05"),
        ("activities/activity/", "3 Nov 2026"),
    ):
        assert said in told(page(boss, f"/admin/{path}"))
