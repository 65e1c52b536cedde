"""Uploaded files between the import page's steps: on disk, so that every worker process finds them.

Each has a folder of its own in ``UPLOAD_DIR``, named after its owner and a random token, that only the server's user
can read. What a file was called is kept as text and never used as a path.
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
from leads.importing.sources.reader import Source, open_source
from leads.importing.stats import Refused

DAY = 24 * 60 * 60
KEPT = DAY  # seconds that an upload waits for its import
REJECTS_KEPT = 7 * DAY  # seconds that the bad rows of an import can be downloaded
MAX_WAITING = 5  # uploads of one person; the oldest makes room
REMEMBERED = ("name", "runs")  # of an upload, once it is imported
REJECTS = "rejects-"  # what the bad rows of a run are called, before its id
SKIPPED = "skipped-"  # the same of the skipped and updated rows
BEING_READ = "This file is being read. Try again in a moment."
ANOTHER_BEING_READ = "Another file is being read. Try again in a moment."


class Upload:
    """One uploaded file and what has been found out about it; ``state`` is plain JSON, written by ``save``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = folder.name.rpartition("-")[2]
        self.state: dict[str, Any] = json.loads((folder / "state.json").read_text())

    @classmethod
    def store(cls, owner: int, name: str, pieces: Iterable[bytes]) -> Self:
        """Keep a file of ``owner`` (a user's id). Raises ``OSError`` where there is no room, ``Refused`` where an
        erasure of personal data is at it."""
        sweep()
        for oldest in sorted(_root().glob(f"{owner}-*"), key=_age)[MAX_WAITING - 1 :]:
            shutil.rmtree(oldest, ignore_errors=True)
        folder = _root() / f"{owner}-{secrets.token_hex(16)}"
        folder.mkdir(mode=0o700)
        try:
            with locked(folder):
                with open(folder / "file", "xb", opener=private) as file:
                    for piece in pieces:
                        file.write(piece)
                _write(folder, {"name": name, "runs": []})
        except BlockingIOError:
            shutil.rmtree(folder, ignore_errors=True)
            raise Refused(BEING_READ) from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder)

    @classmethod
    def of(cls, owner: int, token: str) -> Self | None:
        """The upload with that token, if it is ``owner``'s and still there."""
        folder = Path(settings.UPLOAD_DIR) / f"{owner}-{token}"
        try:
            return cls(folder) if token.isalnum() else None
        except (OSError, ValueError):
            return None

    @property
    def name(self) -> str:
        """What the file was called where it came from: for people, not for paths."""
        return str(self.state["name"])

    @property
    def waiting(self) -> bool:
        """Whether the file is still here to be imported."""
        return (self.folder / "file").exists()

    @property
    def finished(self) -> bool:
        """Whether nothing is known any more but which runs came of it."""
        return isinstance(self.state, dict) and self.state.keys() == set(REMEMBERED)

    @property
    def rejects(self) -> Path:
        """Where an attempt writes its bad rows."""
        return self.folder / "rejects"

    def open(self) -> Source:
        """The file to read; ``Unreadable`` with a sentence where it is no list."""
        return open_source(self.folder / "file", name=self.name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other request, in whatever process, out of this upload meanwhile; the state is read anew.

        Raises ``Refused`` where the upload was thrown away since, or where another request has it: to wait would occupy
        a thread of the server for as long as that one reads.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder))
                self.state = json.loads((self.folder / "state.json").read_text())
            except BlockingIOError:
                raise Refused(BEING_READ) from None
            except FileNotFoundError:
                raise Refused("That file is no longer here. Upload it again.") from None
            yield

    def save(self) -> None:
        """Write the state, whole or not at all."""
        _write(self.folder, self.state)

    def drop(self) -> None:
        """Throw away the file and all that is known of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """Throw the file away, and remember only which runs came of it."""
        (self.folder / "file").unlink(missing_ok=True)
        self.rejects.unlink(missing_ok=True)
        self.state = {name: self.state[name] for name in REMEMBERED}
        self.save()


def rejects_of(run_id: int) -> Path:
    """Where the bad rows of a run are, for ``REJECTS_KEPT`` seconds."""
    return Path(settings.UPLOAD_DIR) / f"{REJECTS}{run_id}.csv"


def skipped_of(run_id: int) -> Path:
    """Where the skipped and updated rows of a run are, as long."""
    return Path(settings.UPLOAD_DIR) / f"{SKIPPED}{run_id}.csv"


def files_of(run_id: int) -> list[Path]:
    """Return where the rows of a run are, whether there are any or not."""
    return [rejects_of(run_id), skipped_of(run_id)]


def sweep(now: float | None = None) -> int:
    """Remove what has been kept long enough at ``now`` (seconds since 1970), and return how much that was."""
    swept = 0
    for path in kept():
        if _age(path, now) > (KEPT if path.is_dir() else REJECTS_KEPT):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            swept += 1
    return swept


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder. Raises ``FileNotFoundError``; ``BlockingIOError`` where one is at it."""
    with open(folder / "lock", "w", opener=private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one request read a file, whichever it is; raises ``Refused`` for others meanwhile, in whatever process.

    Previews and imports of several files would wait for each other in the database, each with a thread of the server.
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


def kept() -> list[Path]:
    """All there is; ``OSError`` where it cannot be seen, which a pattern would take for nothing."""
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
    """Seconds since something last changed in it; none where it is gone."""
    try:
        return (now or time.time()) - path.stat().st_mtime
    except OSError:
        return 0


def _write(folder: Path, state: dict[str, Any]) -> None:
    part = folder / f"state-{secrets.token_hex(4)}"
    with open(part, "x", opener=private) as file:
        json.dump(state, file)
    part.replace(folder / "state.json")
