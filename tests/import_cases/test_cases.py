"""Every case of the table, by the command and on the import page."""

import csv
import gzip
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from activities.models import Activity
from leads.models import Lead
from tests.factories import make_user
from tests.import_cases import cells, file_kinds, notes, people, rows, transfer, values
from tests.import_cases.case import FILES, NOW, Case, ExpectedLead, Step
from tests.importing.command import run_import

pytestmark = pytest.mark.django_db

CASES = [case for part in (cells, values, rows, people, notes, file_kinds, transfer) for case in part.CASES]
# Options that the page has under the same name, or does by itself.
NAMED = ("on_error", "on_duplicate", "encoding", "delimiter", "sheet", "header_row", "dates", "timezone")
FLAGS = ("no_header", "status_as_is", "update_status", "with_deleted")
ON_PAGE = {f"--{name.replace('_', '-')}" for name in (*NAMED, *FLAGS)} | {"--unknown", "--map", "--map-status"}
INVISIBLE = re.compile("[\xa0\xad\u200b\u200e-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def parameters(cases: Iterable[Case]) -> list[Any]:
    """Return the cases for ``parametrize``."""
    return [pytest.param(case, id=case.name) for case in cases]


def page_does(case: Case) -> bool:
    """Return whether the case can be run on the page as well."""
    commands = all(step.command == "import_leads" and not step.file.startswith("{") for step in case.steps)
    options = {word for step in case.steps for word in step.options if word.startswith("--")}
    return case.on_page and commands and case.boss and options <= ON_PAGE


@pytest.fixture(autouse=True)
def office(settings: Any) -> None:
    """The office that the table speaks of."""
    settings.TIME_ZONE, settings.PHONE_REGION = "UTC", "US"


@pytest.mark.parametrize("case", parameters(CASES))
def test_by_command(case: Case, settings: Any, tmp_path: Path) -> None:
    set_up(case, settings)
    if case.boss:
        make_user(username="boss", is_staff=True, is_superuser=True)
    started = timezone.now()
    for step in case.steps:
        run(step, tmp_path)
    check_leads(case, started)
    if case.activities is not None:
        activities = Activity.objects.exclude(title__startswith="Imported from").order_by("pk")
        assert list(activities.values_list("lead__first_name", "title")) == list(case.activities)


@pytest.mark.parametrize("case", parameters(filter(page_does, CASES)))
def test_on_page(case: Case, settings: Any, tmp_path: Path) -> None:
    set_up(case, settings)
    browser = Client()
    browser.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    started = timezone.now()
    for step in case.steps:
        import_on_page(step, browser, tmp_path)
    check_leads(case, started)


def set_up(case: Case, settings: Any) -> None:
    """The settings and users of a case."""
    for name, value in case.settings.items():
        setattr(settings, name, value)
    for number, user in enumerate(case.users):
        first_name, _, last_name = user.partition(" ")
        make_user(username=f"user{number}", first_name=first_name, last_name=last_name)


def run(step: Step, folder: Path) -> None:
    """One command; its report must say what the step expects."""
    options = [option.format(folder=folder) for option in step.options]
    rejects = folder / ("rejects-again.csv" if step.file.endswith("rejects.csv") else "rejects.csv")
    if "left_out" in step.report and "--rejects" not in options:
        options += ["--rejects", str(rejects)]
    report = run_import(step.command, prepared(step, folder), *options, code=step.code)
    expected = {"left_out": 0, **step.report}
    assert {name: report.get(name, 0) for name in expected} == expected, report
    check_problems(step, report)
    check_repairs(step, report)
    check_skipped(step, report)
    text = json.dumps(report, ensure_ascii=False)
    for words in step.says:
        assert words.lower() in text.lower(), report
    if expected["left_out"]:
        assert rows_in(rejects) == expected["left_out"] + report["rejected"]
    for name, texts in step.written.items():
        written = (folder / name).read_text(encoding="utf-8")
        assert [words for words in texts if words not in written] == []


def prepared(step: Step, folder: Path) -> Path:
    """Return the step's file: as it is, packed, or edited."""
    path = Path(step.file.format(folder=folder)) if step.file.startswith("{") else FILES / step.file
    if not path.exists() and path.suffix == ".gz":
        packed = folder / step.file
        packed.write_bytes(gzip.compress((FILES / step.file.removesuffix(".gz")).read_bytes()))
        return packed
    if step.ids_of or step.edit:
        text = path.read_bytes().decode()
        for number, name in step.ids_of.items():
            text = re.sub(rf"(?m)^{number},", f"{Lead.objects.get(first_name=name).pk},", text)
        path = folder / path.name
        path.write_bytes((step.edit(text) if step.edit else text).encode())
    return path


def rows_in(path: Path) -> int:
    """Return the number of rows of a CSV file."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return sum(1 for _ in csv.DictReader(file))


def check_problems(step: Step, report: dict[str, Any]) -> None:
    """The rejected rows, and why."""
    problems = {problem["line"]: json.dumps(problem, ensure_ascii=False).lower() for problem in report["problems"]}
    assert problems.keys() == step.problems.keys(), report
    assert report["rejected"] == (report["read"] if step.code == 1 else len(step.problems))
    assert [text for line, text in step.problems.items() if text.lower() not in problems[line]] == [], problems


def check_repairs(step: Step, report: dict[str, Any]) -> None:
    """The repairs that are counted."""
    if step.repairs is True:
        assert report["repairs"]
    elif step.repairs:
        assert step.repairs in {repair["count"] for repair in report["repairs"]}, report
    for repair in report.get("repairs", ()):
        assert repair.keys() == {"kind", "count", "line", "column", "before", "after"}


def check_skipped(step: Step, report: dict[str, Any]) -> None:
    """The rows that were skipped, or that updated a lead."""
    for expected, row in zip(step.skipped, report["skipped_rows"] if step.skipped else (), strict=True):
        found = dict(row)
        if "lead" in expected:
            found["lead"] = Lead.objects.get(pk=row["lead_id"]).first_name
        assert {name: found[name] for name in expected} == expected


def import_on_page(step: Step, browser: Client, folder: Path) -> None:
    """Upload the step's file and import it as the page proposes, with the choices that the step makes."""
    path = prepared(step, folder)
    uploaded = browser.post("/admin/leads/importrun/add/", {"file": SimpleUploadedFile(path.name, path.read_bytes())})
    if uploaded.status_code == 302:
        for action in ("check", "import"):
            browser.post(uploaded["Location"], {**choices_of(step), action: "1", "attempt": "0"})


def choices_of(step: Step) -> dict[str, str]:
    """Return the entries of the page for the step's options."""
    choices = {"on_error": "abort", "on_duplicate": "create"}
    words, statuses = iter(step.options), 0
    for word in words:
        name = word.removeprefix("--").replace("-", "_")
        if name in FLAGS:
            choices["statuses_as_is" if name == "status_as_is" else name] = "on"
            continue
        value = next(words)
        before, _, after = value.rpartition("=")
        if name == "map":
            choices[f"column-{int(before.removeprefix('#')) - 1}"] = after
        elif name == "map_status":
            choices |= {f"status-value-{statuses}": before, f"status-{statuses}": after}
            statuses += 1
        else:
            choices[name] = value
    return choices


def check_leads(case: Case, started: datetime) -> None:
    """The leads that are stored, in the order of the file."""
    stored = list(Lead.objects.order_by("pk"))
    assert len(stored) == len(case.leads), stored
    pairs = zip(case.leads, stored, strict=True)
    assert [wrong for expected, lead in pairs for wrong in differences(expected, lead, started)] == []


def differences(expected: ExpectedLead, lead: Lead, started: datetime) -> list[str]:
    """Return what is wrong with a stored lead."""
    found = [
        f"{lead.first_name}: {name} is {value!r}, not {wanted!r}"
        for name, wanted in expected.fields.items()
        if not agrees(wanted, value := value_of(lead, name), started)
    ]
    texts = [lead.first_name, lead.last_name, lead.email, lead.phone, lead.property_interest or ""]
    found += [f"{text!r} has an invisible character" for text in texts[:1] + texts[2:4] if INVISIBLE.search(text)]
    found += wrong_notes(expected, lead)
    if expected.cell:
        texts += [str(value) for value in (lead.budget_min, lead.budget_max, lead.source, lead.status) if value]
        texts += [note.notes or "" for note in lead.activities.all()]
        filled = lead.budget_min or lead.budget_max
        lost = [] if filled else [word for word in re.findall(r"\w+", expected.cell) if word not in " ".join(texts)]
        found += [f"{lead.first_name}: {word!r} is lost" for word in lost]
    return found


def value_of(lead: Lead, name: str) -> Any:
    """Return a field, or both ends of the budget."""
    return (lead.budget_min, lead.budget_max) if name == "budget" else getattr(lead, name)


def agrees(wanted: Any, value: Any, started: datetime) -> bool:
    """Return whether a value is the wanted one; ``NOW`` is a time of this test."""
    if callable(wanted):
        return bool(wanted(value))
    if wanted == NOW:
        return bool(started - timedelta(seconds=5) <= value <= timezone.now())
    if isinstance(value, datetime):
        return bool(value == datetime.fromisoformat(wanted).replace(tzinfo=UTC))
    return bool(wanted == value)


def wrong_notes(expected: ExpectedLead, lead: Lead) -> list[str]:
    """Return what is wrong with the notes of a lead: its own of the import, and those of columns of notes."""
    activities = list(lead.activities.filter(activity_type="note").order_by("pk"))
    ours = [note for note in activities if note.title.startswith("Imported from ")]
    own = [note.notes for note in activities if note not in ours]
    found = [f"{lead.first_name}: no note {text!r}" for text in expected.own_notes if text not in own]
    if expected.note is None:
        return found
    if len(ours) != bool(expected.note):
        return [*found, f"{lead.first_name} has {len(ours)} notes: {[note.notes for note in ours]}"]
    for note in ours:
        found += [f"{lead.first_name}: {text!r} is not in the note" for text in expected.note if text not in note.notes]
        if note.activity_date != lead.created_at.date() or note.user.username != "boss":
            found.append(f"{lead.first_name}: the note is of {note.activity_date}, by {note.user.username}")
    return found
