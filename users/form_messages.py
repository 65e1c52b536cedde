"""What is wrong with a value, for people at a form: the API's sentences are written for programs."""

import re

# By the API's type of error; {} is the number that its sentence ends with or has in it.
MESSAGES = {
    "missing": "Please fill this in.",
    "string_too_long": "This may have at most {} characters.",
    "greater_than_equal": "This should be {} or more.",
    "less_than_equal": "This should be {} or less.",
    "int_parsing": "Please write a whole number in digits.",
    "int_from_float": "Please write a whole number in digits.",
    "int_type": "Please write a whole number in digits.",
    "finite_number": "Please write a whole number in digits.",
    "date_from_datetime_parsing": "Please give a day that exists, as 2026-10-31.",
}


def plain_message(kind: str, sentence: str) -> str:
    """The sentence for people, of an error of type ``kind``; the API's own where it is plain enough."""
    if kind == "string_too_short":
        least = _number(sentence)
        return "Please fill this in." if least == "1" else f"This should have at least {least} characters."
    if kind in MESSAGES:
        return MESSAGES[kind].format(_number(sentence))
    sentence = sentence.removeprefix("Value error, ").removesuffix(".")
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _number(sentence: str) -> str:
    """The first number in it, with its thousands told apart."""
    found = re.search(r"-?\d+", sentence)
    return f"{int(found[0]):,}" if found else ""
