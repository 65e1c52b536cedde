"""The form of the page of a lead: its fields, a new activity, the next follow-up and consent, saved together."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from activities.back_office.log_form import LogForm
from leads.back_office.lead_form import LeadForm
from leads.consents import ALL, GRANTED, MAX_TEXT, REVOKED, WAYS
from leads.duplicates import duplicates_of_one
from leads.models import ErasedContact, Lead

STORE_ANYWAY = "_store_anyway"
MAX_DUPLICATES = 5
ENTRIES = ("log-title", "log-notes", "log-duration", "log-next_on", "log-next_title", "consent-statement")
DELETED = "Not saved: this lead is deleted. Restore it to save the activity, the follow-up and consent."
ERASED = (
    "Not saved yet: the person with this email or phone number was erased on request. Add them only if they ask for it."
)
CONSENTS = [("", "No change")] + [
    (f"{way}:{state}", f"{'May' if state == GRANTED else 'Do not'} {'contact at all' if way == ALL else way}")
    for state in (REVOKED, GRANTED)
    for way in (ALL, *WAYS)
]


class ConsentForm(forms.Form):
    """What the lead says about being contacted."""

    statement = forms.ChoiceField(
        label="Consent", choices=CONSENTS, required=False, widget=UnfoldAdminSelectWidget({"form": "lead_form"})
    )
    wording = forms.CharField(
        label="What the lead said",
        required=False,
        max_length=MAX_TEXT,
        widget=UnfoldAdminTextInputWidget({"form": "lead_form", "maxlength": MAX_TEXT}),
    )

    def clean(self) -> dict[str, Any]:
        """Return the clean values; words alone state nothing."""
        cleaned = super().clean() or {}
        if cleaned.get("wording") and not cleaned.get("statement"):
            self.add_error("statement", ValidationError("Choose what was said.", code="required"))
        return cleaned

    def values(self) -> dict[str, Any] | None:
        """Return the statement, ``None`` if there is none."""
        channel, _, state = self.cleaned_data["statement"].partition(":")
        return {"channel": channel, "state": state, "wording": self.cleaned_data["wording"] or None} if state else None


class LeadPageForm(LeadForm):
    """The lead's own form with two others in it. A new lead like a stored or erased one is reported first."""

    may_log: ClassVar[bool] = False
    refusal: ClassVar[str] = ""  # why the activity or the follow-up could not be stored

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        data = self.data if self.is_bound else None
        # If somebody deleted the lead in the meantime, the page still shows what the user has entered.
        has_forms = self.stored is not None and (self.stored.is_active or self._has_entries())
        self.log = (
            LogForm(data, prefix="log", auto_id="id_%s", is_optional=True, form_id="lead_form")
            if has_forms and self.may_log
            else None
        )
        self.consent = ConsentForm(data, prefix="consent") if has_forms else None
        self.duplicates: list[Lead] = []
        self.was_erased = False

    def clean(self) -> dict[str, Any]:
        """Return the clean values of the lead; report errors of the other forms."""
        cleaned = super().clean()
        for form in (self.log, self.consent):
            if form is not None and not form.is_valid():
                self.add_error(None, ValidationError("Not saved. Correct the errors below.", code="invalid"))
        if self.stored and not (self.stored.is_active or self.validated.get("is_active")) and self._has_entries():
            self.add_error(None, ValidationError(DELETED, code="deleted"))
        if self.refusal:
            self.add_error(None, ValidationError(f"Not saved. {self.refusal}.", code="refused"))
        if not self.stored and not self.errors and STORE_ANYWAY not in self.data:
            self._look_for_others()
        return cleaned

    def _has_entries(self) -> bool:
        return any(self.data.get(name) for name in ENTRIES)

    def _look_for_others(self) -> None:
        values = self.changed_values()
        self.was_erased = ErasedContact.objects.include(values["email"], values["phone"])
        if self.was_erased:
            self.add_error(None, ValidationError(ERASED, code="erased"))
        found = duplicates_of_one(values)[:MAX_DUPLICATES]
        self.duplicates = list(Lead.objects.filter(pk__in=[one["id"] for one in found]).order_by("pk"))
        if self.duplicates:
            message = "Not saved yet: there is a lead that may be the same person."
            self.add_error(None, ValidationError(message, code="duplicates"))
