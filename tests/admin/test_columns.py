"""The columns of the list of leads, which each user chooses."""

import re

import pytest
from django.test import Client

from leads.models import ListColumns
from tests.admin.lists import page
from tests.admin.people import browser_of
from tests.admin.test_actions import LIST, follow
from tests.factories import make_lead

pytestmark = pytest.mark.django_db


def columns(browser: Client, query: str = "") -> list[str]:
    """Return the columns of the table's rows."""
    return re.findall(r'class="field-(\w+)"', page(browser, f"{LIST}?{query}").partition("<tbody>")[2])


def test_it_works(boss: Client) -> None:
    make_lead(source="Zillow", email="a.long.name.of.a.person@subdomain.example.com")
    standard = ["name", "contact", "state", "whose", "budget", "last_activity", "created"]
    assert columns(boss) == standard
    assert "a.long.name.of.a.person<wbr>@subdomain.example.com" in page(boss, LIST)
    chosen = {"_columns": "1", "column": ["source", "contact", "nonsense"]}
    assert "Columns saved." in follow(boss.post(f"{LIST}?q=a", chosen), boss)
    assert columns(boss) == ["name", "contact", "source"]
    assert columns(boss, "o=-8") == ["name", "contact", "source"]  # a link's order may be that of a hidden column
    assert columns(browser_of("manager")) == standard
    follow(boss.post(LIST, {"_columns": "standard", "column": ["source"]}), boss)
    assert columns(boss) == standard
    assert not ListColumns.objects.exists()


def test_buttons_have_words(boss: Client) -> None:
    make_lead()
    text = page(boss, LIST)
    assert re.findall(r'class="crm-(?:tool|button)\b[^>]*>([^<]+)<', text) == [
        "Add lead", "Columns", "Save", "Standard", "Import", "Export",
    ]  # fmt: skip
    export = {"action": "export", "select_across": "1", "_selected_action": "0"}  # what the button sends
    assert "Export 1 lead?" in boss.post(LIST, export).content.decode()
    assert "Import a file" in page(boss, "/admin/leads/importrun/")
