"""Uploaded files while a request reads them: temporary copies on this machine, which have no name and end with it.

What is stored between requests is ``leads/import_uploads.py``'s.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Self, cast

from django.core.files.storage import default_storage

from crm_project.db.exclusive import Announce, Busy, exclusive
from crm_project.db.locks import Lock
from leads.back_office.reading import Reading
from leads.importing.sources.reader import Source, open_source
from leads.importing.stats import Refused
from leads.models import ImportRun, ImportUpload

PIECE = 1 << 20  # bytes that are copied at a time
BEING_READ = "A file is being read. Try again in a moment."
REMOVED = "The file was removed. Upload it again."


class LocalFile:
    """An uploaded file that the readers can seek in, and the rows of it that an import leaves out. A context manager.

    ``name`` is the original one.
    """

    def __init__(self, name: str, file: IO[bytes]) -> None:
        file.flush()  # the readers compare its size on disk
        self.name, self.file = name, file
        self._opened = ExitStack()
        self.rejects = self._opened.enter_context(temporary_file())
        self.skipped = self._opened.enter_context(temporary_file())

    @classmethod
    @contextmanager
    def of_pieces(cls, name: str, pieces: Iterable[bytes]) -> Iterator[Self]:
        """Copy a file that comes in pieces."""
        with temporary_file() as copy:
            for piece in pieces:
                copy.write(piece)
            with cls(name, copy) as local:
                yield local

    @classmethod
    @contextmanager
    def of_upload(cls, upload: ImportUpload) -> Iterator[Self]:
        """Copy a stored file; raise ``Refused`` if it was deleted."""
        with temporary_file() as copy:
            try:
                with default_storage.open(upload.file, "rb") as stored:
                    shutil.copyfileobj(stored, copy, PIECE)
            except FileNotFoundError:
                raise Refused(REMOVED) from None
            with cls(upload.name, copy) as local:
                yield local

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def open(self, reading: Reading | None = None) -> Source:
        """Open the file, read as is wanted; raises ``Unreadable`` if it is no table."""
        reading = reading or Reading()
        return open_source(self.file, name=self.name, format=reading.format or None, hints=reading.options())

    def store_outputs(self, run: ImportRun) -> None:
        """Store the rows that ``run`` did not import, to be downloaded."""
        if (run.rejected or run.left_out) and self.rejects.seek(0, 2):
            run.store_file("rejects_file", self.rejects)
        if run.skipped_rows and self.skipped.seek(0, 2):
            run.store_file("skipped_file", self.skipped)


@contextmanager
def single_reader() -> Iterator[Announce]:
    """Let one request of all machines read an upload; raises ``Refused`` for others in the meantime.

    Previews and imports of several files would wait for each other in the database, each occupying a thread.
    """
    with ExitStack() as stack:
        try:
            announce = stack.enter_context(exclusive(Lock.READING_FILE))
        except Busy:
            raise Refused(BEING_READ) from None
        yield announce


def temporary_file() -> IO[bytes]:
    """Return a new file without a name."""
    return cast(IO[bytes], tempfile.TemporaryFile())
