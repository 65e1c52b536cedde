"""Statements that pass Django's cursors by, seen by whoever watches statements all the same."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def run(connection: BaseDatabaseWrapper, execute: Callable[..., Any], statement: str, values: Sequence[Any]) -> Any:
    """What ``execute`` returns, with the connection's ``execute_wrappers`` around it, as Django's cursors have them."""
    for wrapper in reversed(connection.execute_wrappers):
        execute = partial(wrapper, execute)
    return execute(statement, values, False, {"connection": connection, "cursor": None})
