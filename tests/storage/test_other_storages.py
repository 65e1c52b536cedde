"""An import through the back office, its downloads, an erasure and pruning, in storages other than the database."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from django.core.management import call_command
from django.test import Client

from crm_project import storage_url
from crm_project.storage.models import StoredFile
from leads.models import ImportRun, ImportUpload, Lead
from leads.retention import delete_files
from tests.admin.conftest import boss as boss
from tests.admin.test_import_page import form, upload
from tests.factories import make_lead
from tests.stored import age, content_of, stored_files

pytestmark = pytest.mark.django_db


class FakeS3(BaseHTTPRequestHandler):
    """As much of S3 as files need: PUT, GET, HEAD, DELETE, and the list of a folder."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = b"".join(dechunked(body))
        self.objects[self.key] = body
        self.reply(200)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query or "prefix" in query:
            return self.reply(200, self.listing(query.get("prefix", [""])[0]).encode())
        return self.reply(200, self.objects[self.key]) if self.key in self.objects else self.reply(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.objects.pop(self.key, None)
        self.reply(204)

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/bucket/")

    def listing(self, prefix: str) -> str:
        keys = [key for key in self.objects if key.startswith(prefix)]
        folders = sorted({prefix + key[len(prefix) :].partition("/")[0] for key in keys if "/" in key[len(prefix) :]})
        files = "".join(
            f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys if "/" not in key[len(prefix) :]
        )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(name)}/</Prefix></CommonPrefixes>" for name in folders)
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{files}{common}</ListBucketResult>"

    def reply(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Mon, 30 Nov 2026 12:00:00 GMT")
        self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def dechunked(body: bytes) -> Iterator[bytes]:
    """Yield the content of a body in signed chunks."""
    while body:
        head, _, rest = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            return
        yield rest[:size]
        body = rest[size + 2 :]


@pytest.fixture
def object_storage() -> Iterator[dict[str, Any]]:
    """Yield the entry of ``STORAGES`` for a server that stands for S3."""
    handler = type("Handler", (FakeS3,), {"objects": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    yield storage_url.parse(f"s3://key:secret@bucket/crm?endpoint={endpoint}&region=x-1&addressing=path")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["memory", "folder", "s3"])
def test_all_files_are_in_the_storage(
    boss: Client, settings: Any, tmp_path: Path, kind: str, object_storage: dict[str, Any]
) -> None:
    storages = {
        "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "folder": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
        "s3": object_storage,
    }
    settings.STORAGES = {**settings.STORAGES, "default": storages[kind]}
    make_lead(first_name="Cy", last_name="", email="cy@example.com")
    content = "First Name,Email\nAda,ada@example.com\nCy,cy@example.com\nBob,cy@example.com..x\n"
    review = upload(boss, content)
    (name,) = stored_files()
    assert content_of(name) == content.encode()
    assert "ada@example.com" in boss.get(review).content.decode()
    plan = {**form(), "column-1": "email"}
    for step in ("check", "import"):
        boss.post(review, {**plan, step: "1"})
    run = ImportRun.objects.get()
    assert (run.created, run.skipped, run.rejected) == (1, 1, 1)
    assert (Lead.objects.count(), sorted(stored_files())) == (2, sorted([run.rejects_file, run.skipped_file]))
    for download, text in (("rejects", "cy@example.com..x"), ("skipped", "cy@example.com")):
        reply = boss.get(f"/admin/leads/importrun/{run.pk}/{download}/")
        assert text in b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]
    upload(boss, content.replace("Ada", "Eve"))
    call_command("erase_person", "cy@example.com", "--yes", verbosity=0)
    assert stored_files() == []
    upload(boss, content.replace("Ada", "Eve"))
    age(1.1)
    assert (delete_files(ImportUpload.objects.get().changed_at), len(stored_files())) == (0, 1)
    call_command("prune", verbosity=0)
    assert (stored_files(), StoredFile.objects.count()) == ([], 0)
