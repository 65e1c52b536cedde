"""The password policy beyond the length, which ``users/validators.py`` checks.

Back office users are subject to all of ``AUTH_PASSWORD_VALIDATORS``. API users are subject to the length only, and with
``PASSWORD_POLICY=strict`` also to Django's list of common passwords.
"""

from functools import cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError

from crm_project.validation import FieldError
from users.base_user import AbstractUser

STRICT = "strict"


def api_errors(password: object, field: str) -> list[FieldError]:
    """Return the errors of an API user's new password under the policy; its length is valid."""
    if settings.PASSWORD_POLICY != STRICT:
        return []
    try:
        _common_passwords().validate(str(password))
    except ValidationError as error:
        return _errors(error, field)
    return []


def back_office_errors(password: str, user: AbstractUser, field: str) -> list[FieldError]:
    """Return the errors of a new password of ``user`` under the back office's validators."""
    try:
        validate_password(password, cast(Any, user))
    except ValidationError as error:
        return _errors(error, field)
    return []


def is_weak(password: str, user: AbstractUser) -> bool:
    """Return whether the back office's validators reject the password."""

    return bool(back_office_errors(password, user, ""))


@cache
def _common_passwords() -> CommonPasswordValidator:
    return CommonPasswordValidator()  # reads 20,000 passwords from a file


def _errors(error: ValidationError, field: str) -> list[FieldError]:
    return [FieldError("value_error", (field,), f"Value error, {message}", None) for message in error.messages]
