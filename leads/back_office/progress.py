"""How far a request has read a file, for the page that waits for it, whichever machine the page asks."""

import time
from hashlib import sha256
from typing import Any

from crm_project.db.exclusive import Announce, announced
from crm_project.db.locks import Lock
from leads.back_office.upload_limits import MAX_ROWS, TooLarge

EVERY = 0.25  # seconds between two announcements


class UploadProgress:
    """Called with the rows and bytes read so far. More than ``MAX_ROWS`` rows raise ``TooLarge``.

    ``key`` is what the page calls the request; without one nothing is announced.
    """

    def __init__(self, announce: Announce, owner: int, key: str = "") -> None:
        self.announce, self.tag = announce, key and _tag(owner, key)
        self.size = 0  # bytes of the file, once it is open
        self.announced = 0.0

    def __call__(self, read: int, position: int) -> None:
        """Announce how far it is, now and then; raise ``TooLarge`` for too many rows."""
        if read > MAX_ROWS:
            raise TooLarge(f"There are more than {MAX_ROWS:,} rows.")
        now = time.monotonic()
        if self.tag and now - self.announced >= EVERY:
            self.announced = now
            share = min(100, 100 * position // self.size) if self.size else 0
            self.announce(f"{self.tag} {read} {share}")


def progress_of(owner: int, key: str) -> dict[str, Any]:
    """Return the rows read and the percentage of the file; empty where nothing is being read."""
    tag, _, numbers = announced(Lock.READING_FILE).partition(" ")
    rows, _, percent = numbers.partition(" ")
    if tag != _tag(owner, key) or not (rows.isdecimal() and percent.isdecimal()):
        return {}
    return {"rows": int(rows), "percent": int(percent)}


def _tag(owner: int, key: str) -> str:
    return sha256(f"{owner} {key}".encode()).hexdigest()[:32]
