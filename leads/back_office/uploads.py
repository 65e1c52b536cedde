"""Uploaded files between the import page's steps: on disk, so that every worker process finds them.

Each has a folder of its own in ``UPLOAD_DIR``, named after its owner and a random token, that only the server's user
can read. What a file was called is kept as text and never used as a path.

What is not the owner's alone to keep, ``kept_rows`` and the ``erase_…`` functions find and take out for the person it
is about (dashboard/personal_data).
"""

import csv
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from leads.importing.read import Source, open_source
from leads.importing.read_csv import allow_long_fields
from leads.importing.tally import Refused, showable

DAY = 24 * 60 * 60
KEPT = DAY  # seconds that an upload waits for its import
REJECTS_KEPT = 7 * DAY  # seconds that the bad rows of an import can be downloaded
MOST_WAITING = 5  # uploads of one person; the oldest makes room
NEAR = 2  # columns from a first name to its last name
REMEMBERED = ("name", "runs")  # of an upload, once it is imported
REJECTS, PART = "rejects-", ".part"  # the bad rows of a run; what is to take a file's place, while it is written

_folder = re.compile("[0-9]+-[0-9a-f]{32}")
_rejects = re.compile(rf"{REJECTS}([0-9]+)\.csv")

AreTheirs = Callable[[list[str]], bool]  # whether the cells of a row are somebody's
IsToldIn = Callable[[str], bool]  # whether a text has somebody in it


class Unreadable(OSError):
    """What is kept cannot be read or changed by this account, or at all: half a sentence."""


class Busy(Exception):
    """Somebody else is at it: half a sentence."""


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreadable(f"The files kept of imports cannot be read or changed ({error.strerror})") from None


class Upload:
    """One uploaded file and what has been found out about it; ``state`` is plain JSON, written by ``save``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = folder.name.rpartition("-")[2]
        self.state: dict[str, Any] = json.loads((folder / "state.json").read_text())

    @classmethod
    def store(cls, owner: int, name: str, pieces: Iterable[bytes]) -> Self:
        """Keep a file of ``owner`` (a user's id). Raises ``OSError`` where there is no room."""
        sweep()
        for oldest in sorted(_root().glob(f"{owner}-*"), key=_age)[MOST_WAITING - 1 :]:
            shutil.rmtree(oldest, ignore_errors=True)
        folder = _root() / f"{owner}-{secrets.token_hex(16)}"
        folder.mkdir(mode=0o700)
        try:
            with _locked(folder):
                with open(folder / "file", "xb", opener=_private) as file:
                    for piece in pieces:
                        file.write(piece)
                _write(folder, {"name": name, "runs": []})
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
    def alone(self, wait: bool = True) -> Iterator[None]:
        """Keep every other request, in whatever process, out of this upload meanwhile; the state is read anew.

        Raises ``Refused`` where the upload was thrown away since, ``BlockingIOError`` where another has it and one is
        not to ``wait``.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(_locked(self.folder, wait))
                self.state = json.loads((self.folder / "state.json").read_text())
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


def sweep(now: float | None = None) -> int:
    """Remove what has been kept long enough at ``now`` (seconds since 1970), and return how much that was."""
    swept = 0
    for path in _kept():
        if _age(path, now) > (KEPT if path.is_dir() else REJECTS_KEPT):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            swept += 1
    return swept


def waiting() -> int:
    """How many files wait for their import. Raises ``Unreadable``, as all that follow do."""
    with _reachable():
        return sum((folder / "file").exists() for folder in _folders())


def kept_rows(are_theirs: AreTheirs) -> Iterator[tuple[int, list[str]]]:
    """Bad rows kept for download that are somebody's, going by their cells, each with the id of its run."""
    with _reachable():
        for run_id, path in _kept_files():
            with suppress(csv.Error):
                yield from ((run_id, list(map(showable, row))) for row in _rows(path) if are_theirs(row))


def erase_rows(are_theirs: AreTheirs, instead: str) -> None:
    """Take those rows out of their files, which are kept as long as they would have been.

    The header stays, with ``instead`` in the place of names of columns that are theirs. A file with a cell too long to
    be read goes as a whole. To be used by one process at a time.
    """
    with _reachable():
        for path in _kept():
            if path.name.startswith(REJECTS) and path.suffix == PART:  # what an erasure left that was killed
                path.unlink(missing_ok=True)
        for _, path in _kept_files():
            try:
                if any(map(are_theirs, _rows(path))):
                    _rewrite(path, are_theirs, instead)
            except csv.Error:
                path.unlink(missing_ok=True)


def _rewrite(path: Path, are_theirs: AreTheirs, instead: str) -> None:
    seen, part = path.stat(), path.with_suffix(PART)
    try:
        with open(part, "w", newline="", encoding="utf-8", errors="surrogateescape", opener=_private) as file:
            write, rows = csv.writer(file), _rows(path)
            write.writerow(_without(next(rows, []), are_theirs, instead))
            write.writerows(row for row in rows if not are_theirs(row))
        os.utime(part, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _without(header: list[str], are_theirs: AreTheirs, instead: str) -> list[str]:
    """Names of columns, with ``instead`` for those that tell of somebody, alone or with another one near."""
    told = {place for place, name in enumerate(header) if are_theirs([name])}
    for place, name in enumerate(header):
        for near in range(place + 1, min(place + NEAR + 1, len(header))):
            if not {place, near} & told and are_theirs([name, header[near]]):
                told |= {place, near}
    return [instead if place in told else name for place, name in enumerate(header)]


def erase_uploads(is_told_in: IsToldIn, called: str) -> int:
    """Throw away all files that wait, whoever may be in them, and rename those imported whose name tells of somebody.

    Returns how many were thrown away. Raises ``Busy``, before anything is done, where somebody is at one of them.
    """
    with _reachable(), ExitStack() as locks:
        folders = _folders()
        for folder in folders:
            with suppress(FileNotFoundError):  # swept since
                try:
                    locks.enter_context(_locked(folder, wait=False))
                except BlockingIOError:
                    raise Busy("Somebody is at a file on the import page at this moment") from None
        return sum(_erase_upload(folder, is_told_in, called) for folder in folders)


def _erase_upload(folder: Path, is_told_in: IsToldIn, called: str) -> bool:
    try:
        upload = Upload(folder)
    except (FileNotFoundError, ValueError):  # who was storing it was killed
        upload = None
    if upload is None or upload.waiting or not upload.finished:
        with suppress(FileNotFoundError):  # swept since
            shutil.rmtree(folder)
            return True
        return False
    for part in folder.glob("state-*"):  # who was writing it was killed
        part.unlink(missing_ok=True)
    if is_told_in(upload.name):
        upload.state["name"] = called
        upload.save()
    return False


@contextmanager
def _locked(folder: Path, wait: bool = True) -> Iterator[None]:
    """Keep every other process out of a folder. Raises ``FileNotFoundError``; ``BlockingIOError`` without ``wait``."""
    with open(folder / "lock", "w", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _folders() -> list[Path]:
    """The uploads' own ones."""
    return [path for path in _kept() if _folder.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]


def _kept_files() -> list[tuple[int, Path]]:
    """The bad rows kept for download, with the ids of their runs."""
    found = ((_rejects.fullmatch(path.name), path) for path in _kept())
    return [(int(name[1]), path) for name, path in found if name]


def _kept() -> list[Path]:
    """All there is; ``OSError`` where it cannot be seen, which a pattern would take for nothing."""
    root = Path(settings.UPLOAD_DIR)
    try:
        return [root / name for name in sorted(os.listdir(root))]
    except FileNotFoundError:
        return []


def _rows(path: Path) -> Iterator[list[str]]:
    allow_long_fields()
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            yield from csv.reader(file)
    except FileNotFoundError:  # swept since
        return


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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(folder: Path, state: dict[str, Any]) -> None:
    part = folder / f"state-{secrets.token_hex(4)}"
    with open(part, "x", opener=_private) as file:
        json.dump(state, file)
    part.replace(folder / "state.json")
