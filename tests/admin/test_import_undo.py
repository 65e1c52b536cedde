"""What the page of an import offers once a part of it was taken back, and for imports of activities."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from activities.models import Activity
from leads.models import ImportRun, Lead
from tests.admin.lists import page, told
from tests.admin.test_import_runs import RUNS, imported, undo
from tests.factories import make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def shown(browser: Client, run: ImportRun) -> str:
    """The run's page as people read it."""
    return told(page(browser, f"{RUNS}{run.pk}/change/"))


def rename(browser: Client, lead: Lead, name: str) -> None:
    """Change a lead on its page, as a browser without scripts would."""
    lead.refresh_from_db()
    fields = {"first_name": name, "last_name": lead.last_name, "email": lead.email, "phone": lead.phone}
    browser.post(
        f"/admin/leads/lead/{lead.pk}/change/",
        {**fields, "status": lead.status, "source": lead.source, "is_active": "True", "_continue": "1"},
    )


def test_the_rest_of_a_partly_undone_import_is_offered_again(boss: Client) -> None:
    run = imported(boss)
    cy = Lead.objects.get(first_name="Cy")
    rename(boss, cy, "Cyril")
    assert "is partly undone: 1 lead deleted, 1 lead changed since and left as it is." in undo(boss, run)
    text = shown(boss, run)
    for words in ("Partly undone on", f"Left: lead {cy.pk} (edited since).", "Undo the rest", "what is left of"):
        assert words in text
    assert "1 lead of this import is left." in text
    assert "it created will be deleted" not in text
    assert "Partly undone" in told(page(boss, RUNS))


def test_undoing_the_rest_of_it(boss: Client) -> None:
    first = imported(boss)
    second = imported(boss, again="on", on_duplicate="update", status="qualified")
    assert ImportRun.objects.get(pk=second.pk).updated == 2
    assert "can be taken back" in undo(boss, first)  # the second one wrote over its leads
    rename(boss, Lead.objects.get(first_name="Cy"), "Cyril")
    assert "is partly undone: 1 lead given earlier values again, 1 lead changed since" in undo(boss, second)
    assert "is partly undone: 1 lead deleted, 1 lead changed since" in undo(boss, first)
    assert [lead.first_name for lead in Lead.objects.active()] == ["Cyril"]


def test_an_import_that_is_wholly_undone_offers_nothing_more(boss: Client) -> None:
    run = imported(boss)
    assert "is undone: 2 leads deleted." in undo(boss, run)
    text = shown(boss, run)
    assert "Undone on" in text
    assert "Partly" not in text
    assert "Undo the" not in text


@pytest.mark.parametrize(("titles", "asked", "done"), [
    (["Intro call"], "The activity it brought in will be taken out again.", "1 activity taken out"),
    (["Intro call", "Viewing"], "The 2 activities it brought in will be taken out again.", "2 activities taken out"),
])  # fmt: skip
def test_an_import_of_activities_is_taken_back_here_too(
    boss: Client, agent: User, tmp_path: Path, titles: list[str], asked: str, done: str
) -> None:
    lead = make_lead(email="ada@example.com")
    rows = [f"ada@example.com,{agent.username},call,{title},2026-10-03\n" for title in titles]
    file = tmp_path / "activities.csv"
    file.write_text("lead_email,user_name,activity_type,title,activity_date\n" + "".join(rows))
    call_command("import_activities", str(file), verbosity=0)
    run = ImportRun.objects.get(kind="activities")
    assert asked in shown(boss, run)
    assert f"is undone: {done}." in undo(boss, run)
    assert not Activity.objects.exists()
    lead.refresh_from_db()
    assert (lead.is_active, lead.activity_count) == (True, 0)
    text = shown(boss, run)
    assert done in text
    assert "Undo this import" not in text
    assert "new leads" not in text
