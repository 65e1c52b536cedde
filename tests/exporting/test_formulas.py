"""No cell of a file that leaves the house is run as a formula, whatever separator the spreadsheet takes it apart by."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from activities.models import Activity
from leads import formula_escape
from leads.models import ImportRun, Lead
from tests.admin.conftest import boss as boss
from tests.admin.test_actions import confirm, start
from tests.admin.test_import_page import ADD
from tests.exporting.command import export_leads
from tests.exporting.test_round_trip import empty_the_table, stored
from tests.factories import activity_row, make_activity, make_lead, make_user
from tests.importing.command import import_leads

FORMULA = "=cmd|'/c calc'!A1"
SIGNS = "=+-@＝＋－＠"
SEPARATORS = ",;|\t"
HOSTILE = [
    *(f"{sign}1+1" for sign in SIGNS),
    *(f"a{divider}{sign}1" for divider in (";", ",", "|", "\t", "\n", "\r\n") for sign in SIGNS),
    f" {FORMULA}",
    f"\ufeff{FORMULA}",
    f"a; {FORMULA}",
    f'a;"{FORMULA}',
    f'a;""{FORMULA}',
    f'a,b;"x";{FORMULA};',
    f"a;'{FORMULA}",
    f"'a;'{FORMULA}",
    f"'{FORMULA}",
    f"two\n\n- lines\n{FORMULA}",
]


def cells_of(text: str, separator: str) -> list[str]:
    """The cells that a spreadsheet with this list separator sees, and those of one that knows no quotation marks."""
    known = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    plain = [cell.strip(' "') for cell in re.split(rf"[\r\n{re.escape(separator)}]", text)]
    return known + plain


def run_as_formulas(file: bytes) -> list[str]:
    """Return the cells that some spreadsheet runs; a number is none."""
    text = file.decode("utf-8-sig")
    found = [cell for separator in SEPARATORS for cell in cells_of(text, separator)]
    return [cell for cell in found if cell.strip(" \ufeff\u200b\t\r")[:1] in tuple(SIGNS) and cell.strip()]


alphabet = st.sampled_from([*SIGNS, *SEPARATORS, "\n", "\r", " ", '"', "'", "a", "1", "\ufeff", "\xa0"])


EXAMPLES = 10 if settings.get_current_profile_name() == "fast" else 500  # formulas are the work of attackers


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(alphabet, max_size=12), min_size=1, max_size=4))
@example(HOSTILE)
def test_guarded_cells_are_run_by_no_spreadsheet_and_come_back(texts: list[str]) -> None:
    guarded = [formula_escape.escape(text) for text in texts]
    assert [formula_escape.unescape(text) for text in guarded] == texts
    file = io.StringIO(newline="")
    csv.writer(file).writerow(guarded)
    assert run_as_formulas(file.getvalue().encode()) == []


@given(st.text(alphabet, max_size=12))
def test_a_cell_that_is_guarded_again_means_the_same(cell: str) -> None:
    again = formula_escape.escape_again(cell)
    assert formula_escape.escape_again(again) == again
    assert not formula_escape.is_run(again)
    if formula_escape.unescape(cell) != cell:
        assert formula_escape.unescape(again) == formula_escape.unescape(cell)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "'=1+1"),
        ('="5550101"', "5550101"),
        ('="=1"', "'=1"),
        ('="#N/A"', "'#N/A"),
        ("4.47E+11", "4.47E+11"),
        ("#N/A", "#N/A"),
        ("", ""),
        ("'", "'"),
        ("O'Hara", "O'Hara"),
        ("a;=1", "'a;'=1"),
    ],
)
def test_cells_that_a_spreadsheet_may_have_written(cell: str, written: str) -> None:
    assert formula_escape.escape_again(cell) == written


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["leads.csv", "leads.xlsx"])
def test_an_export_of_leads_and_activities_comes_back(tmp_path: Path, name: str) -> None:
    author = make_user(first_name="=1", last_name=FORMULA)
    for text in map(str.strip, HOSTILE):
        lead = make_lead(first_name=text, last_name=text, source=text[:64], phone=text[:64], property_interest=text)
        make_activity(lead, author, **activity_row(title=text, notes=text))
    export_leads(tmp_path / name, "--with-activities")
    if name.endswith(".csv"):
        for path in (tmp_path / name, tmp_path / "leads-activities.csv"):
            assert run_as_formulas(path.read_bytes()) == []
    before = stored()
    Activity.objects.all().delete()
    empty_the_table()
    import_leads(tmp_path / name)
    assert stored() == before


@pytest.mark.django_db
def test_a_download_of_the_back_office(boss: Client) -> None:
    leads = [make_lead(first_name=text, property_interest=text) for text in HOSTILE]
    reply = confirm(boss, start(boss, "export", leads), format="csv")
    assert "attachment" in reply["Content-Disposition"], reply.content
    file = b"".join(reply.streaming_content)  # type: ignore[attr-defined]
    assert len(list(csv.reader(io.StringIO(file.decode(), newline="")))) == len(HOSTILE) + 1
    assert run_as_formulas(file) == []


def bad_rows(header: list[str]) -> list[list[str]]:
    """Rows without a usable address."""
    return [header, *([text, FORMULA, "bad", text] for text in HOSTILE)]


def as_csv(rows: list[list[str]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


HEADER = ["First Name", FORMULA, "Email", "x;=1+1"]


@pytest.mark.django_db
def test_the_rejects_of_the_command(tmp_path: Path) -> None:
    path, rejects, options = tmp_path / "leads.csv", tmp_path / "rejects.csv", ["--map", f"{FORMULA}=last_name"]
    path.write_bytes(as_csv(bad_rows(HEADER)))
    import_leads(path, *options, "--ignore-unknown", "--on-error", "skip", "--rejects", rejects, code=3)
    assert run_as_formulas(rejects.read_bytes()) == []
    direct = tmp_path / "direct.csv"
    direct.write_bytes(path.read_bytes().replace(b",bad,", b",,"))
    rejects.write_bytes(rejects.read_bytes().replace(b",bad,", b",,"))
    import_leads(direct, *options, "--ignore-unknown")
    wanted = sorted(Lead.objects.values_list("first_name", "last_name"))
    empty_the_table()
    import_leads(rejects, *options, "--ignore-unknown")  # fed back, they give what the file itself gives
    assert sorted(Lead.objects.values_list("first_name", "last_name")) == wanted


@pytest.mark.django_db
def test_the_rejects_of_json(tmp_path: Path) -> None:
    path, rejects = tmp_path / "leads.jsonl", tmp_path / "rejects.csv"
    lines = [dict(zip(HEADER, row, strict=True)) for row in bad_rows(HEADER)[1:]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_leads(path, "--ignore-unknown", "--on-error", "skip", "--rejects", rejects, code=3)
    assert run_as_formulas(rejects.read_bytes()) == []


@pytest.mark.django_db
def test_the_rejects_of_contacts(tmp_path: Path) -> None:
    path, rejects = tmp_path / "contacts.vcf", tmp_path / "rejects.csv"
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{0};{0};;;\r\nEMAIL:bad\r\nNOTE:{0}\r\nX-OTHER:{0}\r\nEND:VCARD\r\n"
    path.write_text(card.format(FORMULA.replace(";", "\\;").replace(",", "\\,")))
    import_leads(path, "--unknown", "ignore", "--on-error", "skip", "--rejects", rejects, code=3)
    assert FORMULA.encode() in rejects.read_bytes().replace(b'""', b'"')
    assert run_as_formulas(rejects.read_bytes()) == []


@pytest.mark.django_db
def test_the_bad_rows_of_the_import_page(boss: Client) -> None:
    rows = [*bad_rows(HEADER), ["too", "many", "cells", "here", FORMULA, f"a;{FORMULA}"]]
    review = boss.post(ADD, {"file": SimpleUploadedFile("leads.csv", as_csv(rows))})["Location"]
    plan = {"column-0": "first_name", "column-1": "last_name", "column-2": "email", "column-3": "", "attempt": "0"}
    for step in ("check", "import"):
        boss.post(review, {**plan, "on_duplicate": "create", "on_error": "skip", step: "1"})
    run = ImportRun.objects.get()
    assert run.rejected == len(HOSTILE) + 1, run.notes
    reply = boss.get(f"/admin/leads/importrun/{run.pk}/rejects/")
    assert run_as_formulas(b"".join(reply.streaming_content)) == []  # type: ignore[attr-defined]
