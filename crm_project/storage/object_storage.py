"""Django storage in an S3-compatible object storage, by django-storages. Only imported if ``STORAGE_URL`` is set."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage


class ObjectStorage(S3Storage):  # type: ignore[misc]
    """django-storages' storage, whose failures are ``OSError`` as those of other storages are."""

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with os_errors():
            file: File[bytes] = super()._open(name, mode)
            file.file  # noqa: B018  reads it, into a temporary file if it is large
            return file

    def _save(self, name: str, content: Any) -> str:
        with os_errors():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        """Delete the file, if there is one."""
        with os_errors():
            super().delete(name)

    def exists(self, name: str) -> bool:
        """Return whether there is a file of that name."""
        with os_errors():
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        """Return the names of the folders and of the files in a folder."""
        with os_errors():
            folders, files = super().listdir(name)
            return list(folders), list(files)

    def size(self, name: str) -> int:
        """Return the size in bytes."""
        with os_errors():
            return int(super().size(name))

    def get_modified_time(self, name: str) -> datetime:
        """Return when the file was saved."""
        with os_errors():
            modified: datetime = super().get_modified_time(name)
            return modified


@contextmanager
def os_errors() -> Iterator[None]:
    """Turn boto's errors into ``OSError``."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OSError(5, f"The object storage failed: {type(error).__name__}") from error
