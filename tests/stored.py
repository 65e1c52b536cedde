"""Files in Django's default storage, for tests."""

from datetime import timedelta

from django.core.files.storage import default_storage
from django.utils import timezone

from leads.models import ImportRun, ImportUpload


def stored_files() -> list[str]:
    """Return the names of all files of the storage."""
    return [
        f"{folder}/{name}" for folder in default_storage.listdir("")[0] for name in default_storage.listdir(folder)[1]
    ]


def content_of(name: str) -> bytes:
    """Return the content of a stored file."""
    with default_storage.open(name) as file:
        return bytes(file.read())


def age(days: float) -> None:
    """Make all uploads and imports older."""
    then = timezone.now() - timedelta(days=days)
    ImportUpload.objects.update(changed_at=then)
    ImportRun.objects.update(started_at=then)
