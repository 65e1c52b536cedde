"""The import page says what was repaired, and lets the office decide on statuses and the time zone."""

import pytest
from django.test import Client

from leads.models import ImportRun, Lead
from tests.admin.test_import_page import page, upload

pytestmark = pytest.mark.django_db

FILE = "Name,Email,Stage,Created\nAnn Ng,<ann@example.com>,Sphere,5/13/2024 10:22 AM\nBo Li,bo@example.com,Sold,\n"
FORM = {"on_duplicate": "skip", "on_error": "skip", "attempt": "0"}
CHOICES = {"status-value-0": "Sphere", "status-0": "contacted", "status-value-1": "Sold", "status-1": "as is"}


def test_repairs_and_statuses_are_shown_before_and_after(boss: Client) -> None:
    review = upload(boss, FILE)
    html = page(boss, review)
    assert "1 email address cleaned, first: line 2, Email" in html
    assert 'aria-label="What the status “Sold” becomes"' in html
    boss.post(review, {**FORM, "import": "1"})
    assert dict(Lead.objects.values_list("first_name", "status")) == {"Ann": "sphere", "Bo": "closed"}
    html = page(boss, f"/admin/leads/importrun/{ImportRun.objects.get().pk}/change/")
    assert "1 email address cleaned, first: line 2, Email" in html
    assert "Stored as" in html


def test_the_office_decides_on_statuses_and_the_time_zone(boss: Client) -> None:
    review = upload(boss, FILE)
    choices = {**FORM, **CHOICES, "timezone": "America/Chicago"}
    boss.post(review, {**choices, "check": "1"})
    assert '<option value="contacted" selected>' in page(boss, review)
    boss.post(review, {**choices, "import": "1"})
    assert dict(Lead.objects.values_list("first_name", "status")) == {"Ann": "contacted", "Bo": "sold"}
    assert f"{Lead.objects.get(first_name='Ann').created_at:%H:%M}" == "15:22"


def test_all_statuses_may_stay_as_they_are(boss: Client) -> None:
    review = upload(boss, FILE)
    boss.post(review, {**FORM, "statuses_as_is": "on", "check": "1"})
    boss.post(review, {**FORM, "statuses_as_is": "on", "import": "1"})
    assert set(Lead.objects.values_list("status", flat=True)) == {"sphere", "sold"}


@pytest.mark.parametrize("wrong", [{"timezone": "Mars/Olympus"}, {**CHOICES, "status-0": "nonsense"}])
def test_invalid_choices_are_refused(boss: Client, wrong: dict[str, str]) -> None:
    review = upload(boss, FILE)
    boss.post(review, {**FORM, **wrong, "import": "1"})
    assert not Lead.objects.exists()
    assert boss.get(review).status_code == 200
