"""Query parameters as django-filter knows them: each is validated like any value and calls a named query."""

from collections.abc import Callable, Mapping
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from drf_spectacular.drainage import set_override

from crm_project.json_schema import JSONSchema
from crm_project.validation import FieldError, InvalidValue


class RuleField(forms.Field):
    """A form's field whose value a rule checks; a parameter that is not there is ``None``."""

    def __init__(self, check: Callable[[str], Any], **options: Any) -> None:
        super().__init__(**options)
        self.check = check

    def clean(self, value: Any) -> Any:
        """The checked value."""
        try:
            return None if value is None else self.check(value)
        except InvalidValue as invalid:
            raise ValidationError(invalid.msg, code=invalid.type) from None


class RuleFilter(django_filters.Filter):  # type: ignore[misc]
    """A parameter, how it is checked (``None`` means no filter), and the queryset method that it calls."""

    field_class = RuleField

    def __init__(self, check: Callable[[str], Any], query: Callable[[Any, Any], Any], schema: JSONSchema) -> None:
        super().__init__(check=check)
        self.check, self.query = check, query
        set_override(self, "field", schema)

    def filter(self, qs: Any, value: Any) -> Any:
        """``qs`` narrowed by a checked value."""
        return qs if value is None else self.query(qs, value)


class RuleFilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """Filters over named queries. Parameters that it does not know are ignored."""

    @classmethod
    def validate(cls, query: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
        """The checked value of each parameter, ``None`` without one, and every error, at ``("query", name)``.

        By the declared filters themselves: a filter set and its form copy them, a quarter of a filtered list's time.
        """
        checked: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, declared in cls.base_filters.items():
            given = query.get(name)
            try:
                checked[name] = None if given is None else declared.check(given)
            except InvalidValue as invalid:
                errors.append(FieldError(invalid.type, ("query", name), invalid.msg, given))
        return checked, errors
