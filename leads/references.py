"""Foreign keys of a lead that clients may set: whether the rows they point to exist.

``validators.validate`` is pure. What needs the database is checked here, in a second step for many rows at
a time, by the API, the back office and the import.
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
    """The foreign keys among the fields that clients may set on the lead itself, by column name (``agency_id``)."""
    fields = {field.attname: field for field in Lead._meta.concrete_fields if isinstance(field, models.ForeignKey)}
    return {name: fields[name] for name in validators.UPDATE_RULES if name in fields}


def resolve(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[FieldError]]:
    """The problems of checked ``rows`` whose foreign keys point to nothing, by the row's index.

    One query for each foreign key, however many rows there are; none where no row has one. The choices that a field
    allows (``limit_choices_to``) count.
    """
    problems: dict[int, list[FieldError]] = {}
    for name, field in reference_fields().items():
        wanted = {row[name] for row in rows if row.get(name) is not None}
        missing = wanted - _existing(field, wanted) if wanted else wanted
        if not missing:
            continue
        noun = str(field.remote_field.model._meta.verbose_name)
        for index, row in enumerate(rows):
            if (number := row.get(name)) in missing:
                problem = FieldError("value_error", (name,), f"Value error, there is no {noun} {number}", number)
                problems.setdefault(index, []).append(problem)
    return problems


def _existing(field: "models.ForeignKey[Any, Any]", wanted: set[Any]) -> set[Any]:
    target = field.target_field.attname
    allowed = field.remote_field.model._base_manager.complex_filter(field.get_limit_choices_to())
    return set(allowed.filter(**{f"{target}__in": wanted}).values_list(target, flat=True))
