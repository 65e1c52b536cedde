"""Opening, hashing and re-reading a lead file: paths, pipes, uploads, gzip."""

import gzip
import io
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest

from leads.importing.sources.reader import Source, Unreadable, open_source


def opened(content: str) -> Source:
    """Return a source made of text."""
    return open_source(io.BytesIO(content.encode()))


def cells(source: Source) -> list[list[str]]:
    """Return the cells of every record."""
    return [cells for _, cells in source]


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"leads\.csv cannot be read: No such file"):
        open_source(tmp_path / "leads.csv")
    with pytest.raises(Unreadable, match="cannot be read"):
        open_source(tmp_path)


def test_an_unknown_format_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="unknown format 'doc'"):
        open_source(io.BytesIO(b"Name\nAnn\n"), format="doc")


def test_gzip_is_unpacked_and_the_packed_bytes_are_hashed(tmp_path: Path) -> None:
    packed = gzip.compress("Name;Città\nAnn;Forlì\n".encode("cp1252"))
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(packed)
    with open_source(path) as source:
        assert cells(source) == [["Ann", "Forlì"]]
        assert (source.size, source.gzipped, source.encoding) == (len(packed), True, "cp1252")


class Pipe(io.BytesIO):
    """Bytes that cannot be read twice, as standard input."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation("seek")


def test_a_pipe_is_read_like_a_file() -> None:
    with open_source(Pipe(b"Name,Phone\nAnn,1\n")) as source:
        assert list(source) == list(source) == [(2, ["Ann", "1"])]
        assert source.size == 17


def test_the_callers_file_stays_open() -> None:
    file = io.BytesIO(b"Name,Phone\nAnn,1\n")
    with open_source(file) as source:
        list(source)
    assert not file.closed


def test_a_glance_at_the_beginning_changes_nothing() -> None:
    source = opened("Name,Phone\n" + "Ann,1\n" * 50_000)
    assert len(list(islice(source, 3))) == 3
    assert sum(1 for _ in source) == 50_000


def test_the_position_grows_to_the_size(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Name,Phone\n" + "Ann,1\n" * 50_000)
    with open_source(path) as source:
        assert source.position == 0
        places = [source.position for _ in source]
    assert places == sorted(places)
    assert places[-1] == source.size


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Name,Phone\n" + "Ann,1\n" * 10)
    with open_source(path) as source, path.open("a") as other:
        other.write("Bo,2\n")
        other.flush()
        with pytest.raises(Unreadable, match="was changed"):
            list(source)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Name,Phone,Notes\n" + f"Ann Ng,+1-555-0100,{'note ' * 80}\n" * 25_000)
    tracemalloc.start()
    with open_source(path) as source:
        assert sum(1 for _ in source) == 25_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2  # a few buffers of a fixed size
