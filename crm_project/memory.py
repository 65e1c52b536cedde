"""Small workers: memory is shared between them while it can be, and given back when a large request is over.

Without this a worker grows fourfold under ordinary load and stays so. Garbage waits in cycles until Python looks
through all of Django's objects, which it does rarely; glibc keeps what each thread has freed for that thread.
"""

import ctypes
import gc
import sys

from django.http.response import HttpResponseBase

LARGE = 100_000  # bytes of a body that leave enough behind to look for it at once
LARGE_REPLY = 25_000  # bytes, which may be compressed ones
# glibc's names for what mallopt sets
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
KEPT = 128 * 1024  # bytes; larger pieces go back when freed, such as the 19 MiB of a password's hash


def settle() -> None:
    """Before workers are forked: what is there now stays, so Python neither looks through it again nor copies it."""
    gc.collect()
    gc.freeze()


def hold_little() -> None:
    """In a new worker, before it has threads: freed memory is nobody's own, and large pieces go back at once."""
    if libc := _glibc():
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)


def let_go(response: HttpResponseBase) -> None:
    """Of a reply that has been written out: the rows it was made of, which a cycle would keep until the next search."""
    vars(response).pop("data", None)
    vars(response).pop("renderer_context", None)


def give_back() -> None:
    """After a large request: find its garbage and return the memory to the system. Some milliseconds."""
    gc.collect()
    if libc := _glibc():
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if libc is not None and hasattr(libc, "malloc_trim") else None
