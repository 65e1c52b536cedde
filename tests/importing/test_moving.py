"""Moving from another CRM: every filled cell of its export is found again."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from activities.models import Activity
from crm_project.http.timestamps import iso
from leads.models import ImportRun, Lead
from tests.factories import make_user
from tests.importing.command import import_leads
from tests.importing.moving_office import AGENTS, people
from tests.importing.test_undo import undo

pytestmark = pytest.mark.django_db

MOVE = ("--unknown", "note", "--on-error", "skip")
NAMED_IN_REPORT = {"ID"}  # columns that the report lists as not imported
_word = re.compile(r"\w+")
_amount = re.compile(r"\$?(\d[\d,]+)")


def words(text: str) -> set[str]:
    """Return the words of a text."""
    return set(_word.findall(text.casefold()))


def texts_of(lead: Lead, became: dict[str, set[str]]) -> str:
    """Return all that is stored about a lead; ``became`` has the statuses of the file that each stored one was."""
    own = [lead.first_name, lead.last_name, lead.email, lead.phone, lead.source, lead.property_interest or ""]
    own += [str(amount) for amount in (lead.budget_min, lead.budget_max) if amount is not None]
    own += [iso(lead.created_at), lead.tags, lead.owner.name if lead.owner else "", *became[lead.status]]
    return "\n".join([*own, *(f"{note.title}\n{note.notes}" for note in lead.activities.all())])


def lost_cells(path: Path, report: dict[str, Any]) -> tuple[int, list[tuple[str, str, str]]]:
    """Return the number of filled cells of a file, and those that are found nowhere: address, column, cell."""
    became: dict[str, set[str]] = {}
    for row in report["statuses"]:
        became.setdefault(row["became"], set()).add(row["value"])
    leads = {lead.email: lead for lead in Lead.objects.select_related("owner").prefetch_related("activities")}
    filled, lost = 0, []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = words(texts_of(leads[row["Email 1"]], became))
            cells = [(column, cell) for column, cell in row.items() if cell]
            filled += len(cells)
            for column, cell in cells:
                amount = _amount.fullmatch(cell)
                wanted = {amount[1].replace(",", "")} if amount else words(cell)
                if not wanted <= found and column not in NAMED_IN_REPORT:
                    lost.append((row["Email 1"], column, cell))
    return filled, lost


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_filled_cell_of_an_office_is_found_again(tmp_path: Path, count: int) -> None:
    make_user(username="boss", is_superuser=True, is_staff=True)
    for agent in AGENTS[:2]:
        first_name, _, last_name = agent.partition(" ")
        make_user(username=f"{first_name.lower()}", first_name=first_name, last_name=last_name)
    path, rows = tmp_path / "people.csv", list(people(count))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    report = import_leads(path, *MOVE)
    assert (report["created"], report["rejected"], report["left_out"]) == (count, 0, 0)
    filled, lost = lost_cells(path, report)
    assert filled > 20 * count
    assert lost == []
    assert f"Not imported, a lead has no such field: {', '.join(NAMED_IN_REPORT)}" in report["notes"]
    call_command("verify", verbosity=0)
    if count < 1000:
        undo(report["run"])
        assert not Lead.objects.filter(is_active=True).exists()
        assert Activity.objects.filter(lead__is_active=True).count() == 0
        assert ImportRun.objects.get(pk=report["run"]).undo_report["left"] == 0
