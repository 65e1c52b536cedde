"""The rejects file, corrected and imported again: each row means what it meant in its file."""

import csv
import json
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.forms.models import model_to_dict
from hypothesis import given
from hypothesis import strategies as st

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
    """Return the fields of a lead that come from its row."""
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


HEADERS = ["Name", "Email", "Phone", "Price Range", "Stage", "Created", "Message"]
CELLS = st.sampled_from(
    [
        *("", "", "Ann Ng", "Smith, John", "ann@example.com", "bo@example", "x@y.z; a@b.co", "555-555-0101", "#REF!"),
        *("4.47E+11", "N/A", "300k - 450k", "$2,000/mo", "Sold", "Total", "13/05/2024", "last week", "=1+1", "'x"),
        *("a;b", 'say "hi"', "two\nlines", "Copyright 2024", "\u200b", "José", "#", "0"),
    ]
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=5, max_size=9), min_size=1, max_size=6), delimiter=st.sampled_from(",;\t")
)
def test_rows_with_errors_have_the_same_errors_again(rows: list[list[str]], delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        path, first, second = (Path(folder) / name for name in ("leads.csv", "first.csv", "second.csv"))
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows([HEADERS, *rows])
        report = imported(path, first)
        if report.get("rejected"):
            again = imported(first, second)
            assert [again[name] for name in ("created", "rejected", "left_out")] == [
                *(0, report["rejected"], report["left_out"])
            ]
            assert without_lines(second, delimiter) == without_lines(first, delimiter)
        transaction.set_rollback(True)


def imported(path: Path, rejects: Path) -> dict[str, Any]:
    """Return the report of an import that stores the good rows."""
    out = StringIO()
    options = ("--on-error", "skip", "--rejects", str(rejects), "--report", "json")
    with suppress(SystemExit):
        call_command("import_leads", str(path), *options, stdout=out, stderr=StringIO())
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def without_lines(path: Path, delimiter: str) -> list[list[str]]:
    """The rows of a rejects file without their lines; a row that is too long has two cells more in such a file."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file, delimiter=delimiter))
    return [[re.sub(r"\d+ in th", "in th", row[1]), *row[2:]] for row in rows]


@pytest.mark.parametrize(
    ("label", "amount"),
    [("Summe", "550000"), ("Gesamtsumme:", "550.000,00 €"), ("Zwischensumme", "1"), ("Total général", "550 000 €")],
)
def test_totals_of_other_languages_are_left_out(tmp_path: Path, label: str, amount: str) -> None:
    (path := tmp_path / "liste.csv").write_text(
        f"Name;E-Mail;Budget\nJörg Müller;jm@example.com;1\n{label};;{amount}\n"
    )
    report = import_leads(path)
    assert (report["created"], report["left_out"]) == (1, 1)
