"""glibc's allocator, set so that workers stay small: it reads its settings from the environment, at a process's start.

Without them each thread has an arena of its own, and keeps what it has freed.
"""

import os
import sys

SETTINGS = {
    "MALLOC_ARENA_MAX": "1",  # Python runs one thread at a time anyway
    "MALLOC_TRIM_THRESHOLD_": "131072",  # bytes that may stay with a process at the top of its heap
    "MALLOC_MMAP_THRESHOLD_": "131072",  # larger pieces go back when freed, such as the 19 MiB of a password's hash
}


def restart_with_settings() -> None:
    """Become this program again, with the settings, unless it has them."""
    if sys.platform == "linux" and not SETTINGS.keys() & os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **SETTINGS})  # noqa: S606
