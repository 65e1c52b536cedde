"""Columns that say what somebody does not want revoke the consent of the lead."""

from pathlib import Path

import pytest
from django.core.management import call_command

from leads.consents import Consent
from leads.models import ImportRun, Lead
from tests.factories import SOMEBODY, make_lead, make_user

pytestmark = pytest.mark.django_db

FILE = """First Name,Last Name,Email,Phone,Do Not Call,Email Opt Out,SMS Opt Out,Do Not Contact
Ann,Ng,ann@example.com,555-555-0101,true,true,,
Bo,Li,bo@example.com,555-555-0102,false,no,,
Cy,Oh,cy@example.com,555-555-0103,,,Yes,
Di,Po,di@example.com,555-555-0104,,,,Yes
"""
EXPECTED = {
    "Ann": ["revoked", None, "revoked"],
    "Bo": [None, None, None],
    "Cy": [None, "revoked", None],
    "Di": ["revoked", "revoked", "revoked"],
}


def in_force() -> dict[str, list[str | None]]:
    names = dict(Lead.objects.values_list("pk", "first_name"))
    return {names[pk]: list(found.values()) for pk, found in Consent.objects.in_force(list(names)).items()}


@pytest.mark.parametrize("on_duplicate", ["create", "skip", "fill", "update"])
def test_new_and_stored_leads(tmp_path: Path, on_duplicate: str) -> None:
    make_user(is_superuser=True)
    texts = None
    (file := tmp_path / "leads.csv").write_text(FILE)
    if on_duplicate != "create":
        ann = make_lead(first_name="Ann", last_name="Ng", email="ann@example.com", phone="555-555-0101")
        granted = {"channel": "all", "state": "granted", "wording": None, "evidence": None}
        Consent.objects.record(ann.pk, granted, SOMEBODY)
        texts = "granted"
    call_command("import_leads", str(file), on_duplicate=on_duplicate, dry_run=True, verbosity=0)
    assert Consent.objects.count() == (on_duplicate != "create")
    call_command("import_leads", str(file), on_duplicate=on_duplicate, verbosity=0)
    assert in_force() == EXPECTED | {"Ann": ["revoked", texts, "revoked"]}
    run = ImportRun.objects.get(state="done")
    assert any("do not want calls" in note or "does not want calls" in note for note in run.notes)
    stored = Consent.objects.exclude(import_run=None)
    assert {consent.evidence for consent in stored} == {"Import of leads.csv"}
    count = Consent.objects.count()
    if on_duplicate != "create":
        call_command("import_leads", str(file), on_duplicate=on_duplicate, again=True, verbosity=0)
        assert Consent.objects.count() == count


@pytest.mark.parametrize(
    ("columns", "ann", "bo"),
    [
        ("Email Marketing Status", "Unsubscribed", "Subscribed"),
        ("Marketing status", "Opted out", "true"),
        ("Subscription Status", "opt-out", "1"),
        ("UNSUB_TIME,UNSUB_REASON", "2026-03-04 05:06:07,NORMAL", ","),
        ("Unsubscribed Time", "2026-03-04 05:06", "0000-00-00 00:00"),
    ],
)
def test_mailing_lists_say_who_opted_out(tmp_path: Path, columns: str, ann: str, bo: str) -> None:
    make_user(is_superuser=True)
    (file := tmp_path / "audience.csv").write_text(
        f"Email Address,First Name,Last Name,{columns}\nann@example.com,Ann,Ng,{ann}\nbo@example.com,Bo,Li,{bo}\n"
    )
    call_command("import_leads", str(file), verbosity=0)
    assert in_force() == {"Ann": [None, None, "revoked"], "Bo": [None, None, None]}
    assert set(Lead.objects.values_list("status", flat=True)) == {"new"}
