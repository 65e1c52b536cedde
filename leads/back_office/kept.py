"""What the import page keeps and somebody is in: found, and taken out, for the person it is about.

All raise ``Unreadable`` where the files cannot be seen or changed.
"""

import csv
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from crm_project.private_files import private
from leads.back_office.uploads import REJECTS, Upload, kept, locked
from leads.erasing import APART
from leads.importing import guard
from leads.importing.read_csv import allow_long_fields
from leads.importing.tally import showable

PART = ".part"  # what is to take a file's place, while it is written

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


def waiting() -> int:
    """How many files wait for their import."""
    with _reachable():
        return sum((folder / "file").exists() for folder in _folders())


def kept_rows(are_theirs: AreTheirs) -> Iterator[tuple[int, list[str]]]:
    """Bad rows kept for download that are somebody's, going by their cells, each with the id of its run."""
    with _reachable():
        for run_id, path in _kept_files():
            with suppress(csv.Error):
                rows = map(_meant, _rows(path))
                yield from ((run_id, list(map(showable, row))) for row in rows if are_theirs(row))


def erase_rows(are_theirs: AreTheirs, instead: str) -> None:
    """Take those rows out of their files, which are kept as long as they would have been.

    The header stays, with ``instead`` in the place of names of columns that are theirs. A file with a cell too long to
    be read goes as a whole. To be used by one process at a time.
    """
    with _reachable():
        for path in kept():
            if path.name.startswith(REJECTS) and path.suffix == PART:  # what an erasure left that was killed
                path.unlink(missing_ok=True)
        for _, path in _kept_files():
            try:
                if any(are_theirs(_meant(row)) for row in _rows(path)):
                    _rewrite(path, are_theirs, instead)
            except csv.Error:
                path.unlink(missing_ok=True)


def _rewrite(path: Path, are_theirs: AreTheirs, instead: str) -> None:
    seen, part = path.stat(), path.with_suffix(PART)
    try:
        with open(part, "w", newline="", encoding="utf-8", errors="surrogateescape", opener=private) as file:
            write, rows = csv.writer(file), _rows(path)
            write.writerow(_without(next(rows, []), are_theirs, instead))
            write.writerows(row for row in rows if not are_theirs(_meant(row)))
        os.utime(part, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _without(header: list[str], are_theirs: AreTheirs, instead: str) -> list[str]:
    """Names of columns, with ``instead`` for those that tell of somebody, alone or with another one near."""
    shown, header = header, _meant(header)
    told = {place for place, name in enumerate(header) if are_theirs([name])}
    names = [place for place, name in enumerate(header) if any(map(str.isalnum, name))]
    for number, place in enumerate(names):
        for near in names[number + 1 : number + 1 + APART]:
            if not {place, near} & told and are_theirs([header[place], header[near]]):
                told |= {place, near}
    return [instead if place in told else name for place, name in enumerate(shown)]


def _meant(row: list[str]) -> list[str]:
    """The texts that cells stand for, without their guards against formulas."""
    return [guard.off(cell) for cell in row]


def erase_uploads(is_told_in: IsToldIn, called: str) -> int:
    """Throw away all files that wait, whoever may be in them, and rename those imported whose name tells of somebody.

    Returns how many were thrown away. Raises ``Busy``, before anything is done, where somebody is at one of them.
    """
    with _reachable(), ExitStack() as locks:
        folders = _folders()
        for folder in folders:
            with suppress(FileNotFoundError):  # swept since
                try:
                    locks.enter_context(locked(folder))
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


def _folders() -> list[Path]:
    """The uploads' own ones."""
    return [path for path in kept() if _folder.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]


def _kept_files() -> list[tuple[int, Path]]:
    """The bad rows kept for download, with the ids of their runs."""
    found = ((_rejects.fullmatch(path.name), path) for path in kept())
    return [(int(name[1]), path) for name, path in found if name]


def _rows(path: Path) -> Iterator[list[str]]:
    allow_long_fields()
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            yield from csv.reader(file)
    except FileNotFoundError:  # swept since
        return
