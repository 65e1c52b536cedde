"""Files and their content in chunks."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class StoredFile(models.Model):
    """A file. It exists for users of the storage once it has a ``size``, after its last chunk was written."""

    name = models.CharField(max_length=255)
    size = models.BigIntegerField(null=True)  # bytes
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(size__isnull=False), name="storage_file_name")
        ]

    def __str__(self) -> str:
        return self.name


class FileChunk(models.Model):
    """A part of a file's content, from the byte ``start`` on."""

    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    start = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["file", "start"], name="storage_chunk_start")]

    def __str__(self) -> str:
        return f"{self.file_id} from {self.start}"
