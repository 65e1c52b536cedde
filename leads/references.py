"""Checks of the foreign keys of a lead that clients may set.

``validators.validate`` does not use the database. The API, the back office and the import call ``resolve`` after it,
for many rows at a time.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import models

from crm_project.validation import FieldError
from leads import validators
from leads.models import Lead


@cache
def reference_fields() -> dict[str, "models.ForeignKey[Any, Any]"]:
    """Return the foreign keys among the fields that clients may set, by column name (``agency_id``)."""
    fields = {field.attname: field for field in Lead._meta.concrete_fields if isinstance(field, models.ForeignKey)}
    return {name: fields[name] for name in validators.UPDATE_RULES if name in fields}


def resolve(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[FieldError]]:
    """Return the errors of clean ``rows`` whose foreign keys point to no row, by the index of the row.

    One query for each foreign key, for any number of rows; none if no row has one. ``limit_choices_to`` applies.
    """
    problems: dict[int, list[FieldError]] = {}
    for name, field in reference_fields().items():
        keys = {row[name] for row in rows if row.get(name) is not None}
        missing = keys - _existing(field, keys) if keys else keys
        if not missing:
            continue
        noun = str(field.remote_field.model._meta.verbose_name)
        for index, row in enumerate(rows):
            if (number := row.get(name)) in missing:
                problem = FieldError("value_error", (name,), f"Value error, there is no {noun} {number}", number)
                problems.setdefault(index, []).append(problem)
    return problems


def _existing(field: "models.ForeignKey[Any, Any]", keys: set[Any]) -> set[Any]:
    target = field.target_field.attname
    allowed = field.remote_field.model._base_manager.complex_filter(field.get_limit_choices_to())
    return set(allowed.filter(**{f"{target}__in": keys}).values_list(target, flat=True))
