"""How many statements a call sends to PostgreSQL: counted by a proxy that reads the frames of the protocol.

It works for every server and needs no extension; servers are started behind it once more, since it costs time.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

ASKS = {80877103: b"N", 80877104: b"N"}  # "TLS?", "GSS encryption?": no
RUN = (ord("Q"), ord("E"))  # a simple query, or the execution of a prepared one


class Counter:
    """``statements`` sent so far by all connections."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.statements = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        upstream = socket.create_connection(self.target)
        threading.Thread(target=_pump, args=(upstream, client), daemon=True).start()
        stream = client.makefile("rb")
        while len(start := stream.read(8)) == 8:  # length, code
            length, code = struct.unpack("!II", start)
            if code in ASKS:
                client.sendall(ASKS[code])
                continue
            upstream.sendall(start + stream.read(length - 8))
            break
        while len(head := stream.read(5)) == 5:  # kind, length
            kind, length = struct.unpack("!BI", head)
            self.statements += kind in RUN
            upstream.sendall(head + stream.read(length - 4))
        upstream.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
    except OSError:
        pass
    finally:
        target.close()


@contextmanager
def counted(database_url: str) -> Iterator[tuple[Counter, str]]:
    """Yield a counter in front of the database, and the URL of the proxy."""
    parts = urlsplit(database_url)
    counter = Counter(parts.hostname or "127.0.0.1", parts.port or 5432)
    account = parts.netloc.rpartition("@")[0]
    yield counter, parts._replace(netloc=f"{account}@127.0.0.1:{counter.port}").geturl()
    counter.listener.close()
