"""How tests ask a check what it makes of a value."""

from collections.abc import Callable
from typing import Any

from crm_project.validation import InvalidValue


def verdict(check: Callable[[Any], Any], value: Any) -> Any:
    """The clean value, or the type of its refusal; any other exception is the check's fault and gets out."""
    try:
        return check(value)
    except InvalidValue as invalid:
        return invalid.type
