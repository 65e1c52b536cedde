"""Clients that write in a loop and record it: single leads, bulk requests, updates, activities, soft deletes."""

import http.client
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.torture.ledger import ACKNOWLEDGED, OPEN, REFUSED, Batch, Ledger

PAUSE = 0.05  # seconds before a client that was turned away comes again


@dataclass
class Gate:
    """Pauses and resumes writers between two writes."""

    writers: int
    condition: threading.Condition = field(default_factory=threading.Condition)
    open: bool = True
    ended: bool = False
    waiting: int = 0

    def passed(self) -> bool:
        """Wait while it is closed; return ``False`` at the end of the load."""
        with self.condition:
            self.waiting += 1
            self.condition.notify_all()
            self.condition.wait_for(lambda: self.open or self.ended)
            self.waiting -= 1
            return not self.ended

    def close(self) -> None:
        """Return when every writer waits."""
        with self.condition:
            self.open = False
            self.condition.wait_for(lambda: self.waiting == self.writers)

    def reopen(self) -> None:
        """Go on."""
        with self.condition:
            self.open = True
            self.condition.notify_all()

    def end(self) -> None:
        """Stop all writers."""
        with self.condition:
            self.ended = True
            self.condition.notify_all()


class Writer(threading.Thread):
    """A client with its own connection, seed and ledger."""

    def __init__(self, name: str, port: int, token: dict[str, str], gate: Gate, shared: list[int], bulk: int = 60):
        super().__init__(name=name, daemon=True)
        self.port, self.token, self.gate, self.shared, self.bulk = port, token, gate, shared, bulk
        self.rng, self.book, self.number = random.Random(name), Ledger(), 0
        self.acknowledged = threading.Event()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)

    def run(self) -> None:
        """Write in a loop until the gate ends."""
        chances = (
            (self.create, 5),
            (self.create_many, 2),
            (self.update, 5),
            (self.log, 4),
            (self.log_many, 2),
            (self.delete, 1),
        )
        jobs, weights = zip(*chances, strict=True)
        while self.gate.passed():
            job: Callable[[], None] = self.rng.choices(jobs, weights)[0]
            try:
                job()
            except Exception as error:  # an error of the ledger fails the run
                self.book.wrong.append(f"{self.name}: {error!r}")
        self.connection.close()

    def create(self) -> None:
        """One lead."""
        self._leads(1, self._lead)

    def create_many(self) -> None:
        """A bulk."""
        rows = self.rng.randint(2, self.bulk)
        self._leads(rows, lambda tag: [self._lead(tag) for _ in range(rows)])

    def _leads(self, rows: int, body: Callable[[str], Any]) -> None:
        tag = self._tag("s")
        batch = self.book.leads[tag] = Batch(rows)
        reply = self._settle(batch, "POST", "/api/leads", body(tag))
        if batch.fate == ACKNOWLEDGED:
            batch.ids = [row["id"] for row in (reply if isinstance(reply, list) else [reply])]
            self.book.made(batch.ids)

    def log(self) -> None:
        """Create an activity, mostly on a shared lead."""
        self._activities(1, lambda tag: _activity(tag))

    def log_many(self) -> None:
        """Several."""
        rows = self.rng.randint(2, self.bulk)
        self._activities(rows, lambda tag: [_activity(tag) for _ in range(rows)])

    def _activities(self, rows: int, body: Callable[[str], Any]) -> None:
        tag, own = self._tag("t"), self.book.own()
        lead = self.rng.choice(own) if own and self.rng.random() < 0.4 else self.rng.choice(self.shared)
        batch = self.book.activities[tag] = Batch(rows)
        reply = self._settle(batch, "POST", f"/api/leads/{lead}/activities", body(tag))
        if batch.fate == ACKNOWLEDGED:
            batch.ids = [row["id"] for row in (reply if isinstance(reply, list) else [reply])]

    def update(self) -> None:
        """Update a value, and often the status, of one of its leads."""
        if not (own := self.book.own()):
            return
        lead, value = self.rng.choice(own), self._tag("v")
        self.book.maybe.setdefault(lead, []).append(value)
        body = {"property_interest": value, "status": self.rng.choice(("new", "closed", "lost", "qualified"))}
        status, _ = self._send("PUT", f"/api/leads/{lead}", body)
        if status == 200:
            self.book.written(lead, value)
            self.book.replies["update"] += 1
        else:
            self.book.replies["open change"] += 1

    def delete(self) -> None:
        """Delete one of its leads softly."""
        if len(own := self.book.own()) < 20:
            return
        lead = self.rng.choice(own)
        self.book.maybe_deleted.add(lead)
        status, _ = self._send("DELETE", f"/api/leads/{lead}", None)
        if status == 204:
            self.book.deleted.add(lead)
            self.book.replies["delete"] += 1
        else:
            self.book.replies["open change"] += 1

    def _settle(self, batch: Batch, method: str, path: str, body: Any) -> Any:
        status, reply = self._send(method, path, body)
        batch.fate = ACKNOWLEDGED if status == 201 else OPEN if status in (0, 503) else REFUSED
        return reply

    def _send(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return the status and the JSON of a response; 0 if the connection broke before its end."""
        headers = {**self.token, "Content-Type": "application/json"}
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self.connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.book.replies["lost"] += 1
            threading.Event().wait(PAUSE)
            return 0, None
        self._check(method, path, response, content)
        return response.status, json.loads(content) if content else None

    def _check(self, method: str, path: str, response: http.client.HTTPResponse, content: bytes) -> None:
        status = response.status
        self.book.replies[str(status)] += 1
        if status in (200, 201, 204):
            self.acknowledged.set()
        elif (
            status == 503 and response.headers["Retry-After"] and response.headers["Content-Type"] == "application/json"
        ):
            threading.Event().wait(PAUSE)
        else:
            self.book.wrong.append(f"{method} {path}: {status} {dict(response.headers)} {content[:200]!r}")

    def _tag(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.name}-{self.number}"

    def _lead(self, tag: str) -> dict[str, Any]:
        self.number += 1
        return {
            "first_name": "Ada",
            "last_name": f"Lovelace {self.number}",
            "email": f"{self.name}.{self.number}@example.com",
            "phone": f"+1-555-{self.number:07d}",
            "source": tag,
            "status": self.rng.choice(("new", "contacted", "closed")),
        }


def _activity(tag: str) -> dict[str, Any]:
    return {"activity_type": "call", "title": tag, "activity_date": "2026-10-03"}
