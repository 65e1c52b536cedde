"""Duplicates on the import page: who is whose, what happens to the lead, the download."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leads.models import ImportRun, Lead
from tests.admin.test_import_page import page, upload
from tests.factories import make_lead, make_user

pytestmark = pytest.mark.django_db

FILE = (
    "First Name,Last Name,Email,Phone,Status\n"
    "Ada,Lovelace,ADA@example.com,555-555-0100,new\n"
    "Bo,Li,bo@example.com,,new\n"
    "Bo,Li,bo@example.com,555-555-0101,new\n"
    "Jane,Lovelace,ada@example.com,,new\n"
)


def text_of(html: str) -> str:
    """Return the text of a page, with single spaces."""
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def ada() -> Lead:
    return make_lead(
        first_name="Ada", last_name="Lovelace", email="ada@example.com", phone="", status="qualified", source="Zillow"
    )


def imported(browser: Client, **choices: str) -> ImportRun:
    """Import ``FILE`` with these choices."""
    review = upload(browser, FILE)
    for action in ("check", "import"):
        browser.post(review, {"on_error": "skip", "attempt": "0", **choices, action: "1"})
    return ImportRun.objects.latest("pk")


def test_the_preview_shows_each_duplicate_beside_its_lead(boss: Client) -> None:
    lead = ada()
    html = page(boss, upload(boss, FILE))
    text = text_of(html)
    assert "2 duplicates" in text
    assert "2 Ada Lovelace ADA@example.com 555-555-0100 Ada Lovelace ada@example.com qualified Zillow created" in text
    assert "same email and name Skipped" in text
    assert f'href="/admin/leads/lead/{lead.pk}/change/"' in html
    assert "4 Bo Li bo@example.com 555-555-0101 line 3 of this file Skipped" in text
    assert "1 row has the address of somebody of another name, and became a lead of its own." in text
    # They are marked among the first rows too.
    assert [line for line in "2345" if f"{line} Skipped" in text] == ["2", "4"]
    assert not ImportRun.objects.exists()


def test_details_of_leads_are_for_those_who_may_view_leads(boss: Client) -> None:
    lead = ada()
    importer = make_user(is_staff=True)
    importer.user_permissions.set(Permission.objects.filter(codename__in=("import_leads", "view_importrun")))
    browser = Client()
    browser.force_login(importer)
    html = page(browser, upload(browser, FILE))
    assert f"lead {lead.pk} Skipped" in text_of(html)
    assert "Zillow" not in html


@pytest.mark.parametrize(
    ("choices", "phone", "status"),
    [
        ({"on_duplicate": "skip"}, "", "qualified"),
        ({"on_duplicate": "fill"}, "555-555-0100", "qualified"),
        ({"on_duplicate": "update"}, "555-555-0100", "qualified"),
        ({"on_duplicate": "update", "update_status": "on"}, "555-555-0100", "new"),
        ({"on_duplicate": "skip", "update_status": "on"}, "", "qualified"),
    ],
)
def test_what_becomes_of_the_lead(boss: Client, choices: dict[str, str], phone: str, status: str) -> None:
    lead = ada()
    run = imported(boss, **choices)
    lead.refresh_from_db()
    assert (lead.phone, lead.status, run.created) == (phone, status, 2)


def test_the_duplicates_can_be_downloaded(boss: Client) -> None:
    lead = ada()
    run = imported(boss, on_duplicate="update")
    html = page(boss, f"/admin/leads/importrun/{run.pk}/change/")
    assert "Download the duplicates" in html
    assert "Download the rows with errors" not in html
    assert "2 Ada Lovelace ADA@example.com 555-555-0100 Ada Lovelace ADA@example.com" in text_of(html)
    assert "Updated the lead" in html
    reply = boss.get(f"/admin/leads/importrun/{run.pk}/skipped/")
    first, second = b"".join(reply.streaming_content).decode().splitlines()[1:]  # type: ignore[attr-defined]
    assert first == f"2,updated: the same email as lead {lead.pk},Ada,Lovelace,ADA@example.com,555-555-0100,new"
    assert second == "4,updated: the same email as line 3,Bo,Li,bo@example.com,555-555-0101,new"
    assert reply["Content-Disposition"] == f'attachment; filename="import-{run.pk}-duplicates.csv"'


def test_an_import_without_duplicates_has_none_to_download(boss: Client) -> None:
    run = imported(boss, on_duplicate="create")
    html = page(boss, f"/admin/leads/importrun/{run.pk}/change/")
    assert "Download" not in html
    assert boss.get(f"/admin/leads/importrun/{run.pk}/skipped/").status_code == 302


def test_rows_like_existing_leads_are_reported_without_options_of_the_command(boss: Client) -> None:
    ada()
    review = upload(boss, FILE)
    boss.post(review, {"on_error": "skip", "on_duplicate": "create", "attempt": "0", "check": "1"})
    assert "1 of 4 rows looks like an existing lead" in page(boss, review)
    run = imported(boss, on_duplicate="create")
    html = page(boss, f"/admin/leads/importrun/{run.pk}/change/")
    assert "1 of 4 rows looks like an existing lead" in html
    assert "--on-duplicate" not in html


def test_any_number_of_duplicates_takes_the_same_queries(boss: Client) -> None:
    def queries(number: int) -> int:
        rows = "".join(f"Ann{n},Ng,ann{n}@example.com,,new\n" for n in range(number))
        review = upload(boss, "First Name,Last Name,Email,Phone,Status\n" + rows)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page(boss, review)
        return len(captured)

    for n in range(30):
        make_lead(first_name=f"Ann{n}", last_name="Ng", email=f"ann{n}@example.com")
    assert queries(30) == queries(1)
