"""What the reports of imports say of cells, and the options that decide about statuses and time zones."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leads.importing import pipeline
from leads.models import ImportRun, Lead
from tests.conftest import Api
from tests.importing.command import import_leads, summary, write_csv

pytestmark = pytest.mark.django_db


def test_repairs_are_counted_by_kind_with_the_first_ten(tmp_path: Path) -> None:
    path = write_csv(tmp_path, *(f"Ann,mailto:a{n}@example.com" for n in range(12)), header="First Name,Email")
    report = import_leads(path)
    assert len(report["repairs"]) == 10
    assert report["repairs"][0] == {
        "kind": "email_cleaned",
        "count": 12,
        "line": 2,
        "column": "Email",
        "before": "mailto:a0@example.com",
        "after": "a0@example.com",
    }
    text = summary(path, "--again")
    assert "12 email addresses cleaned, first: line 2, Email: 'mailto:a0@example.com' → 'a0@example.com'" in text


def test_the_report_is_the_same_where_another_process_checks_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"Ann,ask wife,{status}" for status in ("Sold", "Sphere")] * 1200
    path = write_csv(tmp_path, *rows, header="First Name,Phone,Stage")
    here = import_leads(path)
    monkeypatch.setattr(pipeline, "AHEAD", 0)
    monkeypatch.setattr("threading.active_count", lambda: 1)
    there = import_leads(path, "--again")
    lists = ("repairs", "statuses", "remainders")
    assert {name: here[name] for name in lists} == {name: there[name] for name in lists}
    assert len(here["remainders"]) == 1000
    assert here["remainders"][0] == {"line": 2, "column": "Phone", "value": "ask wife"}
    assert here["statuses"] == [
        {"value": "Sold", "became": "closed", "count": 1200},
        {"value": "Sphere", "became": "sphere", "count": 1200},
    ]


def test_json_is_repaired_too(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    rows = [
        {"name": "Ng, Ann (buyer)", "email": "<ann@example.com>", "budget": 450, "created": 1715612531},
        {"name": "Bo\u200b Li", "email": None, "budget": {"max": 5}, "created": ["2024"]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = import_leads(path)
    ann, bo = Lead.objects.order_by("pk")
    assert (ann.first_name, ann.last_name, ann.email, ann.budget_max) == ("Ann", "Ng", "ann@example.com", 450_000)
    assert ann.created_at == datetime(2024, 5, 13, 15, 2, 11, tzinfo=UTC)
    assert (bo.first_name, bo.last_name, bo.budget_max) == ("Bo", "Li", None)
    assert [row["line"] for row in report["remainders"]] == [1, 2, 2]


def test_files_of_our_own_are_taken_as_they_are(tmp_path: Path, api: Api) -> None:
    header = "id,first_name,last_name,email,phone,status,source,budget_min,budget_max,property_interest,is_active"
    row = "1,NULL,a &amp; b (c),none@none.com,1; 2,sold,-,5,7,x,true"
    path = write_csv(tmp_path, f"{row},,,0", header=f"{header},created_at,updated_at,activity_count")
    report = import_leads(path)
    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name, lead.email) == ("NULL", "a &amp; b (c)", "none@none.com")
    assert (lead.phone, lead.status, lead.source) == ("1; 2", "sold", "-")
    assert (lead.budget_min, lead.budget_max, lead.property_interest) == (5, 7, "x")
    assert (report["repairs"], report["remainders"]) == ([], [])


def test_times_are_in_the_zone_of_the_office_and_the_api_replies_utc(tmp_path: Path, api: Api, settings: Any) -> None:
    settings.TIME_ZONE = "America/Chicago"
    path = write_csv(tmp_path, "Ann,5/13/2024", "Bo,2024-05-13T10:22:11Z", header="Name,Created")
    import_leads(path)
    shown = [api.get(f"/api/leads/{lead.pk}").json()["created_at"] for lead in Lead.objects.order_by("pk")]
    assert shown == ["2024-05-13T05:00:00.000000", "2024-05-13T10:22:11.000000"]
    import_leads(path, "--again", "--timezone", "Europe/Berlin")
    assert f"{Lead.objects.latest('pk').created_at:%H:%M}" == "10:22"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--timezone", "Mars/Olympus"),
        ("--map-status", "Sphere"),
        ("--map-status", "Sphere="),
        ("--map-status", f"Sphere={'x' * 33}"),
        ("--map-status", "Hot=new", "--map-status", "Hot=lost"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    import_leads(write_csv(tmp_path, "Ann", header="Name"), *wrong, code=2)
    assert not ImportRun.objects.exists()
