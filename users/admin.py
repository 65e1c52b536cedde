"""Users in the admin, under the rules of ``users/rules.py``."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import ReadOnlyPasswordHashField
from django.core.exceptions import ValidationError

from crm_project.values import Problem, Rule, judge, key
from users import rules
from users.models import User

IDENTITY = {field: rule for field, rule in rules.REGISTRATION.items() if field != "password"}


class IdentityForm(forms.ModelForm):
    """Names and address: judged by the API's rules, and told apart as the database tells them apart."""

    class Meta:
        model = User
        fields = ("username", "email", "first_name", "last_name")

    def clean(self) -> dict[str, Any]:
        """The clean values; problems go to their fields."""
        cleaned = super().clean() or {}
        rules_here: Mapping[str, Rule] = {field: rule for field, rule in IDENTITY.items() if field in cleaned}
        values, problems = judge(cleaned, rules_here)
        add_problems(self, problems)
        for field in ("username", "email"):
            if values.get(field) and self._taken(field, values[field]):
                self.add_error(field, ValidationError(f"A user with this {field} exists already.", code="unique"))
        return {**cleaned, **values}

    def _taken(self, field: str, value: str) -> bool:
        others = User.objects.exclude(pk=self.instance.pk)
        return others.filter(**{f"{field}_key": key(value)}).exists()


class UserForm(IdentityForm):
    """The form that edits a user; the password has a page of its own."""

    password = ReadOnlyPasswordHashField(help_text='<a href="../password/">Set a new password</a>')


class NewUserForm(IdentityForm):
    """The form that makes an agent: identity and a password, typed twice."""

    password1 = forms.CharField(label="Password", strip=False, widget=forms.PasswordInput)
    password2 = forms.CharField(label="Password again", strip=False, widget=forms.PasswordInput)

    def clean(self) -> dict[str, Any]:
        """The clean values; the passwords must agree and obey the API's rule."""
        cleaned = super().clean()
        _, problems = judge(cleaned, {"password1": Rule(rules.new_password, default=None)})
        add_problems(self, problems)
        if cleaned.get("password1") != cleaned.get("password2"):
            self.add_error("password2", ValidationError("The two passwords differ.", code="password_mismatch"))
        return cleaned

    def save(self, commit: bool = True) -> User:
        """The new user, with the password hashed."""
        user: User = super().save(commit=False)
        user.set_password(self.cleaned_data["password1"])
        if commit:
            user.save()
        return user


def add_problems(form: forms.BaseForm, problems: list[Problem]) -> None:
    """Tell the rules' problems on the fields they are about."""
    for problem in problems:
        form.add_error(str(problem.loc[0]) if problem.loc else None, ValidationError(problem.msg, code=problem.type))


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Agents and staff. Those with activities are deactivated, never deleted (the database refuses it)."""

    form = UserForm
    add_form = NewUserForm
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "groups")
    search_fields = ("username_key", "email_key", "first_name", "last_name")
    ordering = ("username_key",)
    readonly_fields = ("last_login", "created_at")
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "first_name", "last_name", "password1", "password2")}),)

    def get_actions(self, request: Any) -> Any:
        """No deletion of many at once."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
