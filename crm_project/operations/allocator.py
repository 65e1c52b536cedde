"""Settings of glibc's allocator for small workers. It reads them from the environment when the process starts.

With the defaults, each thread has an arena of its own and does not return freed memory.
"""

import os
import sys

SETTINGS = {
    "MALLOC_ARENA_MAX": "1",  # Python runs one thread at a time anyway
    "MALLOC_TRIM_THRESHOLD_": "131072",  # bytes of free memory at the top of the heap that a process does not return
    "MALLOC_MMAP_THRESHOLD_": "131072",  # larger blocks are returned when freed, such as the 19 MiB of Argon2
}


def restart_with_settings() -> None:
    """Execute this program again with the settings, unless it has them."""
    if sys.platform == "linux" and not SETTINGS.keys() & os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **SETTINGS})  # noqa: S606
