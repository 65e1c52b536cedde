"""Titles and times of the lists."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from leads.models import ImportRun
from tests.admin.lists import page, visible_text
from tests.conftest import Case
from tests.factories import make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db
WHEN = datetime(2026, 11, 3, 8, 5, tzinfo=UTC)


def test_titles_of_lists(boss: Client, case: Case) -> None:
    for path, title in [
        ("leads/lead/", "Leads"),
        ("activities/activity/", "Activities"),
        ("leads/importrun/", "Imports"),
        ("users/user/", "Users"),
        ("auth/group/", "Groups"),
        ("leads/", "Leads"),
    ]:
        with case(path, title):
            head = page(boss, f"/admin/{path}").partition("</title>")[0]
            assert visible_text(head.rpartition("<title>")[2]).strip() == f"{title} | Real Estate CRM"


def test_headings(boss: Client, case: Case) -> None:
    for path, heading in [
        ("", "Home"),
        ("leads/", "Leads"),
        ("leads/lead/", "Leads"),
        ("leads/lead/add/", "Leads chevron_right Add lead"),
        ("leads/importrun/add/", "Imports chevron_right Import leads"),
        ("sessions/", "Your sessions"),
    ]:
        with case(path, heading):
            (html,) = re.findall(r"<h1.*?</h1>", page(boss, f"/admin/{path}"), re.DOTALL)
            assert visible_text(html).strip() == heading


def test_times_have_one_format(boss: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(last_login=WHEN)
    ImportRun.objects.create(file_name="portal.csv", sha256="0", state="done", started_at=WHEN)
    make_activity(make_lead(), agent, activity_date="2026-11-03")
    for path, text in (
        ("users/user/", "3 Nov 2026, 08:05"),
        (f"users/user/{agent.pk}/change/", "3 Nov 2026, 08:05"),
        ("leads/importrun/", "3 Nov 2026, 08:05"),
        ("activities/activity/", "3 Nov 2026"),
    ):
        assert text in visible_text(page(boss, f"/admin/{path}"))
