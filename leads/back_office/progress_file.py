"""How far a request has read a file, for the page that waits for it: a small file, since workers share no memory."""

import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from crm_project.private_files import private
from leads.back_office.upload_limits import MAX_ROWS, TooLarge

EVERY = 0.25  # seconds between two writes
LONGEST_KEY = 64


class ProgressFile:
    """Called with the rows and bytes read so far; a context manager that deletes the file at the end.

    ``key`` is what the page calls the request; without one nothing is written. More than ``MAX_ROWS`` rows raise
    ``TooLarge``.
    """

    def __init__(self, owner: int, key: str = "") -> None:
        self.path = _path(owner, key)
        self.size = 0  # bytes of the file, once it is open
        self.written = 0.0

    def __enter__(self) -> "ProgressFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self.path:
            self.path.unlink(missing_ok=True)

    def __call__(self, read: int, position: int) -> None:
        """Write how far it is, now and then; raise ``TooLarge`` for too many rows."""
        if read > MAX_ROWS:
            raise TooLarge(f"There are more than {MAX_ROWS:,} rows.")
        now = time.monotonic()
        if self.path and now - self.written >= EVERY:
            self.written = now
            share = min(100, 100 * position // self.size) if self.size else 0
            part = self.path.with_suffix(".part")
            with open(part, "w", opener=private) as file:
                json.dump({"rows": read, "percent": share}, file)
            part.replace(self.path)


def progress_of(owner: int, key: str) -> dict[str, Any]:
    """Return the rows read and the percentage of the file; empty where nothing is being read."""
    path = _path(owner, key)
    try:
        return dict(json.loads(path.read_text())) if path else {}
    except (OSError, ValueError):
        return {}


def _path(owner: int, key: str) -> Path | None:
    if not (key.isascii() and key.isalnum() and len(key) <= LONGEST_KEY):
        return None
    return Path(settings.UPLOAD_DIR) / f"progress-{owner}-{key}.json"
