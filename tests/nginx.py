"""nginx in front of two servers, with the ``upstream`` and ``location`` of ``docs/deploy.md``."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live import PROJECT, free_port

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DEPLOY = PROJECT / "docs" / "deploy.md"


@contextmanager
def nginx(folder: Path, first: int, second: int) -> Iterator[int]:
    """Run nginx in front of two ports, as documented but for TLS; yield its own port."""
    assert PROGRAM
    port = free_port()
    upstream = _documented("upstream crm", "").replace(":8001", f":{first}").replace(":8002", f":{second}")
    owner = "user root;" if os.geteuid() == 0 else ""  # tests' folders are closed to other users
    (folder / "nginx.conf").write_text(
        f"daemon off; {owner} pid {folder}/pid; error_log {folder}/errors; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"{upstream}  server {{ listen 127.0.0.1:{port};\n{_documented('    location /', '    ')}  }}\n}}\n"
    )
    command = [PROGRAM, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                os.sched_yield()
        assert process.poll() is None
        yield port
    finally:
        process.terminate()
        process.wait()


def _documented(start: str, end: str) -> str:
    found = re.search(start + r" \{.*?\n" + end + r"\}\n", DEPLOY.read_text(), re.DOTALL)
    assert found
    return found[0]
