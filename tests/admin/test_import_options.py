"""The options of the import page: how a file is read, values for all rows, and the progress of a request."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from leads.back_office import progress
from leads.back_office.progress import UploadProgress
from leads.models import ImportRun, Lead
from tests.admin.test_import_page import ADD, FILE, form, page, rejection, upload
from tests.conftest import Case
from tests.importing.workbooks import from_xml, sheet

pytestmark = pytest.mark.django_db

PEOPLE = sheet([["Name", "Email"], ["Ann Ng", "ann@example.com"]])
OTHERS = sheet([["Name", "Email"], ["Bo Li", "bo@example.com"]])
WORKBOOK = from_xml({"Buyers": PEOPLE, "Sellers": OTHERS})
TITLES = "Name,Email\nthis list,office@example.com\nName,Email\nAnn Ng,ann@example.com\n"

# File, its name, the choices on the page, and what is stored of the first lead.
READ = {
    "encoding": ("Name,Email\nЛев,lev@example.com\n".encode("cp1251"), "a.csv", {"encoding": "cp1251"}, "Лев"),
    "delimiter": (b"Name^Email\nAnn^ann@example.com\n", "a.csv", {"delimiter": "^"}, "Ann"),
    "sheet": (WORKBOOK, "a.xlsx", {"sheet": "Sellers"}, "Bo"),
    "header row": (TITLES.encode(), "a.csv", {"header_row": "3"}, "Ann"),
    "no header": (b"Ann,Ng,ann@example.com\nBo,Li,bo@example.com\n", "a.csv", {"no_header": "on"}, "Ann"),
    "format": (2 * b'{"name": "Ann", "email": "a@example.com"}\n', "a.csv", {"format": "jsonl"}, "Ann"),
}


@pytest.mark.parametrize(("content", "name", "choices", "first_name"), READ.values(), ids=READ)
def test_how_a_file_is_read(boss: Client, content: bytes, name: str, choices: dict[str, str], first_name: str) -> None:
    review = upload(boss, content, name)
    boss.post(review, {**choices, "check": "1", "attempt": "0"})
    html = page(boss, review)
    assert first_name in html
    boss.post(review, {**choices, "import": "1", "attempt": "0"})
    assert Lead.objects.order_by("pk").values_list("first_name", flat=True)[0] == first_name


def test_a_file_that_cannot_be_read_as_it_is(boss: Client) -> None:
    content = b"Ann,ann@example.com\n"
    assert "has a header but no rows" in rejection(boss, content, "one.csv")
    file = SimpleUploadedFile("one.csv", content)
    review = boss.post(ADD, {"file": file, "no_header": "on"})["Location"]
    assert "Import 1 lead<" in page(boss, review)


def test_invalid_choices_change_nothing(boss: Client, case: Case) -> None:
    for choices, words in [
        ({"encoding": "klingon"}, "There is no encoding"),
        ({"delimiter": "ab"}, "is no delimiter"),
        ({"header_row": "-1"}, "is not the number of a row"),
        ({"header_row": "900"}, "has no line 900"),
        ({"sheet": "Sellers"}, "means nothing for it"),
        ({"format": "exe"}, "Invalid choice"),
        ({"dates": "year-first"}, "Invalid choice"),
        ({"constant-field-0": "password", "constant-0": "x"}, "Invalid choice"),
    ]:
        with case(choices, words):
            review = upload(boss)
            before = page(boss, review)
            html = boss.post(review, {**form(**choices), "check": "1"}, follow=True).content.decode()
            assert words in html
            assert "Import 2 leads" in before
            assert "Import 2 leads" in html


def test_dates_deleted_rows_and_values_for_all(boss: Client) -> None:
    content = "Name,Email,Created,Deleted\nAnn Ng,ann@example.com,03/04/2024,yes\nBo Li,bo@example.com,05/04/2024,\n"
    choices = {
        "dates": "day-first",
        "with_deleted": "on",
        "constant-field-0": "property_interest",
        "constant-0": "loft",
        "constant-field-1": "budget_max",
        "constant-1": "450k",
        "attempt": "0",
    }
    review = upload(boss, content)
    boss.post(review, {**choices, "check": "1"})
    assert 'value="loft"' in page(boss, review)
    boss.post(review, {**choices, "import": "1"})
    names = ("is_active", "created_at__month", "property_interest", "budget_max")
    stored = list(Lead.objects.order_by("pk").values_list(*names))
    assert stored == [(False, 4, "loft", 450_000), (True, 4, "loft", 450_000)]


def test_the_source_for_all_rows_is_that_of_corrected_rows_too(boss: Client) -> None:
    review = upload(boss)
    for step in ("check", "import"):
        boss.post(review, form(source="Trade fair", **{step: "1"}))
    reply = boss.get(f"/admin/leads/importrun/{ImportRun.objects.get().pk}/rejects/")
    rejects = b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]
    fixed = upload(boss, rejects.replace("not-an-address", "bob@example.com"), "fixed.csv")
    boss.post(fixed, {"import": "1", "attempt": "0"})
    assert set(Lead.objects.values_list("first_name", "source")) == {
        ("Ada", "Trade fair"),
        ("Bob", "Trade fair"),
        ("Cy", "Trade fair"),
    }


@pytest.mark.django_db(transaction=True)  # PostgreSQL shows connections as they were at the beginning of a transaction
def test_the_progress_of_a_request(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "/admin/leads/importrun/progress/{}/"
    assert boss.get(address.format("a1")).json() == {}
    seen: list[Any] = []
    call = UploadProgress.__call__

    def ask(reading: UploadProgress, read: int, position: int) -> None:
        call(reading, read, position)
        seen.append(boss.get(address.format("a1")).json())

    monkeypatch.setattr(progress, "EVERY", 0)
    monkeypatch.setattr(UploadProgress, "__call__", ask)
    boss.post(ADD, {"file": SimpleUploadedFile("fair.csv", FILE.encode()), "progress": "a1"})
    assert seen[-1] == {"rows": 3, "percent": 100}
    assert boss.get(address.format("a1")).json() == {}  # it has ended
    assert boss.get(address.format("a-1")).json() == {}


def test_columns_without_a_field(boss: Client) -> None:
    content = "Name,Email,Colour,Hobby,Secret\nAnn Ng,ann{}@example.com,red,chess,x\n"
    for number, (choices, lines) in enumerate(
        [
            ({}, ["Colour: red", "Hobby: chess", "Secret: x"]),
            ({"column-4": "-"}, ["Colour: red", "Hobby: chess"]),
            ({"unknown": "ignore"}, []),
        ]
    ):
        review = upload(boss, content.format(number), f"{number}.csv")
        for step in ("check", "import"):
            boss.post(review, {**choices, step: "1", "attempt": "0"})
        notes = Lead.objects.get(email=f"ann{number}@example.com").activities.values_list("notes", flat=True)
        assert [line for note in notes for line in str(note).splitlines()] == lines
