"""The base of the back office's filters: a form with validated parameters."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import ListFilter
from django.db.models import Model
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm_project import validation
from users.form_messages import form_message

Choices = list[tuple[str, str]]


class ParameterFilter(ListFilter):
    """A filter with named parameters, each of which is validated and applies a query.

    An invalid value finds nothing and shows an error. If it were ignored, the list would show leads that do not match,
    and an action on all leads would change them.
    """

    template = "leads/back_office/filter.html"
    queries: ClassVar[dict[str, Callable[[Any, str], Any]]]

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.queries:
            value = params.pop(name, [""])[-1].strip()
            if value:
                self.used_parameters[name] = value

    @property
    def parameter_name(self) -> str:
        """Return the first parameter: unfold 0.92 and later look a filter up by it."""
        return next(iter(self.queries))

    def has_output(self) -> bool:
        """Return true: the filter is always shown."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Return the names in the query string."""
        return list(self.queries)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the leads that match all parameters."""
        for name, value in self.used_parameters.items():
            try:
                queryset = self.queries[name](queryset, str(value))
            except validation.InvalidValue as invalid:
                message = form_message(invalid.type, invalid.msg)
                messages.error(request, f"{self.title}: {message[:1].lower()}{message[1:]}")
                return queryset.none()
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Yield the form of this filter."""
        yield {"form": self.form()}

    def form(self) -> forms.Form:
        """Return the form of this filter."""
        form = forms.Form(initial=self.used_parameters)
        form.fields.update(self.fields())
        return form

    def chips(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the text of each parameter that is in use: "Status: New"."""
        if not self.used_parameters:
            return
        fields = self.fields()
        for name, value in self.used_parameters.items():
            known = dict(getattr(fields[name], "choices", ()))
            yield name, f"{fields[name].label}: {known.get(value, value)}"

    def fields(self) -> dict[str, forms.Field]:
        """Return the form fields."""
        raise NotImplementedError


def select(label: str, choices: Choices, empty_label: str = "All") -> forms.Field:
    """Return a drop-down list."""
    return forms.ChoiceField(
        label=label, choices=[("", empty_label), *choices], widget=UnfoldAdminSelectWidget, required=False
    )


def text_input(label: str, kind: str, **extra: Any) -> forms.Field:
    """Return an input of a type such as "text" or "date"."""
    return forms.CharField(
        label=label, widget=UnfoldAdminTextInputWidget(attrs={"type": kind, **extra}), required=False
    )
