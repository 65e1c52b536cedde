"""Start-up check: the import knows the column names of every field of a lead."""

from typing import Any

from django.core.checks import Error, register

from leads import validators
from leads.checks import TAG
from leads.importing.columns.aliases import ALIASES


@register(TAG)
def check_aliases(**kwargs: Any) -> list[Error]:
    """Return an error for each field without column names."""
    return [
        Error(
            f'The import knows no column names for "{name}".',
            hint=f'Add "{name}" to ALIASES in leads/importing/columns/aliases.py; () if files never have it.',
            id="leads.E002",
        )
        for name in validators.CREATE_RULES
        if name not in ALIASES
    ]
