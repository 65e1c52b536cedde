"""Uploaded files between the steps of the import pages: on disk, where every worker process finds them.

Each has its own folder in ``UPLOAD_DIR``, named after its owner and a random token, that only the server's user can
read. The original file name is stored as text and never used as a path.
"""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from crm_project.private_files import private
from leads.back_office.reading import Reading
from leads.importing.sources.reader import Source, open_source
from leads.importing.stats import Refused
from leads.models import ImportRun

DAY = 24 * 60 * 60
UPLOAD_LIFETIME = DAY  # seconds that an upload is stored
REJECTS_LIFETIME = 7 * DAY  # seconds that the rows with errors can be downloaded
MAX_UPLOADS = 5  # of one user; a further one replaces the oldest
AFTER_IMPORT = ("name", "runs")  # the state of an upload that was imported
REJECTS = "rejects-"  # prefix of the file with the rejected rows of a run, before its id
SKIPPED = "skipped-"  # the same for the skipped and updated rows
BEING_READ = "This file is being read. Try again in a moment."
ANOTHER_BEING_READ = "Another file is being read. Try again in a moment."


class Upload:
    """One uploaded file and its ``state``, which is plain JSON, written by ``save``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = folder.name.rpartition("-")[2]
        self.state: dict[str, Any] = json.loads((folder / "state.json").read_text())

    @classmethod
    def store(cls, owner: int, name: str, chunks: Iterable[bytes]) -> Self:
        """Store a file of ``owner`` (a user's id). Raises ``OSError`` without disk space, ``Refused`` if an erasure of
        personal data has locked the folder."""
        sweep()
        for oldest in sorted(_root().glob(f"{owner}-*"), key=_age)[MAX_UPLOADS - 1 :]:
            shutil.rmtree(oldest, ignore_errors=True)
        folder = _root() / f"{owner}-{secrets.token_hex(16)}"
        folder.mkdir(mode=0o700)
        try:
            with locked(folder):
                with open(folder / "file", "xb", opener=private) as file:
                    for chunk in chunks:
                        file.write(chunk)
                _write(folder, {"name": name, "runs": []})
        except BlockingIOError:
            shutil.rmtree(folder, ignore_errors=True)
            raise Refused(BEING_READ) from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder)

    @classmethod
    def find(cls, owner: int, token: str) -> Self | None:
        """Return the upload with that token if it is ``owner``'s and still stored."""
        folder = Path(settings.UPLOAD_DIR) / f"{owner}-{token}"
        try:
            return cls(folder) if token.isalnum() else None
        except (OSError, ValueError):
            return None

    @property
    def name(self) -> str:
        """Return the original name of the file: for display, not for paths."""
        return str(self.state["name"])

    @property
    def waiting(self) -> bool:
        """Return whether the file is still stored and can be imported."""
        return (self.folder / "file").exists()

    @property
    def finished(self) -> bool:
        """Return whether only the runs of the upload are still stored."""
        return isinstance(self.state, dict) and self.state.keys() == set(AFTER_IMPORT)

    @property
    def rejects(self) -> Path:
        """Return the path to which an import writes its rejected rows."""
        return self.folder / "rejects"

    @property
    def skipped(self) -> Path:
        """Return the path to which an import writes its skipped and updated rows."""
        return self.folder / "skipped"

    def open(self, reading: Reading | None = None) -> Source:
        """Open the file, read as is wanted; raises ``Unreadable`` if it is no table."""
        reading = reading or Reading()
        options = reading.options()
        return open_source(self.folder / "file", name=self.name, format=reading.format or None, hints=options)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the upload against all other requests, in all processes, and read its state again.

        Raises ``Refused`` if the upload was deleted or another request has the lock: waiting would occupy a thread of
        the server.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder))
                self.state = json.loads((self.folder / "state.json").read_text())
            except BlockingIOError:
                raise Refused(BEING_READ) from None
            except FileNotFoundError:
                raise Refused("The file was removed. Upload it again.") from None
            yield

    def save(self) -> None:
        """Write the state atomically."""
        _write(self.folder, self.state)

    def delete(self) -> None:
        """Delete the file and its state."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def store_outputs(self, run: ImportRun) -> None:
        """Move the rows that ``run`` did not import to where they can be downloaded from."""
        if (run.rejected or run.left_out) and self.rejects.exists():
            self.rejects.replace(rejects_of(run.pk))
        if run.skipped_rows and self.skipped.exists():
            self.skipped.replace(skipped_of(run.pk))

    def finish(self) -> None:
        """Delete the file; keep only which runs were made from it."""
        (self.folder / "file").unlink(missing_ok=True)
        self.rejects.unlink(missing_ok=True)
        self.skipped.unlink(missing_ok=True)
        self.state = {name: self.state[name] for name in AFTER_IMPORT}
        self.save()


def rejects_of(run_id: int) -> Path:
    """Return the path of the rejected rows of a run, stored for ``REJECTS_LIFETIME`` seconds."""
    return Path(settings.UPLOAD_DIR) / f"{REJECTS}{run_id}.csv"


def skipped_of(run_id: int) -> Path:
    """Return the path of the skipped and updated rows of a run, stored as long."""
    return Path(settings.UPLOAD_DIR) / f"{SKIPPED}{run_id}.csv"


def files_of(run_id: int) -> list[Path]:
    """Return the paths of all rows of a run, whether the files exist or not."""
    return [rejects_of(run_id), skipped_of(run_id)]


def sweep(now: float | None = None) -> int:
    """Delete what is expired at ``now`` (seconds since 1970), and return the number of deletions."""
    deleted = 0
    for path in stored_paths():
        if _age(path, now) > (UPLOAD_LIFETIME if path.is_dir() else REJECTS_LIFETIME):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            deleted += 1
    return deleted


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes. Raises ``FileNotFoundError``, or ``BlockingIOError`` if it is locked."""
    with open(folder / "lock", "w", opener=private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def single_reader() -> Iterator[None]:
    """Let one request in all processes read an upload; raises ``Refused`` for others in the meantime.

    Previews and imports of several files would wait for each other in the database, each occupying a thread.
    """
    folder = os.open(_root(), os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(ANOTHER_BEING_READ) from None
        yield
    finally:
        os.close(folder)


def stored_paths() -> list[Path]:
    """Return all files and folders in ``UPLOAD_DIR``. Raises ``OSError`` if it cannot be read."""
    root = Path(settings.UPLOAD_DIR)
    try:
        return [root / name for name in sorted(os.listdir(root))]
    except FileNotFoundError:
        return []


def _root() -> Path:
    root = Path(settings.UPLOAD_DIR)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root


def _age(path: Path, now: float | None = None) -> float:
    """Return the seconds since the last change; 0 if the path no longer exists."""
    try:
        return (now or time.time()) - path.stat().st_mtime
    except OSError:
        return 0


def _write(folder: Path, state: dict[str, Any]) -> None:
    part = folder / f"state-{secrets.token_hex(4)}"
    with open(part, "x", opener=private) as file:
        json.dump(state, file)
    part.replace(folder / "state.json")
