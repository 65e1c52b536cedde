"""``manage.py backup`` and ``restore``, while a server writes."""

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.factories import activity_row, lead_row
from tests.live import migrated_file
from tests.torture.crm import Crm
from tests.torture.load import Gate, Writer

pytestmark = pytest.mark.skipif(
    not settings.DATABASE_URL.startswith("sqlite"), reason="PostgreSQL has its own tools: test_backup_postgresql.py"
)

COPIES = range(2)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    """Yield a migrated database, without a server."""
    office = Crm(migrated_file(tmp_path / "office.db"), tmp_path, WORKERS="1")
    try:
        yield office
    finally:
        office.stop()


@pytest.fixture
def filled(crm: Crm) -> Crm:
    """Return a running server, with an agent, a hundred leads and an activity."""
    server = crm.start()
    token = server.token("agent")
    first = server.send("POST", "/api/leads", [lead_row() for _ in range(100)], token).json()[0]["id"]
    assert server.send("POST", f"/api/leads/{first}/activities", activity_row(), token).status == 201
    return crm


def contents(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").fetchall()
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for (name,) in tables}


def schema(file: Path) -> list[tuple[Any, ...]]:
    """Return all tables and indexes."""
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()


def rejected(crm: Crm, *arguments: object) -> str:
    """Return the one line that an error prints."""
    done = crm.manage(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def dashboard(crm: Crm) -> Any:
    """Return the dashboard's figures."""
    login = crm.server.send("POST", "/api/users/login", {"username": "agent", "password": "pass123456"}).json()
    return crm.server.send("GET", "/api/dashboard", headers={"Authorization": f"Bearer {login['access_token']}"}).json()


def test_there_and_back_row_by_row(filled: Crm, tmp_path: Path) -> None:
    before = dashboard(filled)
    filled.stop()
    made = filled.manage("backup", tmp_path / "copy.db")
    assert (made.returncode, made.stderr) == (0, "")
    assert "1 users, 100 leads, 1 activities" in made.stdout
    office, copy = tmp_path / "office.db", tmp_path / "copy.db"
    assert contents(copy) == contents(office)
    assert schema(copy) == schema(office)
    original = contents(office)
    for ending in ("", "-wal", "-shm"):
        Path(f"{office}{ending}").unlink(missing_ok=True)
    back = filled.manage("restore", copy)
    assert (back.returncode, back.stderr) == (0, "")
    assert contents(office) == original
    filled.start()
    assert dashboard(filled) == before
    assert before["total_leads"] == 100


def test_it_is_one_file_for_its_owner_alone(filled: Crm, tmp_path: Path) -> None:
    assert filled.manage("backup", tmp_path / "folder.db").returncode == 0
    assert sorted(path.name for path in tmp_path.glob("*folder*")) == ["folder.db"]
    assert (tmp_path / "folder.db").stat().st_mode & 0o777 == 0o600


def test_a_row_that_belongs_to_nothing_is_named(filled: Crm, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "office.db")) as database:
        (number,) = database.execute("UPDATE activities_activity SET lead_id = 99999 RETURNING id").fetchone()
        database.commit()
    printed = rejected(filled, "backup", tmp_path / "copy.db")
    assert f"row {number} of activities_activity, to leads_lead" in printed
    assert not (tmp_path / "copy.db").exists()


def test_the_database_itself_is_for_its_owner_alone(tmp_path: Path) -> None:
    office = Crm(f"sqlite:///{tmp_path}/office.db", tmp_path)
    assert office.manage("migrate", "-v0").returncode == 0
    assert (tmp_path / "office.db").stat().st_mode & 0o777 == 0o600


def test_under_writes_every_copy_is_of_one_moment(filled: Crm, tmp_path: Path) -> None:
    gate = Gate(3)
    token = filled.server.token("writer")
    writers = [Writer(f"w{n}", filled.server.port, token, gate, [1]) for n in range(3)]
    for writer in writers:
        writer.start()
    try:
        for number in COPIES:
            assert filled.manage("backup", tmp_path / f"{number}.db").returncode == 0
    finally:
        gate.end()
        for writer in writers:
            writer.join()
    sizes = []
    for number in COPIES:
        copy = Crm(f"sqlite:///{tmp_path}/{number}.db", tmp_path)
        checked = copy.manage("verify")
        assert (checked.returncode, checked.stderr) == (0, "")
        sizes.append(len(contents(tmp_path / f"{number}.db")["leads_lead"]))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert not [line for writer in writers for line in writer.book.wrong]


def test_nothing_is_written_over(filled: Crm, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    assert "exists already" in rejected(filled, "backup", tmp_path / "precious")
    assert (tmp_path / "precious").read_text() == "mine"
    missing = tmp_path / "missing"
    assert f"No backup was made: there is no folder {missing}" in rejected(filled, "backup", missing / "copy.db")


def test_into_a_folder_the_name_has_the_time(filled: Crm, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    made = filled.manage("backup", folder)
    (copy,) = folder.iterdir()
    assert re.fullmatch(r"crm-\d{8}-\d{6}\.db", copy.name)
    assert (made.returncode, made.stdout.startswith(f"{copy}: 1 users, 100 leads")) == (0, True)
    assert copy.stat().st_mode & 0o777 == 0o600


def test_data_are_replaced_only_by_force_and_saved(filled: Crm, tmp_path: Path) -> None:
    """While the server runs, which has the old data and then the new."""
    assert filled.manage("backup", tmp_path / "copy.db").returncode == 0
    more = filled.server.send("POST", "/api/leads", [lead_row() for _ in range(5)], filled.server.token("other"))
    assert more.status == 201
    before = contents(tmp_path / "office.db")
    assert "--force" in rejected(filled, "restore", tmp_path / "copy.db")
    assert contents(tmp_path / "office.db") == before
    back = filled.manage("restore", tmp_path / "copy.db", "--force")
    assert (back.returncode, back.stderr) == (0, "")
    assert dashboard(filled)["total_leads"] == 100
    (saved,) = tmp_path.glob("office.db.before-*")
    assert str(saved) in back.stdout
    assert contents(saved) == before


def test_files_that_are_no_backups_are_rejected(filled: Crm, tmp_path: Path) -> None:
    before = contents(tmp_path / "office.db")
    assert filled.manage("backup", tmp_path / "copy.db").returncode == 0
    half = tmp_path / "half.db"
    half.write_bytes((tmp_path / "copy.db").read_bytes()[:100_000])
    text = tmp_path / "text.db"
    text.write_text("no database " * 500)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE t (x)")
    for file in (half, text, other, tmp_path / "missing.db"):
        assert "Nothing was restored" in rejected(filled, "restore", file, "--force")
    assert contents(tmp_path / "office.db") == before
    assert not list(tmp_path.glob("office.db.before-*"))


def test_a_backup_of_a_later_version_is_rejected(filled: Crm, tmp_path: Path) -> None:
    assert filled.manage("backup", tmp_path / "copy.db").returncode == 0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as database:
        database.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('leads', '0999_x', '2030-01-01')")
        database.commit()
    assert "later version, with leads.0999_x" in rejected(filled, "restore", tmp_path / "copy.db", "--force")


def test_a_damaged_database_is_saved_unchanged(filled: Crm, tmp_path: Path) -> None:
    assert filled.manage("backup", tmp_path / "copy.db").returncode == 0
    filled.stop()
    office = tmp_path / "office.db"
    office.write_bytes(b"damaged " * 10_000)
    assert "cannot be read" in rejected(filled, "restore", tmp_path / "copy.db")
    assert filled.manage("restore", tmp_path / "copy.db", "--force").returncode == 0
    (saved,) = tmp_path.glob("office.db.before-*")
    assert saved.read_bytes() == b"damaged " * 10_000
    assert contents(office)["leads_lead"] == contents(tmp_path / "copy.db")["leads_lead"]


def test_killed_in_the_middle_it_leaves_no_backup_or_a_whole_one(filled: Crm, tmp_path: Path) -> None:
    """A restore that is killed leaves all of the old data or all of the new."""
    copy = tmp_path / "copy.db"
    assert filled.manage("backup", copy).returncode == 0
    filled.server.send("POST", "/api/leads", [lead_row() for _ in range(50)], filled.server.token("other"))
    for number in range(6):
        making = filled.begin("backup", tmp_path / f"{number}.db")
        restoring = filled.begin("restore", copy, "--force")
        threading.Event().wait(0.5 + number * 0.1)
        for process in (making, restoring):
            process.kill()
            process.communicate()
        if (tmp_path / f"{number}.db").exists():
            assert len(contents(tmp_path / f"{number}.db")["leads_lead"]) in (100, 150)
        assert len(contents(tmp_path / "office.db")["leads_lead"]) in (100, 150)
    assert filled.manage("verify").returncode == 0


def test_a_backup_that_does_not_fit_leaves_nothing(filled: Crm, tmp_path: Path) -> None:
    import resource

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = filled.manage("backup", tmp_path / "copy.db", preexec_fn=bound)
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: No backup was made")
    assert not [name for name in os.listdir(tmp_path) if "copy" in name]
