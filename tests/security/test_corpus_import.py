"""Hostile values in every column, header and file name of imports, by the command and the page.

Each row is stored safely or reported as a row with errors. All that was stored is in every list and export.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.models import Activity
from leads.importing.columns.mapping import TARGETS
from leads.models import Lead
from tests.admin.conftest import boss as boss
from tests.conftest import Api
from tests.factories import make_lead, make_user
from tests.importing.command import counts
from tests.importing.workbooks import workbook
from tests.security.corpus import JSON, TEXTS

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ADD = "/admin/leads/importrun/add/"
OF_ACTIVITIES = ("lead_id", "lead_email", "user", "activity_type", "title", "notes", "duration", "activity_date")
GOOD = {"first_name": "Ada", "email": "", "lead_id": "1", "user": "zoe", "activity_type": "call", "title": "Call"}
GOOD |= {"activity_date": "2026-10-03"}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_csv(header: list[str], rows: list[list[str]]) -> bytes:
    """Cells as a spreadsheet would write them."""
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode("utf-8", "surrogatepass")


def as_json_lines(header: list[str], rows: list[list[str]]) -> bytes:
    """Return the same as JSON Lines."""
    return "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rows).encode()


def as_workbook(header: list[str], rows: list[list[str]]) -> bytes:
    """Return the same as a workbook; what XML cannot hold is written as Excel escapes it."""
    escaped = [[NOT_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", cell) for cell in row] for row in [header, *rows]]
    return workbook(escaped)


FORMATS: dict[str, Callable[[list[str], list[list[str]]], bytes]] = {
    "leads.csv": as_csv,
    "leads.jsonl": as_json_lines,
    "leads.xlsx": as_workbook,
}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def rows_with(field: str, fields: list[str]) -> list[list[str]]:
    """Return a row for every text in one of the columns."""
    return [[text if name == field else GOOD.get(name, "") for name in fields] for text in TEXTS.values()]


@contextmanager
def may_refuse() -> Iterator[list[CommandError]]:
    """Run a command and collect its error, if any."""
    refused: list[CommandError] = []
    try:
        yield refused
    except CommandError as error:
        refused.append(error)


def assert_whole(api: Api, tmp_path: Path) -> None:
    """All that is stored is in the lists and the exports, and agrees with its derived columns."""
    assert api.get("/api/leads", size=1000).status_code == 200
    assert api.get("/api/dashboard").status_code == 200
    call_command("verify", stdout=io.StringIO())
    for kind in ("csv", "jsonl"):
        call_command("export_leads", output=str(tmp_path / f"out.{kind}"), stdout=io.StringIO(), stderr=io.StringIO())
    with may_refuse() as refused:
        call_command("export_leads", output=str(tmp_path / "out.xlsx"), stdout=io.StringIO(), stderr=io.StringIO())
    assert all("no workbook can hold" in str(error) for error in refused)  # U+FFFF


def imported(command: str, path: Path, *rest: Any) -> dict[str, Any]:
    """Return the report of an import, which ends with one of its exit codes."""
    out, code = io.StringIO(), 0
    rest = ("--on-error", "skip", "--ignore-unknown", "--again", "--report", "json", *rest)
    try:
        call_command(command, str(path), *map(str, rest), stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        code = int(ended.code or 0)
    report: dict[str, Any] = json.loads(out.getvalue())
    assert code == {"refused": 1, "done": 3 if report["rejected"] else 0}[report["state"]]
    read, *ended_as = counts(report)
    assert read == sum(ended_as) + report["left_out"]
    assert report["problem_count"] >= report["rejected"] or report["state"] == "refused"
    assert all(problem["reason"] for problem in report["problems"])
    return report


@pytest.mark.parametrize("name", FORMATS)
def test_every_column_of_leads(api: Api, tmp_path: Path, name: str) -> None:
    path, fields, read = tmp_path / name, list(TARGETS), 0
    for field in fields:
        path.write_bytes(FORMATS[name](fields, rows_with(field, fields)))
        for mode in ("create", "update"):
            read += imported("import_leads", path, "--on-duplicate", mode, "--rejects", tmp_path / "bad.csv")["read"]
    assert read > len(TEXTS) * len(fields)
    assert_whole(api, tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_every_column_of_activities(api: Api, tmp_path: Path, name: str) -> None:
    make_user(username="zoe")
    lead, path, read = make_lead(email="a@example.com"), tmp_path / name, 0
    for field in OF_ACTIVITIES:
        texts = rows_with(field, [*OF_ACTIVITIES])
        rows = [[cell if cell != "1" else str(lead.pk) for cell in row] for row in texts]
        path.write_bytes(FORMATS[name]([*OF_ACTIVITIES], rows))
        read += imported("import_activities", path, "--ids-are-ours")["read"]
    assert read > len(TEXTS) * 5
    assert Activity.objects.exists()
    assert_whole(api, tmp_path)


@pytest.mark.parametrize("field", list(TARGETS))
def test_values_as_json_has_them(api: Api, tmp_path: Path, field: str) -> None:
    path, values = tmp_path / "leads.jsonl", JSON.values()
    rest = ",".join(f'"{name}":{json.dumps(value)}' for name, value in GOOD.items() if name != field)
    lines = [f'{{"{field}":{value},{rest}}}' for value in values if "\n" not in value]
    path.write_text("\n".join([f"{{{rest}}}", *lines, f'{{"{field}":1,"{field}":"b",{rest}}}']))
    report = imported("import_leads", path, "--rejects", tmp_path / "bad.csv")
    assert report["read"] == len(lines) + 2
    assert_whole(api, tmp_path)


def test_a_status_that_no_database_takes_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text(json.dumps({"first_name": "Ada", "status": "a\0b"}))
    report = imported("import_leads", path)
    assert (report["read"], report["rejected"]) == (1, 1)


@pytest.mark.parametrize("kind", FORMATS)
def test_headers(tmp_path: Path, kind: str) -> None:
    for number, text in enumerate(TEXTS.values()):
        path = tmp_path / kind
        path.write_bytes(FORMATS[kind](["first_name", text, "email"], [["Ada", "x", ""]]))
        imported("import_leads", path, *(["--map", f"#2={TARGETS[number % len(TARGETS)]}"] * (number % 2)))
    for same in (["email"] * 50, [""] * 50, [" "], ["email", "E-Mail", "EMAIL ", "\ufeffemail"]):
        path.write_bytes(FORMATS[kind](same, [["x"] * len(same)]))
        imported("import_leads", path)


def test_arguments(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(as_csv(["first_name", "email"], [["Ada", ""]]))
    for text in TEXTS.values():
        for option in ("--set", "--map", "--ignore-columns", "--encoding", "--delimiter", "--sheet"):
            for value in (text, f"status={text}", f"first_name={text}"):
                with may_refuse() as refused:
                    imported("import_leads", path, f"{option}={value}")
                assert all(error.returncode in (1, 2) for error in refused)


def test_a_list_of_columns_that_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(as_csv(["first_name", "a"], [["Ada", ""]]))
    with pytest.raises(CommandError, match="--ignore-columns") as error:
        imported("import_leads", path, "--ignore-columns", "a\rb")
    assert error.value.returncode == 2


def upload(browser: Client, name: str, content: bytes) -> str:
    """Return the preview of an upload, or "" if the file was rejected with a message."""
    reply = browser.post(ADD, {"file": SimpleUploadedFile(name, content)})
    assert reply.status_code in (200, 302, 400), name
    assert reply.status_code != 200 or 'role="alert"' in reply.content.decode()
    return str(reply["Location"]) if reply.status_code == 302 else ""


def taken_in(browser: Client, review: str, **fields: str) -> None:
    """Preview and import the file as far as possible; every page must be displayed."""
    assert browser.get(review).status_code == 200
    for step in ("check", "import", "import"):
        reply = browser.post(review, {"on_duplicate": "create", "on_error": "skip", **fields, step: "1"}, follow=True)
        assert reply.status_code == 200, fields
    found = re.search(r"importrun/(\d+)/change", str(reply.request["PATH_INFO"]))
    if found:
        rejects = browser.get(f"/admin/leads/importrun/{found[1]}/rejects/")
        assert rejects.status_code in (200, 302)
        b"".join(rejects)  # type: ignore[arg-type]


@pytest.mark.any_database  # the page writes as the command does, which takes every column on both
@pytest.mark.parametrize("name", FORMATS)
def test_the_page_takes_every_column(boss: Client, api: Api, tmp_path: Path, name: str) -> None:
    fields = list(TARGETS)
    for field in fields:
        if review := upload(boss, name, FORMATS[name](fields, rows_with(field, fields))):
            taken_in(boss, review)
    assert Lead.objects.count() > 100
    assert_whole(api, tmp_path)


def test_the_page_takes_every_header_and_file_name(boss: Client) -> None:
    for text, (kind, make) in zip(TEXTS.values(), cycle(FORMATS.items()), strict=False):  # test_headers has all pairs
        review = upload(boss, f"{text[:300]}{kind}", make(["first_name", text, "email"], [["Ada", "x", ""]]))
        if review:
            taken_in(boss, review, **{"column-1": "last_name"})
    assert boss.get("/admin/leads/importrun/").status_code == 200


def test_the_page_takes_every_setting(boss: Client) -> None:
    file = as_csv(["first_name", "email"], [["Ada", "a@example.com"], ["Bo", "bad"]])
    for field in ("source", "status", "column-0", "on_duplicate", "on_error", "attempt", "again"):
        review = upload(boss, "leads.csv", file)
        for text in TEXTS.values():
            assert boss.post(review, {field: text, "check": "1"}, follow=True).status_code == 200, (field, text[:40])
        taken_in(boss, review)
    assert boss.get("/admin/leads/lead/").status_code == 200


letters = st.sampled_from("a,;\t\n\r\"'\0\ufeff{}[]:=1é\ud800")
contents = st.binary(max_size=300) | st.text(letters).map(_bytes)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents, st.sampled_from([*FORMATS]))
def test_files_of_anything(tmp_path: Path, content: bytes, name: str) -> None:
    for start in (b"", b"First Name,Email\n", b'{"first_name":"', b"[{", b"PK\x03\x04", b"\x1f\x8b", b"\xff\xfe"):
        path = tmp_path / name
        path.write_bytes(start + content)
        imported("import_leads", path, "--rejects", tmp_path / "bad.csv")
