"""The form of one lead: it validates by the API's rules and overwrites no change made in the meantime."""

import re
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm_project.validation import InvalidValue, digits
from leads import validators
from leads.back_office.cells import currency
from leads.back_office.history import build_entry, display, owner_names
from leads.filters import search_terms
from leads.importing.cells.names import split_name
from leads.models import Lead, LeadChange
from users import directory
from users.back_office.forms import add_problems
from users.models import User

if TYPE_CHECKING:
    Form = forms.ModelForm[Lead]
else:
    Form = forms.ModelForm

# The form field of each column that has a rule: a foreign key is ``agency`` in the form, ``agency_id`` in the rules.
FORM_FIELDS = {
    field.attname: field.name
    for field in Lead._meta.concrete_fields
    if field.attname in {**validators.UPDATE_RULES, **validators.LABEL_RULES}
}
# Their choices would be the whole table.
REFERENCES_TO_LEADS = tuple(
    field.name for field in Lead._meta.concrete_fields if field.related_model is Lead and field.attname in FORM_FIELDS
)
COLUMNS = {name: column for column, name in FORM_FIELDS.items()}
AMOUNT = UnfoldAdminTextInputWidget({"inputmode": "numeric"})
IDENTITY = ("first_name", "last_name", "email", "phone")  # a new lead needs one of them
MAX_LISTED = 5  # changes made in the meantime
CONFLICT = "Not saved: someone else changed this lead. Your entries are kept; review and save again."


def searched_person(given: str) -> dict[str, str]:
    """Return what a search is about as the values of a new lead: an email, a phone number or a name."""
    try:
        terms = search_terms(given)
    except InvalidValue:
        return {}
    if terms is None:
        return {}
    given = " ".join(given.split())
    if "@" in given:
        return {"email": given}
    if digits(given) and not any(character.isalpha() for character in given):
        return {"phone": given}
    first, last = split_name(given)
    return {"first_name": first, "last_name": last}


class ActiveInput(forms.HiddenInput):
    """The current value of ``is_active``, unless a button of the page sends another."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the value of the button, or the current one."""
        return data.get(f"_{name}", data.get(name))


class AmountField(forms.IntegerField):
    """An amount, also written as "450,000"; the API's rules validate it."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: Any) -> int | None:
        """Return the number; ``None`` if empty."""
        return super().to_python(re.sub(r"[,\s]", "", value) if isinstance(value, str) else value)


class OwnerField(forms.ModelChoiceField):
    """An active user, or the present owner."""

    widget = UnfoldAdminSelectWidget

    def label_from_instance(self, obj: Any) -> str:
        """Return the user's name."""
        return str(obj.name) if obj.is_active else f"{obj.name} (deactivated)"


class LeadForm(Form):
    """The fields of a lead, validated by ``validators.validate``.

    The form contains the lead's ``version`` and initial values: only what the user changed is saved, and only over the
    version that they saw. Without a version (another client than the page), whatever differs is saved.
    """

    owner = OwnerField(User.objects.none(), required=False, empty_label="Nobody")
    tags = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget({"placeholder": "vip, cash buyer"}), max_length=5000
    )
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
        for name in {"budget_min", "budget_max"} & self.fields.keys():
            self.fields[name].label = f"{self.fields[name].label} ({currency()})"
        if "owner" in self.fields:
            owners = User.objects.filter(Q(is_active=True) | Q(pk=self.instance.owner_id or 0))
            cast(OwnerField, self.fields["owner"]).queryset = owners.order_by("username_key").only(
                *directory.NAME, "is_active"
            )
        if "property_interest" in self.fields:
            self.fields["property_interest"].widget.attrs["rows"] = 4
        if "status" in self.fields:
            statuses = dict.fromkeys((*validators.PIPELINE, self.instance.status))
            self.fields["status"].widget = UnfoldAdminSelectWidget(
                choices=[(status, status.capitalize()) for status in statuses]
            )

    def clean(self) -> dict[str, Any]:
        """Return the clean values; add errors to their fields, and a conflict to the form."""
        cleaned = super().clean() or {}
        clean, problems = validators.validate(self._by_column(cleaned), partial=True, stored=self.stored, labels=True)
        add_problems(self, [problem._replace(loc=(FORM_FIELDS[str(problem.loc[0])],)) for problem in problems])
        if not self.errors and not self.stored and not any(clean.get(name) for name in IDENTITY):
            self.add_error(None, ValidationError("Enter a name, an email or a phone number.", code="no_identity"))
        seen = cleaned.get("seen_version")
        if self.stored and seen is not None and seen != self.stored.version:
            self._add_conflict(self.stored, seen)
        self.validated = clean
        return {**cleaned, **{name: value for name, value in clean.items() if name in cleaned}}

    def changed_values(self) -> dict[str, Any]:
        """Return the validated values that the user changed; all values of a new lead."""
        if not self.stored:
            return {
                **validators.DEFAULTS,
                **{name: self.validated[name] for name in validators.FIELDS if name in self.validated},
            }
        return {name: value for name, value in self.validated.items() if FORM_FIELDS[name] in self.changed_data}

    def _own_fields(self) -> list[str]:
        return [name for name in FORM_FIELDS.values() if name in self.fields]

    @staticmethod
    def _by_column(cleaned: dict[str, Any]) -> dict[str, Any]:
        """Return the values by column; of a selected row its id."""
        values = {column: cleaned[name] for column, name in FORM_FIELDS.items() if name in cleaned}
        return {column: value.pk if isinstance(value, Model) else value for column, value in values.items()}

    def _add_conflict(self, stored: Lead, seen: int) -> None:
        """Add who changed what, and show the current values except where the user entered others.

        Saving again then overwrites the version that the errors describe.
        """
        # Each version has an entry, except those that an import made.
        since = LeadChange.objects.of_lead(stored.pk)[: min(max(stored.version - seen, 1), MAX_LISTED)]
        self.add_error(None, ValidationError(CONFLICT, code="conflict"))
        owners = owner_names(since)
        for change in since:
            self.add_error(None, ValidationError(build_entry(change, owners).sentence, code="conflict"))
        data = cast(QueryDict, self.data).copy()
        data[self.add_prefix("seen_version")] = str(stored.version)
        for name in self._own_fields():
            now, then = getattr(stored, COLUMNS[name]), data.get(self.add_initial_prefix(name))
            value = "" if now is None else str(now)
            data[self.add_initial_prefix(name)] = value
            if name not in self.changed_data:
                data[self.add_prefix(name)] = value
            elif then != value and self.data.get(self.add_prefix(name)) != value:
                self.add_error(
                    name, ValidationError(f"Current value: {display(COLUMNS[name], now, owners)}", code="conflict")
                )
        self.data = data
