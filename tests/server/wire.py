"""HTTP by hand, for requests that no client library makes."""

import socket

from tests.live import Reply


def post_head(path: str, *headers: str) -> bytes:
    """The head of a POST of JSON; ``headers`` are whole lines."""
    lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers, "", "")
    return "\r\n".join(lines).encode()


def last_reply(connection: socket.socket) -> Reply:
    """The only reply on a connection that the server, or a ``Connection: close``, ends."""
    text = read_to_end(connection)
    head, _, body = text.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(status.split()[1]), headers, body)


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    text = b""
    while part := connection.recv(65536):
        text += part
    return text


def nothing_came(connection: socket.socket) -> bool:
    """Whether the server has neither replied nor hung up so far."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    return False
