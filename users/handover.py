"""What a user who leaves hands over to another one: apps above this one register it."""

from collections.abc import Callable
from typing import NamedTuple

from django.db import transaction

from users.audit import Actor


class Holding(NamedTuple):
    """Things that a user has: how many, and what gives them to another user, or to nobody; it returns how many."""

    noun: str
    count: Callable[[int], int]
    hand_over: Callable[[int, int | None, Actor], int]


HOLDINGS: list[Holding] = []


def count(user_id: int) -> list[tuple[str, int]]:
    """Return what the user has, and how many of each; nothing that there is none of."""
    counts = [(holding.noun, holding.count(user_id)) for holding in HOLDINGS]
    return [(noun, number) for noun, number in counts if number]


def hand_over(user_id: int, to_user: int | None, actor: Actor) -> list[tuple[str, int]]:
    """Give all of it to ``to_user``, or to nobody, or none of it; return how many of each."""
    with transaction.atomic():
        return [(holding.noun, holding.hand_over(user_id, to_user, actor)) for holding in HOLDINGS]
