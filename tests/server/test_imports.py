"""Imports over the API of a running server, whose threads are not Python's."""

import subprocess
import sys

from tests.live import PROJECT, LiveServer, environment, migrated_database, serving

PASSWORD = "a long password"
ROWS = 12_000
NAME = "B" * 90  # so that the file is large enough for a process of its own


def log_in(server: LiveServer) -> dict[str, str]:
    reply = server.send("POST", "/api/users/login", {"username": "boss", "password": PASSWORD})
    return {"Authorization": f"Bearer {reply.json()['access_token']}", "Content-Type": "text/csv"}


def file(domain: str) -> bytes:
    """Return a file that a command would check in a process of its own."""
    lines = (f"Ann{number},{NAME},ann{number}@{domain},{number}\n" for number in range(ROWS))
    return f"first_name,last_name,email,phone\n{''.join(lines)}".encode()


def test_an_import_goes_on_until_it_ends_or_the_server_does() -> None:
    background = {"Prefer": "respond-async"}
    with migrated_database() as url:
        with serving(DATABASE_URL=url) as server:
            fields = {"USERNAME": "boss", "EMAIL": "boss@example.com", "PASSWORD": PASSWORD}
            account = {f"DJANGO_SUPERUSER_{name}": value for name, value in fields.items()}
            command = [sys.executable, "manage.py", "createsuperuser", "--noinput"]
            subprocess.run(command, cwd=PROJECT, env=environment(DATABASE_URL=url, **account), check=True)
            boss = log_in(server)
            reply = server.send("POST", "/api/leads/import", file("example.com"), {**boss, **background})
            assert reply.status == 202, reply.body
            while (run := server.send("GET", reply.headers["location"], headers=boss).json())["state"] == "running":
                pass
            assert (run["state"], run["created"]) == ("done", ROWS), run["message"]
            path = "/api/leads/import?dry_run=true"
            while (at_once := server.send("POST", path, file("example.net"), boss)).status == 409:
                pass  # the other is putting its files away
            assert (at_once.status, at_once.json()["created"]) == (200, ROWS)
            reply = server.send("POST", "/api/leads/import", file("example.org"), {**boss, **background})
            busy = server.send("POST", "/api/leads/import", b"first_name\nAnn\n", boss)
            assert (busy.status, "retry-after" in busy.headers) == (409, True)
            assert (reply.status, reply.json()["state"]) == (202, "running")
            assert server.stop() == 0
        with serving(DATABASE_URL=url) as server:
            boss = log_in(server)
            assert server.send("GET", reply.headers["location"], headers=boss).json()["state"] == "died"
            listed = server.send("GET", "/api/leads?count=exact", headers=boss)
            assert listed.headers["x-total-count"] == str(ROWS)
