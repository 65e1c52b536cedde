"""What a registration, a log-in and a password must be."""

from typing import Any

from django.core.exceptions import ValidationError

from crm_project import json_schema as schema
from crm_project.validation import (
    MISSING,
    FieldError,
    FieldRule,
    InvalidValue,
    check_length,
    check_text,
    email,
    text,
    validate,
)
from users import confusables, password_policy

MIN_PASSWORD = 8
MAX_PASSWORD = 4096
MIN_USERNAME = 3
MAX_NAME = 150

Row = dict[str, Any]


def untrimmed(value: object) -> str:
    """Text as it was typed; passwords keep their spaces."""
    if not isinstance(value, str):
        raise InvalidValue("string_type", "Input should be a valid string")
    return check_text(value)


def new_password(value: object) -> str:
    """A password to keep: 8 to 4096 characters, any but NUL."""
    secret = untrimmed(value)
    check_length(secret, MAX_PASSWORD, MIN_PASSWORD)
    return secret


def username(value: object) -> str:
    """A user name: 3 to 150 characters after trimming, any but NUL."""
    return text(value, MAX_NAME, MIN_USERNAME)


def new_username(value: object) -> str:
    """A user name to give: one that cannot be taken for another by its looks. Names given before stay as they are."""
    name = username(value)
    confusables.check(name)
    return name


def person_name(value: object) -> str:
    """A first or last name; may be empty."""
    return text(value, MAX_NAME)


def _name_to_look_up(value: object) -> str:
    return untrimmed(value).strip()


_password = schema.untrimmed(format="password")
_new_password = schema.untrimmed(MAX_PASSWORD, MIN_PASSWORD, format="password", description="Spaces count")
_any_case = schema.untrimmed(description="In any case", examples=["agent1"])
_example = {"examples": ["pass123456"]}

REGISTRATION: dict[str, FieldRule] = {
    "username": FieldRule(new_username, schema=schema.text(MAX_NAME, MIN_USERNAME, examples=["agent1"])),
    "email": FieldRule(email, schema=schema.email()),
    "password": FieldRule(new_password, schema={**_new_password, **_example}),
    "first_name": FieldRule(person_name, schema=schema.text(MAX_NAME, examples=["Agent"])),
    "last_name": FieldRule(person_name, schema=schema.text(MAX_NAME, examples=["One"])),
}
# No lengths at log-in: a short or long password is a wrong one (401), not a malformed one.
LOGIN: dict[str, FieldRule] = {
    "username": FieldRule(_name_to_look_up, schema=_any_case),
    "password": FieldRule(untrimmed, schema={**_password, **_example}),
}
PASSWORD_CHANGE: dict[str, FieldRule] = {
    "current_password": FieldRule(untrimmed, schema=_password),
    "new_password": FieldRule(new_password, schema=_new_password),
}
RENEWAL: dict[str, FieldRule] = {"refresh_token": FieldRule(untrimmed, schema=schema.untrimmed())}


def check_registration(row: object) -> tuple[Row, list[FieldError]]:
    """The clean values of a registration, and every problem with them."""
    return _discreetly(_under_policy(validate(row, REGISTRATION), "password"))


def check_login(row: object) -> tuple[Row, list[FieldError]]:
    """The user name and password of a log-in, and every problem with their shape; ``scope`` as it was sent, if at all.

    A field that the earlier server did not know must not make a log-in fail, whatever is in it.
    """
    clean, problems = _discreetly(validate(row, LOGIN))
    return {**clean, "scope": row.get("scope") if isinstance(row, dict) else None}, problems


def check_token_form(row: object) -> tuple[Row, list[FieldError]]:
    """The same for OAuth2's form, whose ``grant_type`` is "password" or left out."""
    grant = (row.get("grant_type") if isinstance(row, dict) else None) or "password"
    if grant != "password":
        message = "String should match pattern '^password$'"
        return {}, [FieldError("string_pattern_mismatch", ("grant_type",), message, grant)]
    return check_login(row)


def check_password_change(row: object) -> tuple[Row, list[FieldError]]:
    """The password somebody has and the one they want, and every problem with them; no problem shows its value."""
    return _silently(_under_policy(validate(row, PASSWORD_CHANGE), "new_password"))


def check_renewal(row: object) -> tuple[Row, list[FieldError]]:
    """The refresh token somebody sends, or the problem with it, which does not show it."""
    return _silently(validate(row, RENEWAL))


def _under_policy(judged: tuple[Row, list[FieldError]], field: str) -> tuple[Row, list[FieldError]]:
    """Add what the office's policy for API users has against an acceptable new password."""
    row, problems = judged
    return row, problems + (password_policy.api_problems(row[field], field) if field in row else [])


def _silently(judged: tuple[Row, list[FieldError]]) -> tuple[Row, list[FieldError]]:
    row, problems = judged
    return row, [problem._replace(input=None) for problem in problems]


def _discreetly(judged: tuple[Row, list[FieldError]]) -> tuple[Row, list[FieldError]]:
    """Without the body or any structure in it, which may hold a password under whatever name; plain values stay."""
    row, problems = judged
    return row, [
        problem._replace(input=None)
        if not problem.loc or problem.type == MISSING[0] or isinstance(problem.input, (dict, list))
        else problem
        for problem in problems
    ]


class PasswordLength:
    """The same rule for the admin's password forms (``AUTH_PASSWORD_VALIDATORS``)."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ``ValidationError`` for a password the API would refuse."""
        try:
            new_password(password)
        except InvalidValue as invalid:
            raise ValidationError(invalid.msg, code=invalid.type) from None

    def get_help_text(self) -> str:
        """The rule, for people."""
        return f"Your password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters."
