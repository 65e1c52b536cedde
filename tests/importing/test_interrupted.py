"""``manage.py import_leads`` when what is around it fails: pipes, terminals, disks, the operator's patience."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from leads.importing import runs
from leads.importing.runs import interruptible
from leads.models import ImportRun, Lead
from tests.importing.command import counts, import_leads, write_csv
from tests.importing.test_import_processes import await_run, big_csv, manage, stored

__all__ = ["manage"]

GOOD, BAD = "Ada,Lovelace,ada@example.com,1,new", "Bo,Bad,nothing,2,new"


@pytest.mark.slow
def test_a_reader_that_goes_away_changes_no_exit_code(manage: Any, tmp_path: Path) -> None:
    for form in ("text", "json"):
        reading, writing = os.pipe()
        os.close(reading)
        path = write_csv(tmp_path, GOOD, BAD, name=f"{form}.csv", header=f"First Name,Last Name,Email,Phone,{form}")
        arguments = ["--ignore-unknown", "--on-error", "skip", "--report", form]
        done = manage("import_leads", path, *arguments, stdout=writing)
        os.close(writing)
        assert (done.returncode, done.stderr) == (3, "")
    assert stored(manage) == ["2", "done", "done"]


@pytest.mark.slow
def test_characters_the_terminal_lacks_are_escaped(manage: Any, tmp_path: Path) -> None:
    process = manage.start(
        "import_leads", write_csv(tmp_path, "Ł,Ł,Ł,1,new"), env=manage.env | {"PYTHONIOENCODING": "ascii"}
    )
    out, error = process.communicate()
    assert (process.returncode, error) == (1, "")
    assert "\\u0141" in out


def test_a_closed_standard_input_is_told(manage: Any) -> None:
    done = manage("import_leads", "-", stdin=None, preexec_fn=lambda: os.close(0))
    assert (done.returncode, done.stderr.strip()) == (1, "CommandError: Standard input is closed.")


def heed_ctrl_c() -> None:
    """What a shell runs in the background ignores it, and these tests may be run there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_ctrl_c_stores_nothing_and_says_so(manage: Any, tmp_path: Path) -> None:
    path = big_csv(tmp_path / "leads.csv", 60_000)
    with path.open("a") as file:
        file.write("A,B,no address,1,new,website,1,2\n")
    fixed = tmp_path / "fixed.csv"
    arguments = ["--report", "json", "--on-error", "skip", "--rejects", fixed]
    process = manage.start("import_leads", path, *arguments, start_new_session=True, preexec_fn=heed_ctrl_c)
    await_run(process, manage.url, 1)
    os.killpg(process.pid, signal.SIGINT)
    out, error = process.communicate()
    report = json.loads(out)
    assert (process.returncode, report["state"], report["message"], error) == (1, "refused", "it was interrupted", "")
    assert stored(manage) == ["0", "refused"]
    assert os.listdir(tmp_path) == ["leads.csv"]


@pytest.mark.django_db
def test_bad_rows_go_into_a_pipe_as_it_is(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    import_leads(write_csv(tmp_path, GOOD, BAD), "--on-error", "skip", "--rejects", pipe, code=3)
    reader.join()
    assert "Bo,Bad,nothing" in read[0]
    assert pipe.is_fifo()


@pytest.mark.django_db
def test_a_link_to_the_rejects_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("fixed.csv")
    import_leads(write_csv(tmp_path, GOOD, BAD), "--on-error", "skip", "--rejects", tmp_path / "link.csv", code=3)
    assert (tmp_path / "link.csv").is_symlink()
    assert "Bo,Bad,nothing" in (tmp_path / "fixed.csv").read_text()


@pytest.mark.django_db
def test_bad_rows_never_replace_a_file_that_is_read(tmp_path: Path) -> None:
    first, second = write_csv(tmp_path, GOOD, BAD), write_csv(tmp_path, BAD, name="fixed-1.csv")
    before = [path.read_text() for path in (first, second)]
    (tmp_path / "other.csv").symlink_to(first)
    for arguments in (
        [first, "--rejects", tmp_path / "other.csv"],
        [first, second, "--rejects", tmp_path / "fixed.csv"],
    ):
        report = import_leads(*arguments, "--on-error", "skip", code=1)
        assert "because it is the file to import" in report["message"]
    assert [path.read_text() for path in (first, second)] == before


@pytest.mark.django_db
def test_the_same_file_given_twice_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path, GOOD)
    report = import_leads(path, path, code=1)
    assert "leads.csv and leads.csv are the same file" in report["message"]
    assert not Lead.objects.exists()
    assert import_leads(path, path, "--again")["created"] == 2


@pytest.mark.django_db
def test_half_a_character_is_a_bad_row_also_when_fed_back(tmp_path: Path) -> None:
    path, fixed = tmp_path / "leads.json", tmp_path / "fixed.csv"
    path.write_text(json.dumps([{"name": chr(0xD800), "email": "a@example.com"}]))
    report = import_leads(path, "--on-error", "skip", "--rejects", fixed, code=3)
    assert counts(report) == (1, 0, 0, 0, 1)
    assert counts(import_leads(fixed, "--on-error", "skip", code=3)) == (1, 0, 0, 0, 1)


@pytest.mark.django_db
def test_a_month_that_does_not_exist_is_left_over(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Ada,2024-13-01", header="Name,Created At")
    assert import_leads(path)["remainders"] == [{"line": 2, "column": "Created At", "value": "2024-13-01"}]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["undo_import", "1"], ["export_leads", "--output", "-"], ["import_legacy", "earlier.db"]]
)
def test_a_database_that_is_away_is_one_sentence(manage: Any, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "earlier.db").touch()
    paths = [tmp_path / word if word.endswith(".db") else word for word in command]
    process = manage.start(*paths, env=manage.env | {"DATABASE_URL": "sqlite:////nowhere/at/all.db"})
    error = process.communicate()[1]
    assert process.returncode == 1
    assert error.startswith("CommandError: ")
    assert "Traceback" not in error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moment", ["opened", "closed"])
def test_ctrl_c_while_an_account_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Before the rows are loaded it ends the import in good order; after they are stored it changes nothing."""
    running = runs.running
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us without it

    @contextmanager
    def pressed(**fields: Any) -> Iterator[ImportRun]:
        with running(**fields) as run:
            if moment == "opened":
                signal.raise_signal(signal.SIGINT)
            yield run
            if moment == "closed":
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(runs, "running", pressed)
    report = import_leads(write_csv(tmp_path, GOOD), code=1 if moment == "opened" else 0)
    stored = ("refused", "it was interrupted", 0) if moment == "opened" else ("done", "", 1)
    assert (report["state"], report["message"], Lead.objects.count()) == stored
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_an_interrupt_that_was_swallowed_still_counts() -> None:
    """A callback of some library may swallow what Ctrl-C raises in it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us without it
    with interruptible() as ctrl_c:
        with pytest.raises(KeyboardInterrupt), ctrl_c:
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            ctrl_c.check()
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_as_the_rejects_file_is_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us without it
    monkeypatch.setattr("leads.importing.rejects.csv.writer", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    report = import_leads(write_csv(tmp_path, GOOD, BAD), "--rejects", tmp_path / "fixed.csv", code=1)
    assert (report["state"], report["message"]) == ("refused", "it was interrupted")
    assert os.listdir(tmp_path) == ["leads.csv"]
    signal.signal(signal.SIGINT, before)
