"""The form of one lead: the API's rules, and no writing over what somebody else changed meanwhile."""

import re
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from leads import validators
from leads.back_office.history import entry_of, shown
from leads.models import Lead, LeadChange
from users.back_office.forms import add_problems

if TYPE_CHECKING:
    Form = forms.ModelForm[Lead]
else:
    Form = forms.ModelForm

# The form's name of each field that the rules know: a foreign key is ``agency`` here and ``agency_id`` there.
FORM_FIELDS = {
    field.attname: field.name for field in Lead._meta.concrete_fields if field.attname in validators.UPDATE_RULES
}
COLUMNS = {name: column for column, name in FORM_FIELDS.items()}
AMOUNT = UnfoldAdminTextInputWidget({"inputmode": "numeric"})
MAX_LISTED = 5  # of the changes made meanwhile
CLASH = "Nothing was saved: this lead was changed while you had it open. What you typed is kept; look, and save again."


class ActiveInput(forms.HiddenInput):
    """Whether the lead is active, as it was, unless one of the page's buttons says otherwise."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The button's word before the stored one."""
        return data.get(f"_{name}", data.get(name))


class AmountField(forms.IntegerField):
    """An amount as people write it, "450,000" too; the API's rules judge it."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: Any) -> int | None:
        """The number; ``None`` for nothing."""
        return super().to_python(re.sub(r"[,\s]", "", value) if isinstance(value, str) else value)


class LeadForm(Form):
    """A lead's own fields, judged by ``rules.check``.

    It carries the lead's ``version`` and the values it was opened with: only what its user changed is written, and
    only over the version that they saw. Without a version (a client of its own making) it writes what differs.
    """

    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Lead
        fields = tuple(FORM_FIELDS.values())
        widgets = {"is_active": ActiveInput, "budget_min": AMOUNT, "budget_max": AMOUNT}
        field_classes = {"budget_min": AmountField, "budget_max": AmountField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = self.instance if self.instance.pk else None
        self.initial["seen_version"] = self.instance.version
        carries_version = not self.is_bound or "seen_version" in self.data
        for name in self._own_fields():
            self.fields[name].show_hidden_initial = carries_version
        if "property_interest" in self.fields:
            self.fields["property_interest"].widget.attrs["rows"] = 4
        if "status" in self.fields:
            words = dict.fromkeys((*validators.PIPELINE, self.instance.status))
            self.fields["status"].widget = UnfoldAdminSelectWidget(
                choices=[(word, word.capitalize()) for word in words]
            )

    def clean(self) -> dict[str, Any]:
        """The clean values; problems go to their fields, a clash to the whole form."""
        cleaned = super().clean() or {}
        clean, problems = validators.validate(self._by_column(cleaned), partial=True, stored=self.stored)
        add_problems(self, [problem._replace(loc=(FORM_FIELDS[str(problem.loc[0])],)) for problem in problems])
        seen = cleaned.get("seen_version")
        if self.stored and seen is not None and seen != self.stored.version:
            self._tell_clash(self.stored, seen)
        self.checked = clean
        return {**cleaned, **{name: value for name, value in clean.items() if name in cleaned}}

    def changed(self) -> dict[str, Any]:
        """What the user changed, clean; of a new lead all that the rules ask for."""
        if not self.stored:
            return {
                **validators.DEFAULTS,
                **{name: self.checked[name] for name in validators.CREATE_RULES if name in self.checked},
            }
        return {name: value for name, value in self.checked.items() if FORM_FIELDS[name] in self.changed_data}

    def _own_fields(self) -> list[str]:
        return [name for name in FORM_FIELDS.values() if name in self.fields]

    @staticmethod
    def _by_column(cleaned: dict[str, Any]) -> dict[str, Any]:
        """The values as the rules name them; of a row that was chosen its id."""
        given = {column: cleaned[name] for column, name in FORM_FIELDS.items() if name in cleaned}
        return {column: value.pk if isinstance(value, Model) else value for column, value in given.items()}

    def _tell_clash(self, stored: Lead, seen: int) -> None:
        """Say who changed what, and let the form show what is stored now but for what its user typed.

        A second save is then one over the version that the user has been told about.
        """
        # Each version has its entry, but for those that an import brought.
        since = LeadChange.objects.of_lead(stored.pk)[: min(max(stored.version - seen, 1), MAX_LISTED)]
        self.add_error(None, ValidationError(CLASH, code="clash"))
        for change in since:
            self.add_error(None, ValidationError(entry_of(change).sentence, code="clash"))
        data = cast(QueryDict, self.data).copy()
        data[self.add_prefix("seen_version")] = str(stored.version)
        for name in self._own_fields():
            now, then = getattr(stored, COLUMNS[name]), data.get(self.add_initial_prefix(name))
            value = "" if now is None else str(now)
            data[self.add_initial_prefix(name)] = value
            if name not in self.changed_data:
                data[self.add_prefix(name)] = value
            elif then != value and self.data.get(self.add_prefix(name)) != value:
                self.add_error(name, ValidationError(f"Stored meanwhile: {shown(name, now)}", code="clash"))
        self.data = data
