"""Query parameters as django-filter knows them: each is validated like any value and calls a named query."""

from collections.abc import Callable, Mapping
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from drf_spectacular.drainage import set_override

from crm_project.json_schema import JSONSchema
from crm_project.validation import FieldError, InvalidValue

Checked = dict[str, Any]


class RuleField(forms.Field):
    """A form's field whose value a rule checks; a parameter that is not there is ``None``."""

    def __init__(self, check: Callable[[Any], Any], many: bool = False, **options: Any) -> None:
        super().__init__(widget=forms.SelectMultiple if many else None, **options)
        self.check = check

    def clean(self, value: Any) -> Any:
        """The checked value."""
        try:
            return None if value is None else self.check(value)
        except InvalidValue as invalid:
            raise ValidationError(invalid.msg, code=invalid.type) from None


class RuleFilter(django_filters.Filter):  # type: ignore[misc]
    """A parameter, how it is checked (``None`` means no filter), and the queryset method that it calls.

    With ``many`` the parameter may be repeated: the check takes the list of its values.
    """

    field_class = RuleField

    def __init__(
        self, check: Callable[[Any], Any], query: Callable[[Any, Any], Any], schema: JSONSchema, many: bool = False
    ) -> None:
        super().__init__(check=check, many=many)
        self.check, self.query, self.many = check, query, many
        set_override(self, "field", {"type": "array", "items": schema} if many else schema)

    def filter(self, qs: Any, value: Any) -> Any:
        """``qs`` narrowed by a checked value."""
        return qs if value is None else self.query(qs, value)


class RuleFilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """Filters over named queries. Parameters that it does not know are ignored."""

    @classmethod
    def validate(cls, query: Mapping[str, Any]) -> tuple[Checked, list[FieldError]]:
        """The checked value of each parameter that is there, and every error, at ``("query", name)``.

        By the declared filters themselves: a filter set and its form copy them, a quarter of a filtered list's time.
        """
        checked: Checked = {}
        errors: list[FieldError] = []
        for name, declared in cls.base_filters.items():
            if (given := query.get(name)) is None:
                continue
            try:
                checked[name] = declared.check(values_of(query, name) if declared.many else given)
            except InvalidValue as invalid:
                errors.append(FieldError(invalid.type, ("query", name), invalid.msg, given))
        return checked, errors

    def filter_queryset(self, queryset: Any) -> Any:
        """The queryset narrowed by all parameters that are there."""
        for name, value in self.validate(self.data)[0].items():
            queryset = self.filters[name].filter(queryset, value)
        return queryset


def values_of(query: Mapping[str, Any], name: str) -> list[str]:
    """All values of a parameter; a mapping that knows no repeated ones has one."""
    return query.getlist(name) if hasattr(query, "getlist") else [query[name]]
