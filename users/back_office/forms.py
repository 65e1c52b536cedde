"""The forms that make and change users, under the rules of ``users/validators.py``."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from crm_project.validation import FieldError, FieldRule, normalized_key, validate
from users import validators
from users.confusables import look_alikes
from users.form_messages import form_message
from users.models import User

OWN_ACCESS = {
    "is_active": "deactivate",
    "is_staff": "shut the back office to",
    "is_superuser": "take superuser status from",
}
IDENTITY = {field: rule for field, rule in validators.REGISTRATION.items() if field != "password"}


class IdentityForm(forms.ModelForm):
    """Names and address: judged by the API's rules, and told apart as the database tells them apart."""

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name")

    def clean(self) -> dict[str, Any]:
        """The clean values; problems go to their fields."""
        cleaned = super().clean() or {}
        rules_here: dict[str, FieldRule] = {field: rule for field, rule in IDENTITY.items() if field in cleaned}
        renamed = cleaned.get("username") != self.instance.username
        if not renamed and "username" in rules_here:  # names given before a rule are left alone
            rules_here["username"] = FieldRule(validators.username)
        values, problems = validate(cleaned, rules_here)
        add_problems(self, problems)
        for field in ("username", "email"):
            if values.get(field) and self._taken(field, values[field]):
                self.add_error(field, ValidationError(f"A user with this {field} exists already.", code="unique"))
        if renamed and values.get("username") and self._looks_like_another(values["username"]):
            self.add_error("username", ValidationError("A user has a name that looks the same.", code="look_alike"))
        return {**cleaned, **values}

    def _taken(self, field: str, value: str) -> bool:
        others = User.objects.exclude(pk=self.instance.pk)
        return others.filter(**{f"{field}_key": normalized_key(value)}).exists()

    def _looks_like_another(self, name: str) -> bool:
        return User.objects.exclude(pk=self.instance.pk).filter(username_key__in=look_alikes(name)).exists()


class ChoicesForm(forms.ModelMultipleChoiceField):
    """Rows to choose from; a number that no row could have, which SQLite's driver refuses, is none of them."""

    def clean(self, value: Any) -> Any:
        """The rows chosen."""
        try:
            return super().clean(value)
        except OverflowError:
            told, beyond = self.error_messages["invalid_choice"], next(pk for pk in value if len(str(pk)) > 18)
            raise ValidationError(told, code="invalid_choice", params={"value": beyond}) from None


class UserForm(IdentityForm):
    """The form that edits a user; the password has a page of its own."""

    asker: ClassVar[User]

    def clean(self) -> dict[str, Any]:
        """The clean values; nobody shuts themselves out."""
        cleaned = super().clean()
        if self.instance.pk == self.asker.pk:
            for field, told in OWN_ACCESS.items():
                if field in cleaned and getattr(self.asker, field) and not cleaned[field]:
                    self.add_error(field, ValidationError(f"You cannot {told} yourself.", code="own_access"))
        return cleaned


class NewUserForm(IdentityForm):
    """The form that makes an agent, who chooses a password by a link."""

    def save(self, commit: bool = True) -> User:
        """The new user, without a password that works."""
        user: User = super().save(commit=False)
        user.set_unusable_password()
        if commit:
            user.save()
        return user


def add_problems(form: forms.BaseForm, problems: list[FieldError]) -> None:
    """Tell the rules' problems on the fields they are about, in words for people."""
    for problem in problems:
        told = ValidationError(form_message(problem.type, problem.msg), code=problem.type)
        form.add_error(str(problem.loc[0]) if problem.loc else None, told)
