"""Text that no database can hold (NUL, bytes that are no text) is reported and handed back, and stops no account."""

import os
from pathlib import Path

import pytest

from leads.models import ImportRun, Lead
from tests.importing.command import import_leads, rows_of

pytestmark = pytest.mark.django_db

UTF8 = "Zoë Zoë Zoë,a@example.com\n".encode()  # enough for the file to count as UTF-8


@pytest.mark.parametrize(("bad", "shown"), [(b"B\xff", r"B\udcff"), (b"B\0", r"B\x00")])
def test_a_value_is_told_readably_and_comes_back_as_it_was(tmp_path: Path, bad: bytes, shown: str) -> None:
    path, rejects = tmp_path / "leads.csv", tmp_path / "rejects.csv"
    path.write_bytes(b"First Name,Email\n" + UTF8 + bad + b",b@example.com\n")
    report = import_leads(path, "--on-error", "skip", "--rejects", rejects, code=3)
    assert [problem["value"] for problem in report["problems"]] == [shown]
    assert ImportRun.objects.get(pk=report["run"]).problems == report["problems"]
    assert bad in rejects.read_bytes()
    rejects.write_bytes(rejects.read_bytes().replace(bad, b"Bo"))
    import_leads(rejects)
    assert set(Lead.objects.values_list("first_name", flat=True)) == {"Zoë Zoë Zoë", "Bo"}


def test_a_header_is_told_readably(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(b"First Name,Email,Sch\xff\n" + UTF8.replace(b"\n", b",1\n"))
    assert r"Sch\udcff" in import_leads(path, code=1)["message"]
    report = import_leads(path, "--ignore-unknown")
    assert any(r"Sch\udcff" in note for note in report["notes"])


def test_a_key_of_json_is_told_readably(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_bytes(b'{"email": "x\\u0000", "first\\nname": "1"}\n')
    assert [problem["value"] for problem in import_leads(path, code=1)["problems"]] == [r"x\x00"]


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Z\xeb.csv"))
    path.write_bytes(b"First Name,Email\n" + UTF8)
    assert import_leads(path)["file"] == r"Z\udceb.csv"


def test_rejects_of_json_are_guarded_like_any_export(tmp_path: Path) -> None:
    path, rejects = tmp_path / "leads.jsonl", tmp_path / "rejects.csv"
    path.write_text('{"first_name": "\'=1", "last_name": "=2", "email": "bad"}\n')
    import_leads(path, "--rejects", rejects, code=1)
    (row,) = rows_of(rejects)
    assert (row["first_name"], row["last_name"]) == ("''=1", "'=2")
    rejects.write_text(rejects.read_text().replace("bad", ""))
    import_leads(rejects)
    assert Lead.objects.values_list("first_name", "last_name").get() == ("'=1", "=2")
