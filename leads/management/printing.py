"""What commands print about things that are done: wherever it goes, it must not change how the command ended."""

import os
from contextlib import suppress
from typing import Any

from django.db import DatabaseError


def say(out: Any, text: str, errors: Any) -> None:
    """Print a report.

    Characters that the terminal lacks become escapes. Where nobody reads on (``| head``) the rest is lost; where the
    disk is full, that is said on ``errors``. The command then ends as it would have: what is done is done.
    """
    encoding = getattr(out, "encoding", None) or "utf-8"
    try:
        out.write(text.encode(encoding, "backslashreplace").decode(encoding))
        out.flush()
    except OSError as error:
        # What is still in the buffer would fail again at the end of the process, and change its exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        if not isinstance(error, BrokenPipeError):
            with suppress(OSError):
                errors.write(f"The report could not be written: {error.strerror}.")


def unusable(error: DatabaseError) -> str:
    """Return a message about a database that is unavailable, not migrated or too busy."""
    return f"the database cannot be used (is it there, and was `manage.py migrate` run?): {str(error).strip()}"
