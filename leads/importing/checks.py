"""Start-up checks: the import knows the column names of every field of a lead, and each name means one field."""

from typing import Any

from django.core.checks import Error, register

from leads import validators
from leads.checks import TAG
from leads.importing.columns.aliases import ALIASES, headers_of
from leads.importing.columns.column_schema import normal
from leads.importing.columns.mapping import TARGETS


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


@register(TAG)
def check_ambiguous_headers(**kwargs: Any) -> list[Error]:
    """Return an error for each column name of two fields."""
    fields: dict[str, str] = {}
    errors = []
    for field in TARGETS:
        for header in (field, *headers_of(field)):
            other = fields.setdefault(normal(header), field)
            if other != field:
                errors.append(
                    Error(
                        f'The column name "{header}" means both "{other}" and "{field}".',
                        hint="Remove it from one of them, in leads/importing/columns/.",
                        id="leads.E003",
                    )
                )
    return errors
