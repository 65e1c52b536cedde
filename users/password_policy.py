"""Which passwords are too weak. The length is in ``users/validators.py``; here are Django's validators.

Whoever may enter the back office obeys all of ``AUTH_PASSWORD_VALIDATORS``. API users obey the REST contract's rule,
and with ``PASSWORD_POLICY=strict`` also Django's list of common passwords.
"""

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError

from crm_project.validation import FieldError

if TYPE_CHECKING:
    from users.models import User

STRICT = "strict"


def api_problems(password: object, field: str) -> list[FieldError]:
    """Return what the office's policy has against an API user's new password, which the rules have accepted."""
    if settings.PASSWORD_POLICY != STRICT:
        return []
    try:
        _common_passwords().validate(str(password))
    except ValidationError as error:
        return _problems(error, field)
    return []


def back_office_problems(password: str, user: "User", field: str) -> list[FieldError]:
    """Return what the back office's validators have against a new password of ``user``."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        return _problems(error, field)
    return []


def is_weak(password: str, user: "User") -> bool:
    """Return whether the back office's validators refuse the password."""
    return bool(back_office_problems(password, user, ""))


@cache
def _common_passwords() -> CommonPasswordValidator:
    return CommonPasswordValidator()  # reads 20,000 passwords from a file


def _problems(error: ValidationError, field: str) -> list[FieldError]:
    return [FieldError("value_error", (field,), f"Value error, {message}", None) for message in error.messages]
