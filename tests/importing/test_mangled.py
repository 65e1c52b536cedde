"""What spreadsheets do to cells before they save them as CSV, and what the import makes of it."""

import json
from pathlib import Path

import pytest

from leads.models import Lead
from tests.exporting.command import export_leads
from tests.exporting.test_round_trip import empty_the_table
from tests.factories import make_lead
from tests.importing.command import counts, import_leads, rows_of, write_csv
from tests.importing.workbooks import workbook

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        ("5550101.0", "5550101"),
        ('="5550101"', "5550101"),
        ('"=""05550101"""', "05550101"),
        ("4.47123456789E+11", "447123456789"),
        ("5E+0", "5"),
        ("+1-555-0101", "+1-555-0101"),
        ("5550101 #12", "5550101 #12"),
        ("'4.47E+11", "4.47E+11"),
    ],
)
def test_telephone_numbers_come_back(tmp_path: Path, cell: str, phone: str) -> None:
    import_leads(write_csv(tmp_path, f"Ann,{cell}", header="First Name,Phone"))
    assert Lead.objects.get().phone == phone


@pytest.mark.parametrize("cell", ["4.47E+11", "4.47e+11", '"4,47E+11"', "4E+10"])
def test_a_number_whose_digits_are_lost_is_a_bad_row(tmp_path: Path, cell: str) -> None:
    report = import_leads(write_csv(tmp_path, f"Ann,{cell}", header="First Name,Phone"), code=1)
    (problem,) = report["problems"]
    assert (problem["line"], problem["column"]) == (2, "Phone")
    assert "a spreadsheet has shortened this number" in problem["reason"]


@pytest.mark.parametrize("error", ["#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#NV", "#WERT!", "####"])
@pytest.mark.parametrize("column", ["Last Name", "Phone", "Budget", "Date Added", "Status"])
def test_the_error_of_a_formula_is_a_bad_row(tmp_path: Path, error: str, column: str) -> None:
    path = write_csv(tmp_path, "Ann,fine", f"Bo,{error}", header=f"First Name,{column}")
    report = import_leads(path, "--on-error", "skip", code=3)
    assert {"line": 3, "column": column, "value": error, "reason": f"a spreadsheet's error ({error}), not a value"} in (
        report["problems"]
    )


def test_in_a_column_that_is_not_imported_it_does_not_matter(tmp_path: Path) -> None:
    assert import_leads(write_csv(tmp_path, "Ann,#REF!", header="First Name,Notes"))["created"] == 1


def test_text_cells_of_a_workbook_too(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    path.write_bytes(workbook([["Name", "Phone"], ["Ann", "4.47E+11"], ["Bo", 5550101.0], ["#REF!", "1"]]))
    report = import_leads(path, "--on-error", "skip", code=3)
    assert [problem["line"] for problem in report["problems"]] == [2, 4]
    assert Lead.objects.get().phone == "5550101"


def test_json_says_what_it_means(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text('{"first_name": "#REF!", "phone": "4.47E+11"}\n')
    import_leads(path)
    assert list(Lead.objects.values_list("first_name", "phone")) == [("#REF!", "4.47E+11")]


@pytest.mark.parametrize("name", ["leads.csv", "leads.xlsx", "leads.jsonl"])
def test_our_own_exports_are_not_mended(tmp_path: Path, name: str) -> None:
    make_lead(first_name="#REF!", last_name='="5"', phone="4.47E+11", property_interest="5.0", email="")
    export_leads(tmp_path / name)
    empty_the_table()
    import_leads(tmp_path / name)
    kept = ("first_name", "last_name", "phone", "property_interest")
    assert list(Lead.objects.values_list(*kept)) == [("#REF!", '="5"', "4.47E+11", "5.0")]


def test_lists_in_json_are_rejected_as_json(tmp_path: Path) -> None:
    path, rejects = tmp_path / "leads.jsonl", tmp_path / "rejects.csv"
    row = {"first_name": ["Ann", "Zoë"], "email": {"work": "a@b.co"}, "phone": True}
    path.write_text(json.dumps(row) + "\n")
    report = import_leads(path, "--on-error", "skip", "--rejects", rejects, code=3)
    assert counts(report) == (1, 0, 0, 0, 1)
    (written,) = rows_of(rejects)
    assert json.loads(written["first_name"]) == ["Ann", "Zoë"]
    assert json.loads(written["email"]) == {"work": "a@b.co"}
    assert written["phone"] == "true"
