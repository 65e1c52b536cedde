"""The form that logs an activity, moves the status and plans the next step; validated by the API's rules."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from activities import validators
from activities.follow_ups import validators as follow_up_validators
from crm_project.validation import FieldError
from users.back_office.forms import add_problems

TYPES = ("call", "email", "meeting", "viewing", "note")
ACTIVITY = ("activity_type", "title", "notes", "duration", "activity_date")
NEXT = {"title": "next_title", "kind": "next_kind", "due_on": "next_on", "due_time": "next_time"}
FUTURE = "That day is in the future. Plan a follow-up instead."
PAST = "That day is over."


def type_choices(*others: str) -> list[tuple[str, str]]:
    """Return the types of activities, and others that are in use."""
    return [(kind, kind.capitalize()) for kind in dict.fromkeys((*others, *TYPES)) if kind]


def text_input(**attributes: Any) -> UnfoldAdminTextInputWidget:
    """Return an input of the theme."""
    return UnfoldAdminTextInputWidget(attributes)


class LogForm(forms.Form):
    """What was done, the status afterwards, and the next follow-up. The page adds lead and author.

    Clean values are ``activity``, ``status`` and ``follow_up``, each ``None`` if there is none. With ``is_optional``
    there need be no activity. Without ``statuses`` and with ``plans`` false it is the form of an activity alone.
    """

    activity_type = forms.CharField(label="Type", widget=UnfoldAdminSelectWidget(choices=type_choices()))
    activity_date = forms.CharField(label="Date", required=False, widget=text_input(type="date"))
    title = forms.CharField(
        label="Subject",
        required=False,
        widget=text_input(maxlength=validators.MAX_TITLE, placeholder="Called back, left a message", list="outcomes"),
    )
    notes = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget({"rows": 2}))
    duration = forms.CharField(label="Duration (min)", required=False, widget=text_input(inputmode="numeric"))
    status = forms.CharField(required=False, widget=UnfoldAdminSelectWidget())
    next_on = forms.CharField(label="Next follow-up", required=False, widget=text_input(type="date"))
    next_time = forms.CharField(label="Time", required=False, widget=text_input(type="time"))
    next_title = forms.CharField(
        label="What to do", required=False, widget=text_input(maxlength=validators.MAX_TITLE, placeholder="Call again")
    )
    next_kind = forms.CharField(label="As", required=False, widget=UnfoldAdminSelectWidget(choices=type_choices()))

    def __init__(
        self,
        *args: Any,
        statuses: Iterable[str] = (),
        plans: bool = True,
        is_optional: bool = False,
        form_id: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **{"auto_id": "log_%s", **kwargs})
        self.is_optional = is_optional
        self.initial.setdefault("activity_date", timezone.localdate().isoformat())
        self._set_choices("activity_type", type_choices(self.initial.get("activity_type", "")))
        self._set_choices("status", [(status, status.capitalize()) for status in statuses])
        for name in [*([] if statuses else ["status"]), *([] if plans else NEXT.values())]:
            del self.fields[name]
        if is_optional:
            self.fields["activity_type"].required = False
        if form_id:
            for field in self.fields.values():
                field.widget.attrs["form"] = form_id

    def _set_choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].widget = UnfoldAdminSelectWidget(choices=choices)

    def clean(self) -> dict[str, Any]:
        """Return the clean values; add errors to their fields."""
        cleaned = super().clean() or {}
        return {
            "activity": self._activity(cleaned),
            "status": cleaned.get("status") or None,
            "follow_up": self._follow_up(cleaned),
        }

    def _activity(self, cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.is_optional and not any(cleaned.get(name) for name in ("title", "notes", "duration")):
            return None
        values = {name: cleaned[name] for name in ACTIVITY if name in cleaned}
        values |= {name: cleaned.get(name) or None for name in ("notes", "duration")}
        clean, problems = validators.validate(values)
        self._add_new(problems)
        day = clean.get("activity_date")
        if day and day > timezone.localdate() and day.isoformat() != self.initial["activity_date"]:
            self.add_error("activity_date", ValidationError(FUTURE, code="future"))
        return clean

    def _follow_up(self, cleaned: Mapping[str, Any]) -> dict[str, Any] | None:
        if not any(cleaned.get(name) for name in ("next_on", "next_time", "next_title")):
            return None
        kind = cleaned.get("next_kind") or TYPES[0]
        given = {
            "title": cleaned.get("next_title") or kind.capitalize(),
            "kind": kind,
            "due_on": cleaned.get("next_on") or "",
            "due_time": cleaned.get("next_time") or None,
        }
        clean, problems = follow_up_validators.validate(given)
        self._add_new(problem._replace(loc=(NEXT[str(problem.loc[0])],)) for problem in problems)
        if isinstance(day := clean.get("due_on"), date) and day < timezone.localdate():
            self.add_error("next_on", ValidationError(PAST, code="past"))
        return clean

    def _add_new(self, problems: Iterable[FieldError]) -> None:
        """Add errors, except to fields that have one."""
        add_problems(self, [problem for problem in problems if not self.has_error(str(problem.loc[0]))])
