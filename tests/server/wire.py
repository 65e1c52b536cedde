"""Raw HTTP, for requests that client libraries do not send."""

import socket

from tests.live import Reply


def post_head(path: str, *headers: str) -> bytes:
    """Return the head of a POST of JSON; ``headers`` are whole lines."""
    lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers, "", "")
    return "\r\n".join(lines).encode()


def last_reply(connection: socket.socket) -> Reply:
    """Return the only response on a connection, up to its end."""
    text = read_to_end(connection)
    head, _, body = text.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(status.split()[1]), headers, body)


def read_to_end(connection: socket.socket) -> bytes:
    """Return all data until the server closes the connection."""
    text = b""
    while part := connection.recv(65536):
        text += part
    return text


def nothing_came(connection: socket.socket) -> bool:
    """Return whether the server has neither responded nor closed the connection."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except BlockingIOError:
        return True
    return False
