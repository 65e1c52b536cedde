"""The rejects file, corrected and imported again: each row means what it meant in its file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.forms.models import model_to_dict

from leads.models import Lead
from tests.importing.command import import_leads, rows_of

pytestmark = pytest.mark.django_db

HEADER = "First Name;Last Name;Email;Source;Lead Source;Date Added"
GOOD, BAD = "Ann;Ng;ann@example.com;Expo;Fair;25/04/2024", "Bo;Núñez;bo@example,;Expo;Fair;03/04/2024 10:30"
CORRECTED = ("bo@example,", "bo@example.com")
NUMBERED = ("#1=first_name", "#2=last_name", "#3=email", "#4=source")
BY_NUMBER = ("--no-header", *(word for column in NUMBERED for word in ("--map", column)))
CHICAGO = ("--timezone", "America/Chicago")

# The file's text, its encoding, the options of the first import, and those that are given again.
FED_BACK = {
    "nothing is given": ((HEADER, GOOD, BAD), "utf-8", (), ()),
    "dates in another zone": ((HEADER, GOOD, BAD), "utf-8", CHICAGO, ()),
    "the zone is given again": ((HEADER, GOOD, BAD), "utf-8", CHICAGO, CHICAGO),
    "a value in the place of two columns": ((HEADER, GOOD, BAD), "utf-8", ("--set", "source=Open house"), ()),
    "a value without a column": ((HEADER, GOOD, BAD), "utf-8", ("--set", "property_interest==loft"), ()),
    "a date for all rows": (
        (HEADER, GOOD, BAD),
        "utf-8",
        ("--set", "created_at=03/04/2024", "--dates", "day-first"),
        (),
    ),
    "the encoding is given again": ((HEADER, GOOD, BAD), "cp1252", *[("--encoding", "cp1252")] * 2),
    "numbered columns": (
        ("Ann;Ng;ann@example.com;Expo", "Bo;Núñez;bo@example,;Expo"),
        "utf-8",
        BY_NUMBER,
        BY_NUMBER,
    ),
    "numbered columns, nothing is given again": (
        ("Ann;Ng;ann@example.com;Expo", "Bo;Núñez;bo@example,;Expo"),
        "utf-8",
        BY_NUMBER,
        (),
    ),
}


@pytest.mark.parametrize(("lines", "encoding", "options", "again"), FED_BACK.values(), ids=FED_BACK)
def test_corrected_rows_are_what_they_would_have_been(
    lines: Sequence[str], encoding: str, options: Sequence[str], again: Sequence[str], tmp_path: Path
) -> None:
    path, rejects, direct = tmp_path / "leads.csv", tmp_path / "rejects.csv", tmp_path / "direct.csv"
    text = "\n".join((*lines, ""))
    path.write_text(text, encoding=encoding)
    direct.write_text(text.replace(*CORRECTED), encoding=encoding)
    import_leads(direct, *options)
    expected = values("Bo")
    Lead.objects.all().delete()
    import_leads(path, *options, "--on-error", "skip", "--rejects", rejects, code=3)
    import_leads(rejects, *again, "--dry-run", code=1)  # it is rejected again as it is
    rejects.write_text(rejects.read_text(encoding="utf-8").replace(*CORRECTED), encoding="utf-8")
    import_leads(rejects, *again)
    assert values("Bo") == expected


def values(first_name: str) -> dict[str, Any]:
    """The fields of a lead that come from its row."""
    lead = Lead.objects.get(first_name=first_name)
    names = ("last_name", "email", "phone", "status", "source", "property_interest")
    return {**model_to_dict(lead, names), "created_at": "now" if lead.created_at.year > 2025 else lead.created_at}


def test_rows_that_were_left_out_are_left_out_again(tmp_path: Path) -> None:
    path, rejects = tmp_path / "leads.csv", tmp_path / "rejects.csv"
    path.write_text("Name,Email,Source\nAnn Ng,ann@example.com,x\nSaturday,,\nTotal,2,\n")
    report = import_leads(path, "--set", "source=Fair", "--rejects", rejects)
    assert rejects.read_bytes().startswith(b"\xef\xbb\xbfimport_line,import_problems,Name,Email,Source")
    assert report["left_out"] == len(rows_of(rejects)) == 1
    assert import_leads(rejects)["left_out"] == 1
