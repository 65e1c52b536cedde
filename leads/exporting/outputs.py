"""Where an export goes: a file that takes its name only when it is whole."""

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from crm_project.private_files import create


@contextmanager
def output(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new binary file that replaces ``path`` when the block ends without an error.

    Only its owner can read it. It is written under another name first, so that an export that is killed leaves no
    incomplete file under ``path``. A pipe or a device is written to directly. Raises ``OSError``.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()  # a link stays a link
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with create(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def gzipped(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield a file that compresses what is written into ``file``. The same content gives the same bytes."""
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        buffered = io.BufferedWriter(cast(io.RawIOBase, packed), 1 << 16)
        yield buffered
        buffered.flush()
