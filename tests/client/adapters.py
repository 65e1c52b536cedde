"""The adapters of clients/, compiled and bundled with the pages of this folder, and a web server for the pages."""

import atexit
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.live import PROJECT

HERE = Path(__file__).parent
PROGRAMS = HERE / "node_modules" / ".bin"
CLIENTS = PROJECT / "clients"
SOURCES = ("crm.check.ts", "react-admin.page.tsx", "refine.page.tsx")
OPTIONS = ("--bundle", "--format=esm", "--jsx=automatic", '--define:process.env.NODE_ENV="production"')


def run(*command: str | Path, folder: Path = HERE) -> str:
    """Return what a program prints; fail with its messages where it fails."""
    arguments = [str(word) for word in command]
    ran = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@cache
def build() -> Path:
    """Return a folder with a bundle and a page of each source, made once in a process."""
    folder = new_folder()
    for source in (*CLIENTS.glob("*.ts"), *(HERE / name for name in SOURCES)):
        shutil.copy(source, folder)
    (folder / "tsconfig.json").write_text(json.dumps({"extends": "../../tsconfig.adapters.json", "include": ["*"]}))
    run(PROGRAMS / "tsc", "--project", folder)
    bundle(folder, *SOURCES)
    return folder


def new_folder() -> Path:
    """Return an empty folder, whose modules find the packages beside this file. It is deleted in the end."""
    (HERE / "build").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="adapters-", dir=HERE / "build"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def bundle(folder: Path, *sources: str) -> None:
    """Make a bundle of each source of the folder, and a page that loads it."""
    run(PROGRAMS / "esbuild", *sources, *OPTIONS, "--outdir=.", "--log-level=error", folder=folder)
    for name in sources:
        script = Path(name).with_suffix(".js")
        (folder / script.with_suffix(".html")).write_text(
            f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Office</title>'
            f'<body><p id="seen"></p><p id="form"></p><script type="module" src="{script}"></script></body></html>'
        )


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """Serve a folder, and yield the origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
