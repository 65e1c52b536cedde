"""A request as granian has it, made into one as PEP 3333 wants it."""

import io
import sys
from typing import Any

from crm_project.api.middleware import BODY_REFUSED

Headers = list[tuple[str, str]]


def readable(headers: Any) -> Headers:
    """The request's headers; one whose value is not ASCII, which granian leaves out, has a value that nobody means.

    Left out, an ``If-Match`` that cannot be read would let a change through.
    """
    items: Headers = headers.items()
    names = {name for name, _ in items}
    return items + [(name, "\xff") for name in headers.keys() if name not in names]  # noqa: SIM118


def announced_length(headers: Headers) -> int | None:
    """The length of the body in bytes; 0 where there is none, ``None`` where it comes in chunks."""
    length = 0
    for name, value in headers:  # granian has refused what is malformed or contradictory
        if name == "transfer-encoding":
            return None
        if name == "content-length":
            length = int(value)
    return length


def wsgi_environ(scope: Any, headers: Headers, body: bytes, refused: int) -> dict[str, Any]:
    """The request as PEP 3333 wants it; ``CONTENT_LENGTH`` is the length that really came."""
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.0" if scope.http_version == "1" else "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        BODY_REFUSED: refused,
    }
    for name, value in headers:
        if "_" in name:  # would be taken for the header with hyphens, past a proxy that filters that one
            continue
        key = "HTTP_" + name.upper().replace("-", "_")
        if key in environ:
            value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
        environ[key] = value
    if scope.http_version == "1.1":  # must have a host (RFC 9112, 3.2); Django would make one up
        environ.setdefault("HTTP_HOST", "")
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return environ
