"""Recovery of PostgreSQL to a moment before a mistake, as docs/operations.md describes it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.factories import activity_row, lead_row
from tests.reliability.test_backup_postgresql import contents
from tests.torture.cluster import Cluster, own_cluster, programs, run_as_owner
from tests.torture.crm import Crm

pytestmark = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or programs() is None, reason="about PostgreSQL's archive"
)
PGBACKREST = shutil.which("pgbackrest")


class Archive:
    """Base backups and the write-ahead log in a folder, by PostgreSQL's own programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run_as_owner("mkdir", "-m", "700", str(folder / "wal"))
        file = f"{folder}/wal/%f"
        self.command = f"test ! -f {file} && cp %p {file}.partial && mv {file}.partial {file}"

    def begin(self, cluster: Cluster) -> None:
        """Do what must be done once."""

    def back_up(self, cluster: Cluster) -> None:
        """Make a base backup."""
        source = f"host=127.0.0.1 port={cluster.port} user=postgres"
        run_as_owner(program("pg_basebackup"), "-D", str(self.folder / "base"), "-c", "fast", "-d", source)

    def restore(self, until: datetime) -> Callable[[Path], None]:
        """Return the function that writes the data of that moment into a folder."""

        def restore(data: Path) -> None:
            run_as_owner("cp", "-a", str(self.folder / "base"), str(data))
            run_as_owner("touch", str(data / "recovery.signal"))
            with (data / "postgresql.auto.conf").open("a") as file:
                file.write(f"restore_command = 'cp {self.folder}/wal/%f %p'\n")
                file.write(f"recovery_target_time = '{until}'\n")
                file.write("recovery_target_action = 'promote'\n")

        return restore


class PgBackRest:
    """The same by pgBackRest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = [str(PGBACKREST), f"--config={folder}/pgbackrest.conf", "--stanza=crm"]
        self.command = f"{' '.join(self.program)} archive-push %p"

    def begin(self, cluster: Cluster) -> None:
        """Write the configuration, and create the stanza."""
        lines = [
            "[global]",
            f"repo1-path={self.folder}/repository",
            f"lock-path={self.folder}/lock",
            "log-level-file=off",
            "start-fast=y",
            "[crm]",
            f"pg1-path={cluster.data}",
            f"pg1-port={cluster.port}",
            f"pg1-socket-path={cluster.folder}",
            "pg1-user=postgres",
        ]
        (self.folder / "pgbackrest.conf").write_text("\n".join(lines))
        run_as_owner(*self.program, "stanza-create")

    def back_up(self, cluster: Cluster) -> None:
        """Make a base backup."""
        run_as_owner(*self.program, "backup")

    def restore(self, until: datetime) -> Callable[[Path], None]:
        """Return the function that writes the data of that moment into a folder."""

        def restore(data: Path) -> None:
            run_as_owner("mkdir", "-m", "700", str(data))
            # Named, because pgBackRest finds none by itself for a moment in the second in which the backup ended.
            (backup,) = (self.folder / "repository" / "backup" / "crm").glob("*F")
            target = [f"--set={backup.name}", "--type=time", f"--target={until}", "--target-action=promote"]
            run_as_owner(*self.program, f"--pg1-path={data}", *target, "restore")

        return restore


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs."""
    folder = programs()
    assert folder is not None
    return str(folder / name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that belongs to the user of PostgreSQL."""
    path = Path(tempfile.mkdtemp(prefix="crm-archive-"))
    if os.geteuid() == 0:
        shutil.chown(path, "postgres")
    yield path
    shutil.rmtree(path)


def rows(cluster: Cluster) -> dict[str, Any]:
    """Return all rows of all tables. Sequences go on up to 32 further: PostgreSQL logs that many in advance."""
    return {name: found for name, found in contents(cluster.url).items() if name != "sequences"}


@pytest.mark.parametrize(
    "kind",
    [
        Archive,
        pytest.param(PgBackRest, marks=pytest.mark.skipif(not PGBACKREST, reason="pgBackRest is not installed")),
    ],
)
def test_back_to_the_moment_before_a_truncate(
    kind: type[Archive] | type[PgBackRest], folder: Path, tmp_path: Path
) -> None:
    archive = kind(folder)
    with own_cluster(fsync="off") as cluster:
        cluster.execute("ALTER SYSTEM SET archive_mode = on")
        cluster.execute(f"ALTER SYSTEM SET archive_command = '{archive.command}'")
        cluster.stop()
        cluster.start()
        archive.begin(cluster)
        crm = Crm(cluster.url, tmp_path, WORKERS="1")
        try:
            server = crm.start()
            token = server.token("agent")
            acknowledged = [server.send("POST", "/api/leads", lead_row(), token).json()["id"]]
            archive.back_up(cluster)
            for number in range(20):
                reply = server.send("POST", "/api/leads", lead_row(email=f"after{number}@example.com"), token)
                assert reply.status == 201
                acknowledged.append(reply.json()["id"])
            assert server.send("POST", f"/api/leads/{acknowledged[-1]}/activities", activity_row(), token).status == 201
        finally:
            crm.stop()
        before = rows(cluster)
        ((moment,),) = cluster.execute("SELECT clock_timestamp()")
        assert isinstance(moment, datetime)
        cluster.execute("TRUNCATE leads_lead CASCADE")
        cluster.execute("SELECT pg_switch_wal()")
        cluster.stop()
    with own_cluster(restore=archive.restore(moment), fsync="off", archive_mode="off") as recovered:
        assert rows(recovered) == before
        crm = Crm(recovered.url, tmp_path, WORKERS="1")
        try:
            server = crm.start()
            listed = server.send("GET", "/api/leads?size=100", headers=token).json()
            assert sorted(lead["id"] for lead in listed) == acknowledged
            assert server.send("POST", "/api/leads", lead_row(), token).json()["id"] > acknowledged[-1]
            verified = crm.manage("verify")
            assert (verified.returncode, verified.stderr) == (0, "")
        finally:
            crm.stop()
