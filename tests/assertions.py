"""Assertions about responses."""

from typing import Any

from django.http import HttpResponse


def refused(reply: HttpResponse) -> list[tuple[str, list[Any]]]:
    """Return the ``(type, loc)`` of every error of a 422, whose entries have Pydantic's four keys."""
    assert reply.status_code == 422, reply.content[:500]
    problems = reply.json()["detail"]
    assert all(set(problem) == {"type", "loc", "msg", "input"} for problem in problems)
    assert all(isinstance(problem["msg"], str) and problem["msg"] for problem in problems)
    return [(problem["type"], problem["loc"]) for problem in problems]
