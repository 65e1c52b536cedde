"""The forms that create and change users, validated by ``users/validators.py``."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from crm_project.validation import FieldError, FieldRule, normalized_key, validate
from users import validators
from users.confusables import look_alikes
from users.form_messages import form_message
from users.models import User

OWN_ACCESS = {
    "is_active": "You cannot deactivate yourself.",
    "is_staff": "You cannot remove your own access.",
    "is_superuser": "You cannot remove your own superuser status.",
}
IDENTITY = {field: rule for field, rule in validators.REGISTRATION.items() if field != "password"}


class IdentityForm(forms.ModelForm):
    """Names and email: validated by the API's rules, and unique as in the database."""

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name")

    def clean(self) -> dict[str, Any]:
        """Return the clean values; add errors to their fields."""
        cleaned = super().clean() or {}
        rules: dict[str, FieldRule] = {field: rule for field, rule in IDENTITY.items() if field in cleaned}
        renamed = cleaned.get("username") != self.instance.username
        if not renamed and "username" in rules:  # a name may be older than a rule
            rules["username"] = FieldRule(validators.username)
        values, problems = validate(cleaned, rules)
        add_problems(self, problems)
        for field in ("username", "email"):
            if values.get(field) and self._taken(field, values[field]):
                self.add_error(field, ValidationError(f"A user with this {field} already exists.", code="unique"))
        if renamed and values.get("username") and self._is_confusable(values["username"]):
            self.add_error(
                "username", ValidationError("Another user has a name that looks the same.", code="look_alike")
            )
        return {**cleaned, **values}

    def _taken(self, field: str, value: str) -> bool:
        others = User.objects.exclude(pk=self.instance.pk)
        return others.filter(**{f"{field}_key": normalized_key(value)}).exists()

    def _is_confusable(self, name: str) -> bool:
        return User.objects.exclude(pk=self.instance.pk).filter(username_key__in=look_alikes(name)).exists()


class ChoicesForm(forms.ModelMultipleChoiceField):
    """A multiple choice of rows, which also rejects ids too large for SQLite's driver."""

    def clean(self, value: Any) -> Any:
        """Return the selected rows."""
        try:
            return super().clean(value)
        except OverflowError:
            message, invalid = self.error_messages["invalid_choice"], next(pk for pk in value if len(str(pk)) > 18)
            raise ValidationError(message, code="invalid_choice", params={"value": invalid}) from None


class UserForm(IdentityForm):
    """The form that changes a user; the password has its own page. ``current_user`` is the one who edits."""

    current_user: ClassVar[User]

    class Meta(IdentityForm.Meta):
        help_texts: ClassVar = {
            "is_superuser": "Has all rights, and edits groups.",
            "groups": "The rights of the user.",
            "user_permissions": "Rights beside those of the groups.",
        }

    def clean(self) -> dict[str, Any]:
        """Return the clean values; reject users who remove their own access."""
        cleaned = super().clean()
        if self.instance.pk == self.current_user.pk:
            for field, message in OWN_ACCESS.items():
                if field in cleaned and getattr(self.current_user, field) and not cleaned[field]:
                    self.add_error(field, ValidationError(message, code="own_access"))
        return cleaned


class NewUserForm(IdentityForm):
    """The form that creates a user, who chooses a password by a link."""

    def save(self, commit: bool = True) -> User:
        """Save and return the new user, with an unusable password."""
        user: User = super().save(commit=False)
        user.set_unusable_password()
        if commit:
            user.save()
        return user


def add_problems(form: forms.BaseForm, problems: list[FieldError]) -> None:
    """Add validation errors to their fields, as form messages."""
    for problem in problems:
        error = ValidationError(form_message(problem.type, problem.msg), code=problem.type)
        form.add_error(str(problem.loc[0]) if problem.loc else None, error)
