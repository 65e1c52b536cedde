"""Uploaded files between the steps of the import pages, and the rows that imports left out.

Their content is in Django's default storage, which all machines share. A row with the name of a file is stored before
the file is written, and deleted after it. So no file is left without a row if a process is killed in between.
"""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import IO, Any, ClassVar

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

UPLOAD_LIFETIME = timedelta(days=1)  # since the last preview
REJECTS_LIFETIME = timedelta(days=7)  # of the rows that an import left out
MAX_UPLOADS = 5  # of one user; a further one replaces the oldest


def new_name(folder: str) -> str:
    """Return a name for a file of the storage that no file has."""
    return f"{folder}/{secrets.token_hex(16)}"


class ImportUploadQuerySet(models.QuerySet["ImportUpload"]):
    """``ImportUpload.objects``."""

    def store(self, owner: int, name: str, content: IO[bytes], state: dict[str, Any]) -> "ImportUpload":
        """Store a file of ``owner`` (a user's id), and delete expired ones. Raises ``OSError`` if that fails."""
        self.expired(timezone.now()).delete_with_files()
        oldest = self.filter(owner=owner).order_by("-changed_at", "-pk")[MAX_UPLOADS - 1 :]
        self.filter(pk__in=[upload.pk for upload in oldest]).delete_with_files()
        upload = self.create(owner_id=owner, name=name, file=new_name("uploads"), state=state)
        try:
            content.seek(0)
            default_storage.save(upload.file, File(content))
        except BaseException:
            upload.delete_with_file()
            raise
        return upload

    def expired(self, now: datetime) -> "ImportUploadQuerySet":
        """Return the uploads that were not used for a day before ``now``."""
        return self.filter(changed_at__lte=now - UPLOAD_LIFETIME)

    def waiting(self) -> "ImportUploadQuerySet":
        """Return the uploads whose file is stored and can be imported."""
        return self.exclude(file="")

    def delete_with_files(self) -> int:
        """Delete the uploads, files first; return their number."""
        uploads = list(self.defer("state"))
        for upload in uploads:
            upload.delete_with_file()
        return len(uploads)


class ImportUpload(models.Model):
    """An uploaded file and the state of its preview; after the import, the ids of the imports made from it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=64, unique=True, default=secrets.token_hex)
    name = models.CharField(max_length=255)  # the original one, for display
    file = models.CharField(max_length=100, blank=True)  # its name in the storage; "" after the import
    state = models.JSONField(default=dict)  # the latest preview
    runs = models.JSONField(default=list)  # ids of imports
    changed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[ImportUploadQuerySet] = ImportUploadQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    def update(self, **fields: Any) -> None:
        """Store new values of fields, unless the upload was deleted meanwhile."""
        for name, value in fields.items():
            setattr(self, name, value)
        type(self).objects.filter(pk=self.pk).update(**fields, changed_at=timezone.now())

    def finish(self) -> None:
        """Delete the file and its preview; the ids of the imports remain."""
        delete_file(self.file)
        self.update(file="", state={})

    def delete_with_file(self) -> None:
        """Delete the file and the row."""
        delete_file(self.file)
        self.delete()


class LeftOutRows(models.Model):
    """Adds to the model of an import the files with the rows that it did not import."""

    rejects_file = models.CharField(max_length=100, blank=True, default="", db_default="")  # names in the storage
    skipped_file = models.CharField(max_length=100, blank=True, default="", db_default="")

    class Meta:
        abstract = True

    def store_file(self, field: str, content: IO[bytes]) -> None:
        """Store the content of one of the files."""
        name = new_name("imports")
        type(self)._default_manager.filter(pk=self.pk).update(**{field: name})
        setattr(self, field, name)
        content.seek(0)
        default_storage.save(name, File(content))

    def open_file(self, field: str) -> "File[bytes]":
        """Open one of the files; raise ``FileNotFoundError`` if it is not stored or was deleted."""
        if not (name := getattr(self, field)):
            raise FileNotFoundError(2, "No such file", field)
        return default_storage.open(name)

    def files(self) -> Iterator["File[bytes]"]:
        """Open each file that is stored."""
        for name in filter(None, (self.rejects_file, self.skipped_file)):
            with suppress(FileNotFoundError), default_storage.open(name) as file:
                yield file

    def delete_files(self) -> bool:
        """Delete the files; return whether there were any."""
        names = self.rejects_file or self.skipped_file
        delete_file(self.rejects_file)
        delete_file(self.skipped_file)
        if names:
            type(self)._default_manager.filter(pk=self.pk).update(rejects_file="", skipped_file="")
        return bool(names)


def delete_file(name: str) -> None:
    """Delete a file of the storage, if there is one."""
    if name:
        default_storage.delete(name)
