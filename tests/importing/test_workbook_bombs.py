"""Workbooks whose archive lies, by the command and by the page: a sentence, and no more memory than an honest one."""

import bz2
import gzip
import io
import os
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from leads.importing.sources.reader import Unreadable, open_source
from leads.models import ImportRun, Lead
from tests.admin.conftest import boss as boss
from tests.admin.test_import_malicious import MEASURE
from tests.admin.test_import_page import ADD
from tests.importing.command import import_leads
from tests.importing.workbooks import from_xml, wrapped
from tests.importing.workbooks import workbook as of_rows
from tests.live import PROJECT, environment
from tests.stored import stored_files

TEXTS = "xl/sharedStrings.xml"
HUGE = 300  # megabytes that a bomb unpacks to
MAX_GROWTH = 150  # megabytes
GOOD = of_rows([["Name", "Email"], ["Ada", "ada@example.com"]])
BZIP2, LZMA, AES = 12, 14, 99  # methods of packing


@cache
def huge(method: int) -> bytes:
    """Very many zeros, packed."""
    pack = bz2.BZ2Compressor() if method == BZIP2 else zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join([*(pack.compress(bytes(1 << 20)) for _ in range(HUGE)), pack.flush()])


def with_member(
    data: bytes, method: int, size: int = 100, name: str = TEXTS, flags: int = 0, extra: bytes = b""
) -> bytes:
    """Return a valid workbook with one more member, for which the archive has the given values."""
    entries, where = GOOD.index(b"PK\x01\x02"), GOOD.index(b"PK\x05\x06")
    crc, packed = zlib.crc32(bytes(size)) if size < 1 << 20 else 0, len(data)
    sizes = (0xFFFFFFFF, 0xFFFFFFFF) if extra else (packed, size)
    fields = (20, flags, method, 0, 0x21, crc, *sizes, len(name), len(extra))
    local = b"PK\x03\x04" + struct.pack("<5H3L2H", *fields) + name.encode() + extra + data
    entry = b"PK\x01\x02" + struct.pack("<H5H3L2H3H2L", 20, *fields, 0, 0, 0, 0, entries) + name.encode() + extra
    directory = GOOD[entries:where] + entry
    count = struct.unpack("<H", GOOD[where + 10 : where + 12])[0] + 1
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), entries + len(local), 0)
    return GOOD[:entries] + local + directory + end


def twice() -> bytes:
    """Return a workbook with two members of one name."""
    file = io.BytesIO(GOOD)
    with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


def overlapping() -> bytes:
    """Return a workbook two of whose members are the same bytes."""
    file = with_member(b"", 0, 0)
    place = file.rindex(b"PK\x01\x02")
    return file[: place + 42] + bytes(4) + file[place + 46 :]


def of_many() -> bytes:
    """Return a workbook with a directory that fills the memory."""
    file = io.BytesIO(GOOD)
    with zipfile.ZipFile(file, "a") as archive:
        for number in range(15_000):
            archive.writestr(f"xl/{number:050}", b"")
    return file.getvalue()


def far_cell() -> bytes:
    """Return a small workbook with a last cell so far out that there would be 29 million."""
    return from_xml({"Leads": wrapped('<row><c><v>1</v></c></row><row><c r="AB1048576"><v>1</v></c></row>')})


ZIP64 = struct.pack("<HHQQ", 1, 16, 1 << 40, 1 << 40)
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bzip2": (lambda: with_member(huge(BZIP2), BZIP2), "packed in a way that workbooks are not"),
    "bzip2, gzipped": (lambda: gzip.compress(with_member(huge(BZIP2), BZIP2)), "packed in a way"),
    "LZMA": (lambda: with_member(b"\x09\x04\x05\x00]\0\0\0\x7f" + bytes(99), LZMA), "packed in a way"),
    "AES": (lambda: with_member(bytes(99), AES), "packed in a way"),
    "deflated, of a false size": (lambda: with_member(huge(8), 8, 7 << 20), "damaged"),
    "deflated, of too large a size": (lambda: with_member(zlib.compress(bytes(50))[2:-4], 8, 100), "damaged"),
    "deflated, of its size": (lambda: with_member(huge(8), 8, HUGE << 20), "unpacks to more than 64 MB"),
    "sizes of ZIP64": (lambda: with_member(bytes(99), 0, 99, extra=ZIP64), "damaged"),
    "encrypted": (lambda: with_member(bytes(99), 0, 99, flags=1), "encrypted"),
    "named twice": (twice, "one name or one place"),
    "overlapping": (overlapping, "one name or one place"),
    "a long directory": (of_many, "directory is too long"),
    "a cell far out": (far_cell, "as far out as row 1,048,576"),
    "a zip in a zip": (lambda: with_member(GOOD, 0, len(GOOD), name="leads.xlsx"), "damaged"),
}

GREEDY = ("bzip2", "deflated, of a false size", "deflated, of its size", "a long directory", "a cell far out")


@pytest.fixture(params=BOMBS)
def bomb(request: pytest.FixtureRequest) -> tuple[bytes, str]:
    """Return a workbook, and a part of its error message."""
    make, sentence = BOMBS[request.param]
    return make(), sentence


@pytest.mark.slow
@pytest.mark.any_database
def test_the_bomb_that_was_found_is_small() -> None:
    assert len(with_member(huge(BZIP2), BZIP2)) - len(GOOD) < 818
    with pytest.raises(Unreadable, match="packed in a way"):
        open_source(io.BytesIO(with_member(huge(BZIP2), BZIP2)))


def test_a_member_that_is_what_it_says_is_read() -> None:
    data = b"<sst/>"
    text = zlib.compress(data)[2:-4]
    file = bytearray(with_member(text, 8, len(data)))
    for sign, place in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        at = file.rindex(sign) + place
        file[at : at + 4] = struct.pack("<L", zlib.crc32(data))
    with open_source(io.BytesIO(file), name="leads.xlsx") as source:
        assert [cells for _, cells in source] == [["Ada", "ada@example.com"]]


@pytest.mark.django_db
def test_the_page_says_why(boss: Client, bomb: tuple[bytes, str]) -> None:
    data, sentence = bomb
    reply = boss.post(ADD, {"file": SimpleUploadedFile("leads.xlsx", data)})
    assert reply.status_code == 200
    assert sentence in reply.content.decode()
    assert stored_files() == []
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.django_db
def test_the_command_says_why(tmp_path: Path, bomb: tuple[bytes, str]) -> None:
    data, sentence = bomb
    path = tmp_path / "leads.xlsx"
    path.write_bytes(data)
    assert sentence in import_leads(path, code=1)["message"]
    assert not Lead.objects.exists()


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("kind", GREEDY)
def test_the_page_takes_no_memory(tmp_path: Path, kind: str) -> None:
    make, sentence = BOMBS[kind]
    data = make()
    (path := tmp_path / "file").write_bytes(data)
    env = environment(DJANGO_SETTINGS_MODULE="crm_project.settings")
    command = [sys.executable, "-c", MEASURE, str(path), "leads.xlsx"]
    run = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    megabytes, _, reported = run.stdout.partition(" ")
    assert sentence in reported
    assert int(megabytes) < MAX_GROWTH


@cache
def memory_of_command(data: bytes) -> int:
    """Return the most megabytes that ``manage.py import_leads`` took for a file; the database is not reached."""
    file = io.BytesIO(data)
    env = environment(DATABASE_URL="sqlite:////nowhere/app.db")
    command = [sys.executable, "manage.py", "import_leads", "-", "--dry-run"]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert process.stdin
    with process.stdin:
        process.stdin.write(file.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1
    return usage.ru_maxrss // 1024


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("kind", GREEDY)
def test_the_command_takes_no_memory(kind: str) -> None:
    assert memory_of_command(BOMBS[kind][0]()) - memory_of_command(GOOD) < MAX_GROWTH
