"""Arguments of the import commands: what they settle, and which are wrong (exit code 2)."""

from pathlib import Path

import pytest

from leads.importing.cells.names import split_name
from leads.models import ImportRun, Lead
from tests.conftest import Case
from tests.importing.command import import_leads, write_csv

pytestmark = pytest.mark.django_db

HEADER = "First Name,Email"
ANN = "Ann,a@example.com"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--set", "nofield="],
        ["--set", "nofield=x"],
        ["--set", "status"],
        ["--set", "status=new", "--set", "status=lost"],
        ["--map", "Email=nofield"],
        ["--map", "Email=email", "--map", "Email=phone"],
        ["--map", "Email=email", "--map", "First Name=email"],
        ["--encoding", "klingon"],
        ["--encoding", "base64"],
        ["--encoding", "idna"],
        ["--delimiter", "ab"],
        ["--delimiter", '"'],
    ],
)
def test_wrong_arguments(tmp_path: Path, wrong: list[str]) -> None:
    import_leads(write_csv(tmp_path, ANN, header=HEADER), *wrong, code=2)
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("encoding", ["cp1250", "latin-1", "utf-16", "utf-16-le", "cp850", "UTF8", "mac-roman"])
def test_an_encoding_may_be_said(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes("First Name;Email\nZoë;z@example.com\n".encode(encoding))
    report = import_leads(path, "--encoding", encoding)
    assert (report["created"], Lead.objects.get().first_name) == (1, "Zoë")


def test_text_that_is_not_in_that_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes("First Name,Email\nZoë,z@example.com\n".encode("cp1252"))
    problem = import_leads(path, "--encoding", "utf-8", code=1)["problems"][0]
    assert (problem["line"], problem["column"]) == (2, "First Name")


def test_text_of_half_characters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes("First Name,Email\nAnn,a@example.com\n".encode("utf-16-le") + b"\n")
    assert "is not utf-16" in import_leads(path, "--encoding", "utf-16-le", code=1)["message"]


@pytest.mark.parametrize(("named", "written"), [("~", "~"), ("tab", "\t"), (";", ";")])
def test_a_delimiter_may_be_said(tmp_path: Path, named: str, written: str) -> None:
    path = write_csv(tmp_path, f"Ann, Zoe{written}a@example.com", header=f"First Name{written}Email")
    import_leads(path, "--delimiter", named)
    assert Lead.objects.get().first_name == "Ann, Zoe"


@pytest.mark.parametrize(
    "options",
    [
        ["--ignore-columns", '"Shoe, size",Hat'],
        ["--ignore-columns", 'Hat, "Shoe, size"'],
        ["--ignore-columns", '"Shoe, size"', "--ignore-columns", "Hat"],
    ],
)
def test_columns_with_a_comma_in_their_name_can_be_ignored(tmp_path: Path, options: list[str]) -> None:
    path = write_csv(tmp_path, "Ann,a@example.com,7,8", header='First Name,Email,"Shoe, size",Hat')
    report = import_leads(path, *options)
    assert (report["created"], "Ignored as asked: Shoe, size, Hat" in report["notes"]) == (1, True)


def test_the_name_of_a_company_stays_whole(case: Case) -> None:
    for name in [
        "Smith & Sons, Inc.",
        "Smith & Sons",
        "Hill & Wood, Attorneys at Law",
        "Bluebird Homes, LLC",
        "Acme Ltd.",
        "Haus und Hof GmbH",
        "Nordbau AG",
        "Ng Co.",
    ]:
        with case(name):
            assert split_name(name) == (name, "")


def test_people_are_no_companies() -> None:
    assert split_name("Smith, Ann & Bob") == ("Ann & Bob", "Smith")
    assert split_name("Hill & Wood, Ann & Bob") == ("Ann & Bob", "Hill & Wood")
    assert split_name("Ann Ag") == ("Ann", "Ag")
