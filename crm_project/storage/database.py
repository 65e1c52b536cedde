"""Django storage in the database: files are written and read in chunks, so memory does not grow with a file."""

import io
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.deconstruct import deconstructible

from crm_project.db import bulk
from crm_project.storage.models import FileChunk, StoredFile

CHUNK = 1 << 20  # bytes of a row


@deconstructible
class DatabaseStorage(Storage):
    """Files as rows. Has no paths and no URLs: files are private, and views send them.

    Each chunk is committed by itself unless the caller has begun a transaction. A file is visible once it is complete.
    """

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError("A stored file is opened for reading (rb). Use save() to write one.")
        file = self._find(name)
        return File(io.BufferedReader(Content(file.pk, file.size or 0)), name)

    def _save(self, name: str, content: Any) -> str:
        file = StoredFile.objects.create(name=name)
        try:
            file.size = 0
            for chunk in chunks_of(content):
                # psycopg remembers the texts of statements, in which Django writes the values; COPY has them apart.
                with transaction.atomic():
                    bulk.insert(FileChunk, [{"file_id": file.pk, "start": file.size, "data": chunk}])
                file.size += len(chunk)
            return self._complete(file)
        except BaseException:
            with suppress(DatabaseError):  # otherwise ``manage.py prune`` deletes it
                StoredFile.objects.filter(pk=file.pk).delete()
            raise

    def _complete(self, file: StoredFile) -> str:
        """Make the file visible and return its name, which is another one if the first was taken meanwhile."""
        while True:
            try:
                with transaction.atomic():
                    file.save(update_fields=["name", "size"])
                return file.name
            except IntegrityError:
                file.name = self.get_available_name(file.name, max_length=255)

    def delete(self, name: str) -> None:
        """Delete the file, if there is one."""
        if not name:
            raise ValueError("The name of the file to delete is empty.")
        complete().filter(name=name).delete()

    def exists(self, name: str) -> bool:
        """Return whether there is a complete file of that name."""
        return complete().filter(name=name).exists()

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in the folder ``path`` ("" for the root)."""
        start = f"{path.strip('/')}/".lstrip("/")
        folders, files = set(), []
        for name in complete().filter(name__startswith=start).order_by("name").values_list("name", flat=True):
            first, slash, _ = name.removeprefix(start).partition("/")
            if slash:
                folders.add(first)
            else:
                files.append(first)
        return sorted(folders), files

    def size(self, name: str) -> int:
        """Return the size in bytes; raise ``FileNotFoundError``."""
        return self._find(name).size or 0

    def get_created_time(self, name: str) -> datetime:
        """Return when the file was saved; raise ``FileNotFoundError``."""
        return self._find(name).created_at

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was saved; raise ``FileNotFoundError``. Files are not modified."""
        return self.get_created_time(name)

    @staticmethod
    def _find(name: str) -> StoredFile:
        if file := complete().filter(name=name).first():
            return file
        raise FileNotFoundError(2, "No such file", name)


class Content(io.RawIOBase):
    """The bytes of a stored file. One chunk is in memory at a time."""

    def __init__(self, file_id: int, size: int) -> None:
        super().__init__()
        self.file_id, self.size = file_id, size
        self.place = self.start = 0
        self.chunk = memoryview(b"")

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte that is read."""
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place and return it."""
        self.place = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence])
        return self.place

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer up to the end of a chunk, and return the number of bytes."""
        if self.place >= self.size:
            return 0
        if not self.start <= self.place < self.start + len(self.chunk):
            self._fetch()
        piece = self.chunk[self.place - self.start :][: len(buffer)]
        buffer[: len(piece)] = piece
        self.place += len(piece)
        return len(piece)

    def _fetch(self) -> None:
        chunks = FileChunk.objects.filter(file_id=self.file_id, start__lte=self.place).order_by("-start")
        found = chunks.values_list("start", "data").first()
        if found is None or found[0] + len(found[1]) <= self.place:
            raise FileNotFoundError(2, "The file was deleted while it was read")
        self.start, self.chunk = found[0], memoryview(found[1])


def complete() -> QuerySet[StoredFile]:
    """Return the files that were written completely."""
    return StoredFile.objects.filter(size__isnull=False)


def incomplete(until: datetime) -> QuerySet[StoredFile]:
    """Return the files whose writing began before ``until`` and was cut off."""
    return StoredFile.objects.filter(size__isnull=True, created_at__lte=until)


def chunks_of(content: Any) -> Iterator[bytes]:
    """Yield the content of a Django ``File`` in pieces of at most ``CHUNK`` bytes."""
    for piece in content.chunks(CHUNK):
        data = piece.encode() if isinstance(piece, str) else piece
        for start in range(0, len(data), CHUNK):
            yield bytes(data[start : start + CHUNK])
