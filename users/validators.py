"""Validation of registrations, logins and passwords."""

import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from crm_project import json_schema as schema
from crm_project.validation import (
    MISSING,
    FieldError,
    FieldRule,
    InvalidValue,
    check_length,
    check_text,
    date,
    email,
    text,
    validate,
)
from users import confusables, password_policy

MIN_PASSWORD = 8
MAX_PASSWORD = 4096
MIN_USERNAME = 3
MAX_NAME = 150
MAX_KEY_NAME = 64
SCOPES = ("read", "write")

Row = dict[str, Any]
Result = tuple[Row, list[FieldError]]  # clean values, and errors


def untrimmed(value: object) -> str:
    """Return text as it was typed, with its spaces."""
    if not isinstance(value, str):
        raise InvalidValue("string_type", "Input should be a valid string")
    return check_text(value)


def new_password(value: object) -> str:
    """Return a new password: 8 to 4096 characters except NUL."""
    password = untrimmed(value)
    check_length(password, MAX_PASSWORD, MIN_PASSWORD)
    return password


def username(value: object) -> str:
    """Return a user name: 3 to 150 characters except NUL after trimming."""
    return text(value, MAX_NAME, MIN_USERNAME)


def new_username(value: object) -> str:
    """Return a user name for a new account, which must not be confusable. Existing names are not subject to this."""
    name = username(value)
    confusables.check(name)
    return name


def person_name(value: object) -> str:
    """Return a first or last name, which may be empty."""
    return text(value, MAX_NAME)


def _login_name(value: object) -> str:
    return untrimmed(value).strip()


_password = schema.untrimmed(format="password")
_new_password = schema.untrimmed(MAX_PASSWORD, MIN_PASSWORD, format="password", description="Spaces count")
_any_case = schema.untrimmed(description="In any case", examples=["agent1"])
_example = {"examples": ["pass123456"]}

REGISTRATION: dict[str, FieldRule] = {
    "username": FieldRule(new_username, schema=schema.text(MAX_NAME, MIN_USERNAME, examples=["agent1"])),
    "email": FieldRule(email, schema=schema.email(examples=["a1@example.com"])),
    "password": FieldRule(new_password, schema={**_new_password, **_example}),
    "first_name": FieldRule(person_name, schema=schema.text(MAX_NAME, examples=["Agent"])),
    "last_name": FieldRule(person_name, schema=schema.text(MAX_NAME, examples=["One"])),
}
# A login has no limits of length: a short or long password is wrong (401), not invalid (422).
LOGIN: dict[str, FieldRule] = {
    "username": FieldRule(_login_name, schema=_any_case),
    "password": FieldRule(untrimmed, schema={**_password, **_example}),
}
PASSWORD_CHANGE: dict[str, FieldRule] = {
    "current_password": FieldRule(untrimmed, schema={**_password, **_example}),
    "new_password": FieldRule(new_password, schema={**_new_password, "examples": ["correct horse battery"]}),
}
PROFILE: dict[str, FieldRule] = {
    "first_name": REGISTRATION["first_name"],
    "last_name": REGISTRATION["last_name"],
    "email": REGISTRATION["email"],
    "current_password": PASSWORD_CHANGE["current_password"],
}


def key_name(value: object) -> str:
    """Return the name of a key, which the history shows."""
    return text(value, MAX_KEY_NAME, 1)


def scopes(value: object) -> list[str]:
    """Return the scopes of a key, each once."""
    if not isinstance(value, list):
        raise InvalidValue("list_type", "Input should be a valid list")
    if not value:
        raise InvalidValue("too_short", "List should have at least 1 item after validation, not 0")
    if any(scope not in SCOPES for scope in value):
        raise InvalidValue("literal_error", "Input should be 'read' or 'write'")
    return list(dict.fromkeys(value))


def last_day(value: object) -> datetime.date:
    """Return the last day on which a key works: today (UTC) or later."""
    day = date(value)
    if day < timezone.now().astimezone(datetime.UTC).date():
        raise InvalidValue("value_error", "Value error, the day is past")
    return day


_scopes = {"type": "array", "items": {"type": "string", "enum": list(SCOPES)}, "minItems": 1, "examples": [["read"]]}
_last_day = {**schema.DAY, "description": "The last day (UTC) on which it works; without it, there is none"}
API_KEY: dict[str, FieldRule] = {
    "name": FieldRule(key_name, schema=schema.text(MAX_KEY_NAME, 1, examples=["Zapier"])),
    "scopes": FieldRule(scopes, schema=_scopes),
    "expires_on": FieldRule(last_day, True, None, _last_day),
}
RENEWAL: dict[str, FieldRule] = {"refresh_token": FieldRule(untrimmed, schema=schema.untrimmed())}


def check_registration(row: object) -> Result:
    """Return the clean values of a registration, and all errors."""
    return _without_secrets(_with_policy_errors(validate(row, REGISTRATION), "password"))


def check_login(row: object) -> Result:
    """Return the user name, the password and the unvalidated ``scope`` of a login, and all errors.

    ``scope`` is not part of the contract, so no value of it is an error.
    """
    clean, errors = _without_secrets(validate(row, LOGIN))
    return {**clean, "scope": row.get("scope") if isinstance(row, dict) else None}, errors


def check_token_form(row: object) -> Result:
    """Return the same for OAuth2's form, with the ``grant_type`` "password" or none."""
    grant = (row.get("grant_type") if isinstance(row, dict) else None) or "password"
    if grant != "password":
        message = "String should match pattern '^password$'"
        return {}, [FieldError("string_pattern_mismatch", ("grant_type",), message, grant)]
    return check_login(row)


def check_password_change(row: object) -> Result:
    """Return the current and the new password, and all errors, without the values."""
    return _without_input(_with_policy_errors(validate(row, PASSWORD_CHANGE), "new_password"))


def check_profile(row: object) -> Result:
    """Return the clean values of a change of the profile, and all errors."""
    return _without_secrets(validate(row, PROFILE, partial=True))


def check_renewal(row: object) -> Result:
    """Return the refresh token, or the error without the value."""
    return _without_input(validate(row, RENEWAL))


def _with_policy_errors(result: Result, field: str) -> Result:
    """Add the errors of a valid new password under the password policy for API users."""
    row, errors = result
    return row, errors + (password_policy.api_errors(row[field], field) if field in row else [])


def _without_input(result: Result) -> Result:
    row, errors = result
    return row, [error._replace(input=None) for error in errors]


def _without_secrets(result: Result) -> Result:
    """Remove the body and objects from the errors, because they may contain a password. Other values stay."""
    row, errors = result
    return row, [
        error._replace(input=None)
        if not error.loc or error.type == MISSING[0] or isinstance(error.input, (dict, list))
        else error
        for error in errors
    ]


class PasswordLength:
    """The rule of ``new_password`` for the password forms of the back office (``AUTH_PASSWORD_VALIDATORS``)."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ``ValidationError`` for a password that the API rejects."""
        try:
            new_password(password)
        except InvalidValue as invalid:
            raise ValidationError(invalid.msg, code=invalid.type) from None

    def get_help_text(self) -> str:
        """Return the rule as text for the form."""
        return f"Your password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters."
