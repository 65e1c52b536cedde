"""The number and time of the SQL statements of a request."""

from collections.abc import Callable
from time import perf_counter
from typing import Any


class StatementCounter:
    """Counts the statements of one request and adds up their time, except COPY, BEGIN and COMMIT."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement; Django calls this for each."""
        self.count += 1
        started = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += perf_counter() - started
