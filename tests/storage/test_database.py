"""The database as Django storage: the storage API, without a part of a file being seen, in constant memory."""

import io
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile, File
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm_project.storage.database import CHUNK, DatabaseStorage
from crm_project.storage.models import FileChunk, StoredFile

pytestmark = pytest.mark.django_db
storage = DatabaseStorage()


def test_it_works() -> None:
    content = bytes(range(256)) * (CHUNK // 128) + b"end"  # two chunks and a bit
    name = storage.save("folder/a.bin", ContentFile(content))
    assert (name, storage.size(name), storage.exists(name)) == ("folder/a.bin", len(content), True)
    assert list(FileChunk.objects.order_by("start").values_list("start", flat=True)) == [0, CHUNK, 2 * CHUNK]
    with storage.open(name) as file:
        assert file.read() == content
        assert (file.seek(CHUNK - 1), file.read(3), file.tell()) == (
            CHUNK - 1,
            content[CHUNK - 1 : CHUNK + 2],
            CHUNK + 2,
        )
        assert (file.seek(-3, io.SEEK_END), file.read(), file.read()) == (len(content) - 3, b"end", b"")
    assert timezone.now() - storage.get_modified_time(name) < timedelta(minutes=5)
    assert storage.get_created_time(name) == storage.get_modified_time(name)
    storage.delete(name)
    storage.delete(name)  # nothing happens
    assert (storage.exists(name), FileChunk.objects.count()) == (False, 0)
    for method in (storage.open, storage.size, storage.get_modified_time):
        with pytest.raises(FileNotFoundError):
            method(name)


def test_names_folders_and_refusals() -> None:
    names = ["a.txt", "x/b.txt", "x/y/c.txt", "xy/d.txt"]
    assert [storage.save(name, ContentFile("é")) for name in names] == names
    assert storage.listdir("") == (["x", "xy"], ["a.txt"])
    assert storage.listdir("x") == storage.listdir("/x/") == (["y"], ["b.txt"])
    assert storage.listdir("none") == ([], [])
    second = storage.save("a.txt", ContentFile("second"))  # Django's storages never overwrite
    assert second != "a.txt"
    with storage.open("a.txt") as first:
        assert first.read() == "é".encode()
    with pytest.raises(ValueError, match="for reading"):
        storage.open("a.txt", "wb")
    with pytest.raises(ValueError, match="empty"):
        storage.delete("")
    for private in (storage.path, storage.url):
        with pytest.raises(NotImplementedError):
            private("a.txt")


def test_an_empty_file() -> None:
    name = storage.save("empty", ContentFile(b""))
    with storage.open(name) as file:
        assert (file.read(), storage.size(name)) == (b"", 0)


def test_a_file_is_seen_whole_or_not_at_all() -> None:
    seen: list[Any] = []

    class Failing(File):  # type: ignore[type-arg]
        def chunks(self, chunk_size: int | None = None) -> Any:
            yield b"first"
            seen.append((storage.exists("half"), storage.listdir("")))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        storage.save("half", Failing(io.BytesIO(b"x")))
    assert seen == [(False, ([], []))]
    assert not StoredFile.objects.exists()


def test_what_a_killed_process_has_begun_is_pruned() -> None:
    for minutes in (59, 61):
        begun = StoredFile.objects.create(name="half", created_at=timezone.now() - timedelta(minutes=minutes))
        FileChunk.objects.create(file=begun, start=0, data=b"x")
    assert storage.save("half", ContentFile(b"whole")) == "half"
    call_command("prune", verbosity=0)
    assert (StoredFile.objects.count(), FileChunk.objects.count(), storage.exists("half")) == (2, 2, True)


def test_two_writers_of_one_name() -> None:
    class Overtaken(File):  # type: ignore[type-arg]
        def chunks(self, chunk_size: int | None = None) -> Any:
            assert storage.save("name", ContentFile(b"first")) == "name"
            yield b"second"

    second = storage.save("name", Overtaken(io.BytesIO(b"x")))
    assert {name: storage.open(name).read() for name in ("name", second)} == {"name": b"first", second: b"second"}


def test_a_file_that_is_deleted_while_it_is_read() -> None:
    name = storage.save("a", ContentFile(b"x" * (CHUNK + 1)))
    with storage.open(name) as file:
        assert file.read(10) == b"x" * 10
        storage.delete(name)
        with pytest.raises(FileNotFoundError):
            file.read()


def test_a_large_file_takes_constant_memory() -> None:
    class Zeros(io.RawIOBase):
        left = 24 << 20

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

        def seek(self, *_: int) -> int:
            return 0

    class Large(File):  # type: ignore[type-arg]
        size = 24 << 20

    tracemalloc.start()
    try:
        name = storage.save("large", Large(Zeros()))  # type: ignore[type-var]
        with storage.open(name) as file, CaptureQueriesContext(connection) as queries:
            size = sum(map(len, iter(lambda: file.read(65_536), b"")))
            queries_made = len(queries)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (size, queries_made) == (24 << 20, 24)
    assert peak < 12 << 20
