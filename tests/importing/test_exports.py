"""Small files as other programs export them: every column is known, and the leads come in as they were there."""

from datetime import date
from pathlib import Path

import pytest

from leads.models import Lead
from tests.importing.command import import_leads

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parent / "exports"
DAY = date(2024, 5, 13)
# What of Ann's lead differs between the programs: status, source, budget, and when she came in.
ANN = {
    "boomtown": ("new", "Google PPC", 300_000, 450_000, DAY),
    "follow_up_boss": ("new", "Zillow", None, 449_900, DAY),
    "google_contacts": ("new", "website", None, None, None),
    "hubspot": ("new", "Organic Search", None, None, DAY),
    "kvcore": ("prospect", "Facebook", None, 425_000, DAY),
    "liondesk": ("new", "Zillow", None, None, DAY),
    "mailchimp": ("new", "website", None, None, DAY),
    "outlook": ("new", "website", None, None, None),
    "pipedrive": ("new", "website", None, None, DAY),
    "realtor_com": ("new", "Realtor.com", None, 449_900, DAY),
    "salesforce": ("new", "Web", None, None, DAY),
    "zillow": ("new", "Zillow", 300_000, 450_000, DAY),
    "zoho": ("attempted to contact", "Online Store", None, None, DAY),
}


def test_there_is_an_expectation_for_every_file() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == ANN.keys()


@pytest.mark.parametrize("program", ANN)
def test_every_lead_comes_in(program: str) -> None:
    report = import_leads(FOLDER / f"{program}.csv")
    assert (report["created"], report["rejected"]) == (2, 0)
    ann, other = Lead.objects.order_by("pk")
    assert (ann.first_name, ann.last_name, ann.email) == ("Ann", "Ng", "ann@example.com")
    assert ann.search.rpartition("\n")[2].endswith("5555550101")
    assert (other.first_name, other.last_name) in {("Bo", "Li"), ("Zoë", "Ólafsdóttir")}
    status, source, lowest, highest, day = ANN[program]
    assert (ann.status, ann.source, ann.budget_min, ann.budget_max) == (status, source, lowest, highest)
    assert day in (None, ann.created_at.date())


def test_what_does_not_fit_into_one_field_is_counted() -> None:
    notes = import_leads(FOLDER / "follow_up_boss.csv")["notes"]
    assert "Column 'Email 2' was used only where 'Email 1' was blank: 1 value of it was left over." in notes
    assert "Column 'Phone 2' was used only where 'Phone 1' was blank: 1 value of it was left over." in notes
