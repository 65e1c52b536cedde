"""Files with personal data, which only their owner can read and write from their creation on, whatever the umask."""

import os
from pathlib import Path
from typing import IO, Any

MODE = 0o600


def private(path: str, flags: int) -> int:
    """Open a file for the built-in ``open(…, opener=private)``. A new file is private."""
    return os.open(path, flags, MODE)


def create(path: Path, mode: str, **options: Any) -> IO[Any]:
    """Return a new file, open for writing. An existing file of that name is deleted first.

    ``mode`` is "xb" or "x", so that a file which another process creates at the same moment is not written to.
    """
    path.unlink(missing_ok=True)
    return open(path, mode, opener=private, **options)


def make_private(path: Path) -> None:
    """Restrict access to a file to its owner; create an empty file if there is none."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, MODE))
    path.chmod(MODE)
