"""Files with personal data: readable and writable by their owner alone from their creation, whatever the umask is."""

import os
from pathlib import Path
from typing import IO, Any

MODE = 0o600


def private(path: str, flags: int) -> int:
    """Open a file for the built-in ``open(…, opener=private)``; a new one is for its owner alone."""
    return os.open(path, flags, MODE)


def create(path: Path, mode: str, **options: Any) -> IO[Any]:
    """Return a new file, open for writing; what has its name (left by a killed process, or put there) is unlinked.

    ``mode`` is "xb" or "x": a file that somebody else makes in that moment is not written to.
    """
    path.unlink(missing_ok=True)
    return open(path, mode, opener=private, **options)


def make_private(path: Path) -> None:
    """Take all access to a file from everybody but its owner; create an empty one where there is none."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, MODE))
    path.chmod(MODE)
