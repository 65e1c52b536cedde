"""Normalization of text, keys, telephone numbers and search words."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_project import validation
from crm_project.validation import KEY_LENGTH, MAX_NORMALIZED, MAX_RUN
from leads import search_keys, validators
from tests.strategies import storable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Agent", "aGENT"),
        ("É", "é"),
        ("É", "e\u0301"),
        ("straße", "STRASSE"),
        ("ＡＢＣ１", "abc1"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ﬁn", "FIN"),
        ("İ", "i\u0307"),
        ("Ⅷ", "viii"),
        ("Å", "å"),  # the Ångström sign
    ],
)
def test_what_folds_alike(one: str, other: str) -> None:
    assert validation.normalize(one) == validation.normalize(other)


@pytest.mark.parametrize(("one", "other"), [("e", "é"), ("o", "ø"), ("1", "l"), ("i", "ı"), ("a", "а")])
def test_what_does_not(one: str, other: str) -> None:
    assert validation.normalize(one) != validation.normalize(other)


@given(storable)
def test_folding_twice_changes_nothing_more(value: str) -> None:
    assert validation.normalize(validation.normalize(value)) == validation.normalize(value)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="ı")))
def test_folding_is_blind_to_case(value: str) -> None:
    """Except the dotless i, because its capital is the ASCII I."""
    folded = validation.normalize(value)
    for other in (value.upper(), value.lower(), value.casefold(), value.swapcase(), value.title()):
        assert validation.normalize(other) == folded


def test_folding_of_every_single_character() -> None:
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        folded = validation.normalize(chr(code))
        assert validation.normalize(folded) == folded
        assert code == ord("ı") or validation.normalize(chr(code).upper()) == folded


@given(storable, st.sampled_from([1, 10, 400]))
def test_keys_fit_their_columns_and_ignore_case(value: str, times: int) -> None:
    key = validation.normalized_key(value * times)
    assert len(key) <= KEY_LENGTH
    assert key == validation.normalized_key(f" {value * times}\n")
    if value.isascii() or len(value * times) <= MAX_NORMALIZED:
        assert key == validation.normalized_key(validation.normalize(value * times))


def test_long_keys_differ_where_their_texts_do() -> None:
    long = "x" * 5000
    assert validation.normalized_key(long + "a") != validation.normalized_key(long + "b")
    assert validation.normalized_key(long + "a") == validation.normalized_key(long + "A")
    assert validation.normalized_key("x" * KEY_LENGTH) == "x" * KEY_LENGTH
    assert validation.normalized_key("x" * (KEY_LENGTH + 1)).startswith("sha256:")


COSTLY = {
    "a ligature of eighteen letters": "\ufdfa",
    "two marks in one": "\u0344",
    "marks of two classes": "\u0315\u0300",
    "musical notes": "\U0001d160",
    "syllables in parts": "\u1100\u1161\u11a8",
}


@pytest.mark.parametrize("unit", COSTLY.values(), ids=COSTLY.keys())
def test_a_text_that_no_column_could_hold_is_not_normalized(unit: str) -> None:
    text = "".join(sorted(unit * (MAX_NORMALIZED + 1)))  # as far out of order as marks can be
    assert validation.normalized_key(text) == validation.normalize(text) == validation.digest(text)
    assert validation.words(text) == [validation.digest(text)]
    assert validation.digits(text + "1") == "1"
    assert validation.normalized_key(text) != validation.normalized_key(text + unit)


def test_half_a_character_in_a_long_text_is_no_error() -> None:
    """Files in other encodings contain them before they are decoded."""
    assert validation.normalize("\udc80" * 3000).startswith("sha256:")


@pytest.mark.parametrize("unit", COSTLY.values(), ids=COSTLY.keys())
def test_a_lead_of_the_longest_values_is_found_by_them(unit: str) -> None:
    name = "".join(sorted(unit * validators.MAX_NAME))[: validators.MAX_NAME]
    phone = "\u2489" * validators.MAX_PHONE  # two characters each, one of them a digit
    derived = search_keys.compute_search_keys(
        name, name, "é" * 242 + "@example.com", phone, name[: validators.MAX_SOURCE]
    )
    assert "sha256" not in derived.search
    assert all(word in derived.search for word in validation.words(f"{name} {'É' * 242}@EXAMPLE.com"))
    assert validation.digits(phone) == "2" * validators.MAX_PHONE
    assert validation.digits(phone) in derived.search


@given(storable, st.sampled_from([1, 10, 400]))
def test_long_text_is_normalized_as_short_text_is(value: str, times: int) -> None:
    text = f"{value} " * times
    assert validation.normalize_long(text) == f"{validation.normalize_long(value)} " * times
    if len(value) <= MAX_RUN:
        assert validation.normalize_long(value) == validation.normalize(value)


@pytest.mark.parametrize("unit", COSTLY.values(), ids=COSTLY.keys())
def test_normalizing_long_text_takes_time_in_proportion(unit: str) -> None:
    text = "".join(sorted(unit * (200_000 // len(unit))))
    begin = process_time()
    validation.normalize_long(text)
    assert process_time() - begin < 10


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+1-555-0100", "15550100"),
        ("(555) 01 00", "5550100"),
        ("", ""),
        ("ext. none", ""),
        ("０１２３", "0123"),
        ("555\u20110100", "5550100"),
        ("²", "2"),
    ],
)
def test_digits(phone: str, expected: str) -> None:
    assert validation.digits(phone) == expected


@given(storable)
def test_digits_are_ascii_digits_and_nothing_else(value: str) -> None:
    digits = validation.digits(value)
    assert set(digits) <= set("0123456789")
    assert validation.digits(digits) == digits
    if value.isascii():
        assert digits == "".join(character for character in value if character.isdigit())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        (" \t\n\u3000", []),
        ("John", ["john"]),
        ("John  SMITH\tjohn", ["john", "smith"]),
        ("Ｊｏｈｎ　É", ["john", "é"]),
        ("100% a_b \\", ["100%", "a_b", "\\"]),
    ],
)
def test_words(query: str, expected: list[str]) -> None:
    assert validation.words(query) == expected


@given(storable)
def test_words_are_folded_distinct_and_never_empty(query: str) -> None:
    words = validation.words(query)
    assert len(set(words)) == len(words)
    assert all(word and word == validation.normalize(word) and len(word.split()) == 1 for word in words)
    assert words == validation.words(validation.normalize(query)) == validation.words(query + " " + query)
