"""Validation of text, integers and email addresses."""

import re
import sys
import unicodedata
from typing import Any

import pytest

from crm_project import validation
from crm_project.validation import MAX_BIGINT, MAX_INT, InvalidValue
from tests.verdicts import verdict

# Text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ""),
        (" ", ""),
        ("  a b  ", "a b"),
        ("\t\r\n\u00a0\u3000a\u2028", "a"),
        ("x" * 20, "x" * 20),
        (" " * 50 + "x" * 20 + " " * 50, "x" * 20),
        ("🔑" * 20, "🔑" * 20),
        ("x" * 21, "string_too_long"),
        ("a\0b", "value_error"),
        ("\0", "value_error"),
        ("\ud800", "string_unicode"),
        ("a\udfff", "string_unicode"),
        (1, "string_type"),
        (1.5, "string_type"),
        (True, "string_type"),
        (None, "string_type"),
        ([], "string_type"),
        ({}, "string_type"),
        (b"bytes", "string_type"),
    ],
)
def test_text(given: Any, expected: str) -> None:
    assert verdict(lambda value: validation.text(value, 20), given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (" New ", "new"),
        ("ÉTÉ", "été"),
        ("", "string_too_short"),
        (" ", "string_too_short"),
        ("X" * 32, "x" * 32),
        ("İ" * 32, "string_too_long"),  # lower-casing makes two characters of each
        ("İ" * 16, "i\u0307" * 16),
        (0, "string_type"),
    ],
)
def test_lowered(given: Any, expected: str) -> None:
    assert verdict(lambda value: validation.lower_text(value, 32, 1), given) == expected


def test_messages_have_the_length() -> None:
    for short_or_long, shortest, msg in (
        ("x" * 9, 0, "String should have at most 8 characters"),
        ("", 1, "String should have at least 1 character"),
        ("ab", 3, "String should have at least 3 characters"),
    ):
        with pytest.raises(InvalidValue) as refusal:
            validation.text(short_or_long, 8, shortest)
        assert refusal.value.msg == msg


# Integers


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, 0),
        (MAX_BIGINT, MAX_BIGINT),
        (5.0, 5),
        (-0.0, 0),
        (1e15, 10**15),
        ("300000", 300000),
        (" 7 ", 7),
        ("007", 7),
        ("-0", 0),
        ("0" * 5000 + "7", 7),
        (-1, "greater_than_equal"),
        ("-1", "greater_than_equal"),
        ("-" + "9" * 5000, "greater_than_equal"),
        (MAX_BIGINT + 1, "less_than_equal"),
        (1e300, "less_than_equal"),
        ("9" * 5000, "less_than_equal"),
        (1.5, "int_from_float"),
        (float("nan"), "finite_number"),
        (float("inf"), "finite_number"),
        (True, "int_type"),
        (False, "int_type"),
        (None, "int_type"),
        ([], "int_type"),
        ("", "int_parsing"),
        (" ", "int_parsing"),
        ("abc", "int_parsing"),
        ("1.0", "int_parsing"),
        ("1e3", "int_parsing"),
        ("1_000", "int_parsing"),
        ("1,000", "int_parsing"),
        ("0x10", "int_parsing"),
        ("--1", "int_parsing"),
        ("1 2", "int_parsing"),
        ("١", "int_parsing"),
        ("１", "int_parsing"),
        ("1\0", "int_parsing"),
    ],
)
def test_integer(given: Any, expected: Any) -> None:
    result = verdict(lambda value: validation.integer(value, 0, MAX_BIGINT), given)
    assert result == expected
    assert type(result) is type(expected)


def test_messages_have_the_bound() -> None:
    with pytest.raises(InvalidValue, match="less than or equal to 2147483647"):
        validation.integer(2**31, 0, MAX_INT)
    with pytest.raises(InvalidValue, match=r"greater than or equal to 1$"):
        validation.integer(0, 1, 10)


# Email


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c",
        "a1@example.com",
        "first.last+tag@sub.example.co.uk",
        "o'neil@example.com",
        "zoë@bücher.example",
        "用户@例子.广告",
        "a..b@example.com",
        '"quoted"@example.com',
        "a@-b.c",
        "A@B.C",
        "x" * 248 + "@b.com",
    ],
)
def test_email_addresses(address: str) -> None:
    assert validation.email(f" {address} ") == address


@pytest.mark.parametrize(
    "given",
    [
        "a",
        "@",
        "a@",
        "@b.c",
        "a@b",
        "a@b.",
        "a@.c",
        "a@b..c",
        "a@b.c.",
        "a@@b.c",
        "a@b@c.d",
        "a b@c.d",
        "a@b c.d",
        "a@b.c\nd",
        "a\tb@c.d",
        "a\xa0b@c.d",
        "a\u2003b@c.d",
        "a\u3000b@c.d",
        "a\u2028b@c.d",
        "a\x7fb@c.d",
        "a\x85b@c.d",
        "a\x1fb@c.d",
        "a@b.c\x1fd",
        "a\x9fb@c.d",
        "a＠b.c",
        "mailto:a",
        ".",
        "a.b.c",
    ],
)
def test_other_things_are_no_addresses(given: str) -> None:
    assert verdict(validation.email, given) == "value_error"


def test_an_address_may_be_missing_only_where_it_may() -> None:
    assert verdict(validation.email, "") == "value_error"
    assert validation.email(" ", blank=True) == ""
    assert verdict(validation.email, "x" * 249 + "@b.com") == "string_too_long"
    assert verdict(validation.email, 1) == "string_type"
    assert verdict(validation.email, "a\0@b.c") == "value_error"


LEAD_ADDRESSES = [
    "a@b.c",
    "o'neil@example.com",
    "zoë@bücher.example",
    '"quoted"@example.com',
    '"a;b"@example.com',
    'a."b,c".d@example.com',
    "用户@例子.广告",
]
NO_LEAD_ADDRESSES = [
    *(f"a{character}b@example.com" for character in '<>()[],;:"\\'),
    *(f"a@b{character}.com" for character in '<>()[],;:"\\'),
    "<bo@example.com>",
    "ann@example.com;",
    "ann@example.com\u200b",
    "\ufeffann@example.com",
    "di\xad@example.com",
    "a\U000e0041@example.com",
    '""x@example.com"',
    'a"@"b.c',
    "mailto:a@b.c",
    "a@[127.0.0.1]",
    "a@b",
    "a b@c.d",
]


@pytest.mark.parametrize("address", LEAD_ADDRESSES)
def test_addresses_of_leads(address: str) -> None:
    assert validation.lead_email(f" {address} ") == address
    assert validation.email(address) == address


@pytest.mark.parametrize("given", NO_LEAD_ADDRESSES)
def test_characters_around_an_address_are_refused(given: str) -> None:
    assert verdict(validation.lead_email, given) == "value_error"


def test_a_lead_may_have_no_address() -> None:
    assert validation.lead_email(" ") == ""
    assert verdict(validation.lead_email, "x" * 249 + "@b.com") == "string_too_long"


def test_every_format_character_of_unicode_is_known() -> None:
    known = re.compile(f"[{validation.FORMAT_CHARACTERS}]")
    characters = (chr(code) for code in range(sys.maxunicode + 1))
    assert [c for c in characters if unicodedata.category(c) == "Cf" and not known.match(c)] == []
