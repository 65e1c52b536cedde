"""Undo of partly undone imports, and of imports of activities."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from activities.models import Activity
from leads.models import ImportRun, Lead
from tests.admin.lists import page, visible_text
from tests.admin.test_import_runs import RUNS, imported, undo
from tests.factories import make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def run_text(browser: Client, run: ImportRun) -> str:
    """Return the text of the page of an import."""
    return visible_text(page(browser, f"{RUNS}{run.pk}/change/"))


def rename(browser: Client, lead: Lead, name: str) -> None:
    """Change the first name of a lead on its page."""
    lead.refresh_from_db()
    fields = {"first_name": name, "last_name": lead.last_name, "email": lead.email, "phone": lead.phone}
    browser.post(
        f"/admin/leads/lead/{lead.pk}/change/",
        {**fields, "status": lead.status, "source": lead.source, "is_active": "True", "_continue": "1"},
    )


def test_a_partly_undone_import(boss: Client) -> None:
    run = imported(boss)
    cy = Lead.objects.get(first_name="Cy")
    rename(boss, cy, "Cyril")
    assert "partly undone: 1 lead deleted, 1 lead changed since and left unchanged." in undo(boss, run)
    text = run_text(boss, run)
    for words in (
        "Partly undone on",
        f"Unchanged: lead {cy.pk} (edited since).",
        "Undo remaining",
        "Show the remaining",
    ):
        assert words in text
    assert "1 lead of this import is not undone." in text
    assert "that it created will be deleted" not in text
    assert "Partly undone" in visible_text(page(boss, RUNS))


def test_undoing_a_later_import_first(boss: Client) -> None:
    first = imported(boss)
    second = imported(boss, again="on", on_duplicate="update", status="qualified")
    assert ImportRun.objects.get(pk=second.pk).updated == 2
    assert "can be taken back" in undo(boss, first)  # the second one updated its leads
    rename(boss, Lead.objects.get(first_name="Cy"), "Cyril")
    assert "partly undone: 1 lead reset to their previous values, 1 lead changed since" in undo(boss, second)
    assert "partly undone: 1 lead deleted, 1 lead changed since" in undo(boss, first)
    assert [lead.first_name for lead in Lead.objects.active()] == ["Cyril"]


def test_a_completely_undone_import(boss: Client) -> None:
    run = imported(boss)
    assert " undone: 2 leads deleted." in undo(boss, run)
    text = run_text(boss, run)
    assert "Undone on" in text
    assert "Partly" not in text
    assert "Undo remaining" not in text


@pytest.mark.parametrize(("titles", "question", "result"), [
    (["Intro call"], "The activity that it created will be deleted.", "1 activity deleted"),
    (["Intro call", "Viewing"], "The 2 activities that it created will be deleted.", "2 activities deleted"),
])  # fmt: skip
def test_an_import_of_activities(
    boss: Client, agent: User, tmp_path: Path, titles: list[str], question: str, result: str
) -> None:
    lead = make_lead(email="ada@example.com")
    rows = [f"ada@example.com,{agent.username},call,{title},2026-10-03\n" for title in titles]
    file = tmp_path / "activities.csv"
    file.write_text("lead_email,user_name,activity_type,title,activity_date\n" + "".join(rows))
    call_command("import_activities", str(file), verbosity=0)
    run = ImportRun.objects.get(kind="activities")
    assert question in run_text(boss, run)
    assert f" undone: {result}." in undo(boss, run)
    assert not Activity.objects.exists()
    lead.refresh_from_db()
    assert (lead.is_active, lead.activity_count) == (True, 0)
    text = run_text(boss, run)
    assert result in text
    assert "Undo this import" not in text
    assert "new leads" not in text
