"""Files with personal data are readable by their owner only, whatever the umask is."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crm_project import private_files
from crm_project.operations import backup
from leads.exporting import outputs
from leads.importing.columns.mapping import map_headers
from leads.importing.rejects import Layout, Rejects
from leads.importing.sources.reader import open_source
from tests.exporting.command import export_leads
from tests.factories import make_lead
from tests.importing.command import import_leads, write_csv


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    """Set an umask that restricts nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return path.stat().st_mode & 0o777


@pytest.mark.django_db
def test_rejects_and_exports_of_commands(tmp_path: Path) -> None:
    source = write_csv(tmp_path, "Ada,Lovelace,nowhere,1,new")
    rejects, leads = tmp_path / "rejects.csv", tmp_path / "export.csv"
    for path in (rejects, leads):
        path.write_text("an earlier file that everybody may read")
        path.chmod(0o666)
    import_leads(source, "--on-error", "skip", "--rejects", rejects, code=3)
    make_lead()
    assert export_leads(leads)
    assert "nowhere" in rejects.read_text()
    assert (mode(rejects), mode(leads)) == (0o600, 0o600)


def test_before_they_have_their_name(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    with open_source(write_csv(folder, "Ada,Lovelace,ada@example.com,1,new")) as source:
        rejects = Rejects(tmp_path / "rejects.csv", Layout(source, map_headers(source.header)))
    rejects.open()
    with outputs.output(tmp_path / "leads.csv"):
        parts = [path for path in tmp_path.iterdir() if path != folder]
        assert len(parts) == 2
        assert {mode(part) for part in parts} == {0o600}
    rejects.drop()


def test_a_file_or_link_in_the_place_is_not_written_to(tmp_path: Path) -> None:
    other, place = tmp_path / "other", tmp_path / "place"
    other.write_text("somebody else's")
    for put in (lambda: place.symlink_to(other), lambda: os.link(other, place)):
        place.unlink(missing_ok=True)
        put()
        with private_files.create(place, "x") as file:
            file.write("personal data")
        assert other.read_text() == "somebody else's"
        assert (mode(place), place.is_symlink()) == (0o600, False)


def database(path: Path) -> Path:
    """Return an SQLite file with a row in it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE people (name)")
        connection.execute("INSERT INTO people VALUES ('Ada')")
        connection.commit()
    return path


@pytest.mark.parametrize("existing", [False, True])
def test_restored_databases_and_their_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool) -> None:
    copy, restored = database(tmp_path / "copy.db"), tmp_path / "restored.db"
    if existing:
        database(restored).chmod(0o666)
    connect = sqlite3.connect
    modes: list[int] = []

    def connecting(name: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
        if name == restored:
            modes.append(mode(restored))  # before SQLite would make it
        return connect(name, *arguments, **options)

    monkeypatch.setattr(sqlite3, "connect", connecting)
    backup.replace(restored, copy, None)
    assert modes == [0o600]
    with closing(connect(restored)) as connection:
        connection.execute("INSERT INTO people VALUES ('Grace')")
        connection.commit()
        files = {path.name: mode(path) for path in tmp_path.glob("restored.db*")}
    assert files == {"restored.db": 0o600, "restored.db-wal": 0o600, "restored.db-shm": 0o600}
