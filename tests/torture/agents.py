"""Agents who add a lead and look for it in their list, again and again, while servers and databases fail."""

import http.client
import threading
import time
from collections import Counter
from itertools import pairwise

from tests.factories import lead_row
from tests.live import LiveServer, Reply

PAUSE = 0.05  # seconds until an agent who was refused tries again
WRITES = 5  # of each agent, until work goes on


class Agent(threading.Thread):
    """One of them, with a source of leads of its own."""

    def __init__(self, number: int, server: LiveServer, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.server, self.over, self.source = server, over, f"agent-{number}"
        self.token = server.token(self.source)
        self.acknowledged: dict[int, float] = {}  # ids, and when
        self.refused: Counter[int] = Counter()  # by status
        self.wrong: list[str] = []

    def run(self) -> None:
        """Work until it is over; record whatever no agent should see."""
        try:
            while not self.over.is_set():
                reply = self._send("POST", "/api/leads", lead_row(source=self.source))
                if reply.status == 201:
                    lead = reply.json()["id"]
                    self.acknowledged[lead] = time.monotonic()
                    self._find(lead)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.wrong.append(f"{self.source}: {error!r}")

    def _find(self, lead: int) -> None:
        """The next list that the agent gets begins with the lead."""
        path = f"/api/leads?source={self.source}&size=1"
        while (reply := self._send("GET", path)).status == 503 and not self.over.is_set():
            pass
        if reply.status == 200 and [row["id"] for row in reply.json()] != [lead]:
            self.wrong.append(f"{self.source}: {lead} is stored, the list has {reply.body!r}")

    def _send(self, method: str, path: str, body: dict[str, object] | None = None) -> Reply:
        reply = self.server.send(method, path, body, self.token)
        if reply.status not in (200, 201):
            self.refused[reply.status] += 1
            self.over.wait(PAUSE)
            # A proxy cannot know whether a server that stops has processed a POST.
            if reply.status != 503 and (method, reply.status) != ("POST", 502):
                self.wrong.append(f"{self.source}: {method} {reply.status} {reply.body[:200]!r}")
        return reply


class Agents:
    """A context manager in whose block some of them work."""

    def __init__(self, server: LiveServer, number: int) -> None:
        self.over = threading.Event()
        self.all = [Agent(one, server, self.over) for one in range(number)]

    def __enter__(self) -> "Agents":
        for agent in self.all:
            agent.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        for agent in self.all:
            agent.join()

    def go_on(self) -> None:
        """Return when each has added some more leads."""
        wanted = [len(agent.acknowledged) + WRITES for agent in self.all]
        while any(len(agent.acknowledged) < number for agent, number in zip(self.all, wanted, strict=True)):
            assert self.wrong == []
            self.over.wait(0.01)

    @property
    def acknowledged(self) -> set[int]:
        """Return the ids of all leads whose creation was acknowledged."""
        return {lead for agent in self.all for lead in agent.acknowledged}

    @property
    def refused(self) -> Counter[int]:
        """Return how many requests were refused, by status."""
        return sum((agent.refused for agent in self.all), Counter())

    @property
    def wrong(self) -> list[str]:
        """Return what no agent should have seen."""
        return [line for agent in self.all for line in agent.wrong]

    def longest_wait(self, since: float, until: float) -> float:
        """The longest time from an acknowledged write to the agent's next one, which was between these moments."""
        times = [list(agent.acknowledged.values()) for agent in self.all]
        pairs = [pair for one in times for pair in pairwise(one)]
        return max(second - first for first, second in pairs if since <= second <= until)
