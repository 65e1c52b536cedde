"""The form that logs an activity, validated by the API's rules."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from activities import validators
from users.back_office.forms import add_problems

TYPES = ("call", "email", "meeting", "viewing", "note")


FUTURE = "That day is in the future. Plan a follow-up instead."


class LogForm(forms.Form):
    """Type, subject, notes, duration and date of what was done. The page adds lead and author."""

    activity_type = forms.CharField(
        label="Type", widget=UnfoldAdminSelectWidget(choices=[(kind, kind.capitalize()) for kind in TYPES])
    )
    title = forms.CharField(
        label="Subject",
        required=False,
        widget=UnfoldAdminTextInputWidget(
            {"maxlength": validators.MAX_TITLE, "placeholder": "Called back, left a message"}
        ),
    )
    notes = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget({"rows": 2}))
    duration = forms.CharField(
        label="Duration (min)", required=False, widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"})
    )
    activity_date = forms.CharField(label="Date", required=False, widget=UnfoldAdminTextInputWidget({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "log_%s", **kwargs})
        self.initial.setdefault("activity_date", timezone.localdate().isoformat())
        kind = self.initial.get("activity_type")
        if kind and kind not in TYPES:  # of an activity that came in another way
            self.fields["activity_type"].widget = UnfoldAdminSelectWidget(
                choices=[(name, name.capitalize()) for name in (kind, *TYPES)]
            )

    def clean(self) -> dict[str, Any]:
        """Return the clean values; add errors to their fields."""
        cleaned = super().clean() or {}
        values = {**cleaned, "notes": cleaned.get("notes") or None, "duration": cleaned.get("duration") or None}
        clean, problems = validators.validate(values)
        add_problems(self, [problem for problem in problems if not self.has_error(str(problem.loc[0]))])
        day = clean.get("activity_date")
        if day and day > timezone.localdate() and day.isoformat() != self.initial["activity_date"]:
            self.add_error("activity_date", ValidationError(FUTURE, code="future"))
        return clean
