"""Error messages of forms, in place of the API's messages, which are written for programs."""

import re

# By the type of the API's error. {} is the number in its message.
MESSAGES = {
    "missing": "This field is required.",
    "string_too_long": "Enter at most {} characters.",
    "greater_than_equal": "Enter {} or more.",
    "less_than_equal": "Enter {} or less.",
    "int_parsing": "Enter a whole number.",
    "int_from_float": "Enter a whole number.",
    "int_type": "Enter a whole number.",
    "finite_number": "Enter a whole number.",
    "date_from_datetime_parsing": "Enter a valid date, such as 2026-10-31.",
}
# By the API's message, of errors that share the type "value_error".
VALUE_ERRORS = {
    "value is not a valid email address": "Enter a valid email address.",
    "budget_max must be greater than or equal to budget_min": "The maximum budget is below the minimum.",
}


def form_message(error_type: str, message: str) -> str:
    """Return the form's message for an API error, or the API's message as a sentence if there is none."""
    if error_type == "string_too_short":
        minimum = _number(message)
        return MESSAGES["missing"] if minimum == "1" else f"Enter at least {minimum} characters."
    if error_type in MESSAGES:
        return MESSAGES[error_type].format(_number(message))
    message = message.removeprefix("Value error, ").removesuffix(".")
    return VALUE_ERRORS.get(message) or f"{message[:1].upper()}{message[1:]}."


def _number(message: str) -> str:
    """Return the first number in a message, with thousands separators."""
    found = re.search(r"-?\d+", message)
    return f"{int(found[0]):,}" if found else ""
