"""The cells of a row to the fields of a lead."""

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest

from leads import validators
from leads.importing.columns.mapping import map_headers
from leads.importing.sources.reader import open_source
from tests.importing.workbooks import workbook

NOBODY = {"first_name": "", "last_name": "", "email": "", "phone": ""}


def converted(header: str, cells: list[Any], **how: Any) -> dict[str, Any]:
    """Return the fields of a row, which must have no problems; those that stay blank are left out."""
    row, problems = map_headers(header.split(","), **how).convert(cells)
    assert problems == []
    return {field: value for field, value in row.items() if value != ""}


def reported(header: str, cells: list[Any], **how: Any) -> list[tuple[Any, str]]:
    """Return the places and types of a row's problems."""
    _, problems = map_headers(header.split(","), **how).convert(cells)
    return [(problem.loc, problem.type) for problem in problems]


def test_a_plain_row_satisfies_the_rules() -> None:
    header = "first_name,last_name,email,phone,status,source,budget_min,budget_max,property_interest,created_at"
    cells = ["Ann", "Ng", "ann@example.com", "+1-555-0100", "new", "fair", "300000", "450k", "condo", "2025-10-03"]
    row, problems = map_headers(header.split(",")).convert(cells)
    assert problems == []
    assert row.pop("created_at") == datetime(2025, 10, 3, tzinfo=UTC)
    others = {name: rule.default for name, rule in validators.CREATE_RULES.items() if name not in row}
    clean = {**row, **others, "budget_min": 300_000, "budget_max": 450_000}
    assert validators.validate(row) == (clean, [])


def test_blank_cells_are_left_out_unless_the_rules_want_them() -> None:
    plan = map_headers(["Email", "Status", "Budget Min", "Interest", "Created"])
    row, problems = plan.convert(["", "", " ", "", "\t"])
    assert (row, problems) == (NOBODY, [])
    assert validators.validate(row)[1] == []


def test_a_file_without_a_required_column_is_no_problem() -> None:
    row, _ = map_headers(["Email"]).convert(["ann@example.com"])
    assert row == {**NOBODY, "email": "ann@example.com"}


def test_the_first_column_that_is_not_blank_wins() -> None:
    header = "Home Phone,Mobile Phone,Email"
    assert converted(header, ["1", "2", ""])["phone"] == "2"
    assert converted(header, ["1", " ", ""])["phone"] == "1"


def test_a_name_fills_what_first_and_last_name_leave_blank() -> None:
    header = "Name,First Name,Last Name"
    assert converted(header, ["Ann Ng", "", ""]) == {"first_name": "Ann", "last_name": "Ng"}
    assert converted(header, ["Ann Ng", "Annie", "Ng-Li"]) == {
        "first_name": "Annie",
        "last_name": "Ng-Li",
        "remainders": [("Name", "Ann Ng")],
    }
    assert converted(header, ["Ann Ng", "", "Ng"]) == {"first_name": "Ann", "last_name": "Ng"}
    assert converted(header, ["Ann Ng", "", "Li"]) == {"last_name": "Li", "remainders": [("Name", "Ann Ng")]}
    assert converted("Name,First Name", ["Ann Ng", "Ann"]) == {"first_name": "Ann", "last_name": "Ng"}
    assert converted("Name,First Name", ["Müller", "Anna"]) == {"first_name": "Anna", "last_name": "Müller"}
    assert converted("Name,First Name", ["Ann", "Ann"]) == {"first_name": "Ann"}
    assert converted("Full name,Email", ["Ng, Ann", ""]) == {"first_name": "Ann", "last_name": "Ng"}


def test_a_price_fills_the_budgets_that_have_no_value_of_their_own() -> None:
    assert converted("Email,Price", ["", "$450,000"]) == {"budget_max": 450_000}
    assert converted("Email,Price", ["", "300k-450k"]) == {"budget_min": 300_000, "budget_max": 450_000}
    assert converted("Email,Price,Budget Max", ["", "300k-450k", "500k"]) == {
        "budget_min": 300_000,
        "budget_max": 500_000,
    }
    assert converted("Email,Price,Budget Max", ["", "300k", ""]) == {"budget_max": 300_000}


def test_cells_that_cannot_be_read_are_left_over_with_their_columns() -> None:
    plan = map_headers(["Email", "Price Range", "Min Price", "Date Added"])
    row, problems = plan.convert(["a@b.co", "cheap", "1.250M", "25/12/2024"])
    left = [("Date Added", "25/12/2024"), ("Min Price", "1.250M"), ("Price Range", "cheap")]
    assert (row, problems) == ({**NOBODY, "email": "a@b.co", "remainders": left}, [])


def test_what_the_rules_say_of_a_split_name_or_price_is_told_of_its_column() -> None:
    plan = map_headers(["Full Name", "Price", "Email"])
    assert [plan.column_of(field) for field in ("first_name", "budget_max", "phone")] == ["Full Name", "Price", "phone"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (5550100.0, "5550100"),
        (15550100123.0, "15550100123"),
        (12.5, "12.5"),
        (42, "42"),
        (True, "true"),
        (None, None),
        (datetime(2025, 10, 3, 14, 22), "2025-10-03T14:22:00"),
        (datetime(2025, 10, 3), "2025-10-03"),
        (date(2025, 10, 3), "2025-10-03"),
    ],
)
def test_typed_cells_in_a_text_column_are_the_text_they_show(cell: object, text: str | None) -> None:
    assert converted("Email,Interest", ["a@b.co", cell]).get("property_interest") == text


def test_typed_cells_in_number_and_date_columns() -> None:
    moment = datetime(2025, 10, 3, 14, 22)
    row = converted("Email,Budget Min,Price,Created", ["a@b.co", 0, 450000.0, moment])
    assert (row.get("budget_min"), row["budget_max"]) == (None, 450_000)
    assert row["created_at"] == moment.replace(tzinfo=UTC)
    assert converted("Email,Budget Min", ["a@b.co", 450.125]) == {
        "email": "a@b.co",
        "remainders": [("Budget Min", "450.125")],
    }


@pytest.mark.parametrize("cell", [["1", "2"], {"work": "1"}])
def test_lists_and_objects_are_told(cell: object) -> None:
    assert reported("Email,Phone", ["a@b.co", cell]) == [(("phone",), "string_type")]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("'+1-555-0100", "+1-555-0100"),
        ("'=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("'@home", "@home"),
        ("'-5", "-5"),
        ("'\tword", "\tword"),
        ("''=x", "'=x"),
        ("'''=x", "''=x"),
        ("'t Hooft", "'t Hooft"),
        ("O'Brien", "O'Brien"),
        ("''", "'"),
    ],
)
def test_the_guard_of_an_export_comes_off(cell: str, text: str) -> None:
    assert converted("Email,Interest", ["a@b.co", cell])["property_interest"] == text.strip()
    assert converted("Email,Interest", ["a@b.co", cell], guarded=False)["property_interest"] == cell


def test_guards_come_off_before_money_and_dates_are_read() -> None:
    assert converted("Email,Budget Min", ["a@b.co", "'=450k"])["remainders"] == [("Budget Min", "=450k")]
    assert converted("Email,Budget Min", ["a@b.co", "'+450"])["remainders"] == [("Budget Min", "+450")]


def test_google_contacts_has_several_values_in_a_cell() -> None:
    header = "First Name,E-mail 1 - Value,Phone 1 - Value"
    row = converted(header, ["Ann", "a@b.co ::: c@d.co", "+1 ::: +2"])
    assert (row["email"], row["phone"]) == ("a@b.co", "+1")
    assert row["remainders"] == [("E-mail 1 - Value", "c@d.co"), ("Phone 1 - Value", "+2")]


def test_constants_are_in_every_row() -> None:
    how = {"constants": {"source": "trade fair", "budget_max": "450k", "created_at": "10/03/2025"}}
    assert converted("Email,Lead Source", ["a@b.co", "zillow"], **how) == {
        "email": "a@b.co",
        "source": "trade fair",
        "budget_max": 450_000,
        "created_at": datetime(2025, 10, 3, tzinfo=UTC),
    }


def test_a_value_in_a_column_without_a_header_is_told() -> None:
    assert reported("Email,,Phone", ["a@b.co", "what?", "1"]) == [(("column 2",), "no_header")]
    assert reported("Email,,Phone", ["a@b.co", " ", "1"]) == []


def test_a_row_that_does_not_fit_says_so_and_nothing_else() -> None:
    source = open_source(io.BytesIO(b"Name,Phone\nAnn,1,2\nBo,3\n"))
    convert = map_headers(source.header).convert
    (row, problems), (good, none) = [convert(cells) for _, cells in source]
    assert [problem.type for problem in problems] == ["row_length"]
    assert validators.validate(row)[1] == []
    assert (good["first_name"], none) == ("Bo", [])


def test_a_workbook_from_reading_to_the_rules() -> None:
    content = workbook(
        [
            ["Full Name", "E-mail", "Mobile", "Budget", "Date Added", "Notes"],
            ["Zoë O'Neil", "zoe@example.com", 5550100.0, 450000.0, datetime(2025, 10, 3, 14, 22), "x"],
            ["Li, Bo", None, "555-0101", "300k-450k", "10/03/2025", None],
        ]
    )
    source = open_source(io.BytesIO(content))
    plan = map_headers(source.header)
    rows = [plan.convert(cells) for _, cells in source]
    checked = [validators.validate(row) for row, _ in rows]
    assert [problems for _, problems in (*rows, *checked)] == [[], [], [], []]
    assert checked[0][0]["phone"] == "5550100"
    assert [row["budget_min"] for row, _ in checked] == [None, 300_000]
    assert [(row["first_name"], row["last_name"]) for row, _ in checked] == [("Zoë", "O'Neil"), ("Bo", "Li")]
    assert [row["created_at"].hour for row, _ in rows] == [14, 0]
