"""The calls that are measured, each with variants that are sent in turn."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks import office, servers

VARIANTS = 200


@dataclass(frozen=True)
class Call:
    """A call. ``paths`` and ``bodies`` (one for each path, or one for all) are sent in turn.

    ``connections`` are the numbers of connections to measure. ``ours_only``: the contract does not have the call.
    ``bare``: the bare server (``floor.py``) has it too.
    """

    name: str
    paths: list[str]
    method: str = "GET"
    bodies: tuple[bytes, ...] = ()
    connections: tuple[int, ...] = (1, 8)
    ours_only: bool = False
    writes: bool = False
    bare: bool = False

    def body(self, variant: int) -> bytes | None:
        """Return the body for a path; ``None`` if there is none."""
        return self.bodies[variant % len(self.bodies)] if self.bodies else None


def calls(count: int) -> list[Call]:
    """Return all calls for an office of ``count`` leads; reads first, because writes make the tables grow."""
    rng = random.Random(office.SEED)
    ids = [number for number in rng.sample(range(1, count), VARIANTS * 2) if office.is_active(number)][:VARIANTS]
    middle = count // 2
    one_phone = office.phone(middle)[-12:].replace("-", "")  # ten digits without their punctuation
    return [
        Call("list of 10", ["/api/leads?page=1&size=10"], bare=True),
        Call("list of 100", ["/api/leads?size=100"], bare=True),
        Call("list of 1000", ["/api/leads?size=1000"]),
        Call("page in the middle", [f"/api/leads?page={count // 20}&size=10"]),
        Call("status=closed", ["/api/leads?status=closed"]),
        Call("source=referral", ["/api/leads?source=referral"]),
        Call("min_budget, most fit", ["/api/leads?min_budget=300000"]),
        Call("min_budget, few fit", ["/api/leads?min_budget=1190000"]),
        Call("max_budget, few fit", ["/api/leads?max_budget=80000"]),
        Call("both budgets and status", ["/api/leads?min_budget=400000&max_budget=410000&status=qualified"]),
        Call("q, one hit", [f"/api/leads?q={office.RARE.lower()}"]),
        Call("q, no hit", ["/api/leads?q=zzyzzxq"]),
        Call("q, common", ["/api/leads?q=smith"]),
        Call("q, two words", ["/api/leads?q=anna+castellanos"]),
        Call("q, phone digits", [f"/api/leads?q={one_phone}"]),
        Call("q, two letters, common", ["/api/leads?q=sm"]),
        Call("q, two letters, no hit", ["/api/leads?q=%23%26"], connections=(1,)),
        Call("get", [f"/api/leads/{number}" for number in ids]),
        Call("activities of a lead", [f"/api/leads/{number}/activities" for number in ids]),
        Call("dashboard", ["/api/dashboard"]),
        Call("login", ["/api/users/login"], "POST", (orjson.dumps(servers.AGENT),)),
        Call("admin list", ["/admin/leads/lead/"], ours_only=True, connections=(1,)),
        Call("create", ["/api/leads"], "POST", tuple(_many(rng, VARIANTS, _lead)), writes=True),
        Call("update", [f"/api/leads/{number}" for number in ids], "PUT", _updates(), writes=True),
        Call(
            "log an activity",
            [f"/api/leads/{number}/activities" for number in ids],
            "POST",
            (_activity(),),
            writes=True,
        ),
        Call("bulk of 1,000", ["/api/leads"], "POST", (_bulk(rng, 1000),), connections=(1,), writes=True),
        Call("bulk of 10,000", ["/api/leads"], "POST", (_bulk(rng, 10_000),), connections=(1,), writes=True),
    ]


def _lead(rng: random.Random) -> dict[str, Any]:
    first, last = rng.choice(office.FIRST_NAMES), rng.choice(office.LAST_NAMES)
    number, lowest = rng.randrange(10**9), rng.randrange(80, 900) * 1000
    return {
        "first_name": first,
        "last_name": last,
        "email": f"new{number}@example.com",
        "phone": office.phone(number),
        "status": rng.choice(list(office.STATUSES)),
        "source": rng.choice(list(office.SOURCES)),
        "budget_min": lowest,
        "budget_max": lowest + rng.randrange(300) * 1000,
        "property_interest": "2BR condo",
    }


def _many(rng: random.Random, count: int, make: Callable[[random.Random], Any]) -> list[bytes]:
    return [orjson.dumps(make(rng)) for _ in range(count)]


def _bulk(rng: random.Random, count: int) -> bytes:
    return orjson.dumps([_lead(rng) for _ in range(count)])


def _updates() -> tuple[bytes, ...]:
    return tuple(orjson.dumps({"status": status, "budget_max": 950_000}) for status in ("contacted", "qualified"))


def _activity() -> bytes:
    return orjson.dumps(
        {
            "activity_type": "call",
            "title": "Intro call",
            "notes": "Financing",
            "duration": 12,
            "activity_date": "2026-01-15",
        }
    )
