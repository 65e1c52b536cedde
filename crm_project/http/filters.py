"""Query parameters as django-filter knows them: each is validated like any value and calls a named query."""

from collections.abc import Callable
from copy import copy
from functools import cache
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

    def __deepcopy__(self, memo: Any) -> "RuleField":
        """Itself: nothing in it changes, so forms share it. A quarter of the time of a filtered list."""
        return self


class RuleFilter(django_filters.Filter):  # type: ignore[misc]
    """A parameter, how it is checked (``None`` means no filter), and the queryset method that it calls."""

    field_class = RuleField

    def __init__(self, check: Callable[[str], Any], query: Callable[[Any, Any], Any], schema: JSONSchema) -> None:
        super().__init__(check=check)
        self.query = query
        set_override(self, "field", schema)

    def filter(self, qs: Any, value: Any) -> Any:
        """``qs`` narrowed by a checked value."""
        return qs if value is None else self.query(qs, value)

    def __deepcopy__(self, memo: Any) -> "RuleFilter":
        """A copy for one filter set, which gives it a parent; what is in it never changes."""
        return copy(self)


class RuleFilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """Filters over named queries. Parameters that it does not know are ignored."""

    def get_form_class(self) -> type[forms.Form]:
        """The form of the parameters, made once."""
        return _form_class(type(self))  # type: ignore[arg-type]

    def problems(self) -> list[FieldError]:
        """What is wrong with the parameters, each at ``("query", name)``."""
        found = ((name, error) for name, errors in self.errors.as_data().items() for error in errors)
        return [FieldError(error.code, ("query", name), error.message, self.data.get(name)) for name, error in found]


@cache
def _form_class(filterset: type[RuleFilterSet]) -> type[forms.Form]:
    fields = {name: declared.field for name, declared in filterset.base_filters.items()}
    return type(f"{filterset.__name__}Form", (forms.Form,), fields)
