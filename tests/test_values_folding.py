"""What compares alike: folded text, keys, the digits of telephone numbers, the words of a search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_project import values
from crm_project.values import KEY_LENGTH
from tests.strategies import fixed, storable


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
    assert values.fold(one) == values.fold(other)


@pytest.mark.parametrize(("one", "other"), [("e", "é"), ("o", "ø"), ("1", "l"), ("i", "ı"), ("a", "а")])
def test_what_does_not(one: str, other: str) -> None:
    assert values.fold(one) != values.fold(other)


@fixed
@given(storable)
def test_folding_twice_changes_nothing_more(value: str) -> None:
    assert values.fold(values.fold(value)) == values.fold(value)


@fixed
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="ı")))
def test_folding_is_blind_to_case(value: str) -> None:
    """But for the dotless i, whose capital is the ASCII I."""
    folded = values.fold(value)
    for other in (value.upper(), value.lower(), value.casefold(), value.swapcase(), value.title()):
        assert values.fold(other) == folded


def test_folding_of_every_single_character() -> None:
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        folded = values.fold(chr(code))
        assert values.fold(folded) == folded
        assert code == ord("ı") or values.fold(chr(code).upper()) == folded


@fixed
@given(storable, st.sampled_from([1, 10, 400]))
def test_keys_fit_their_columns_and_ignore_case(value: str, times: int) -> None:
    key = values.key(value * times)
    assert len(key) <= KEY_LENGTH
    assert key == values.key(values.fold(value * times)) == values.key(f" {value * times}\n")


def test_long_keys_differ_where_their_texts_do() -> None:
    long = "x" * 5000
    assert values.key(long + "a") != values.key(long + "b")
    assert values.key(long + "a") == values.key(long + "A")
    assert values.key("x" * KEY_LENGTH) == "x" * KEY_LENGTH
    assert values.key("x" * (KEY_LENGTH + 1)).startswith("sha256:")


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
    assert values.digits(phone) == expected


@fixed
@given(storable)
def test_digits_are_ascii_digits_and_nothing_else(value: str) -> None:
    digits = values.digits(value)
    assert set(digits) <= set("0123456789")
    assert values.digits(digits) == digits
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
    assert values.words(query) == expected


@fixed
@given(storable)
def test_words_are_folded_distinct_and_never_empty(query: str) -> None:
    words = values.words(query)
    assert len(set(words)) == len(words)
    assert all(word and word == values.fold(word) and len(word.split()) == 1 for word in words)
    assert words == values.words(values.fold(query)) == values.words(query + " " + query)
