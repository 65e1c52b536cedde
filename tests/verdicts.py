"""A helper to test validation functions."""

from collections.abc import Callable
from typing import Any

from crm_project.validation import InvalidValue


def verdict(check: Callable[[Any], Any], value: Any) -> Any:
    """Return the clean value, or the type of the ``InvalidValue``."""
    try:
        return check(value)
    except InvalidValue as invalid:
        return invalid.type
