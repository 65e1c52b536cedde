"""Full names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.importing.cells.names import split, split_name


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ann Smith", "Ann", "Smith"),
        ("Ann", "Ann", ""),
        ("Smith, Ann", "Ann", "Smith"),
        ("Smith , Ann Marie", "Ann Marie", "Smith"),
        ("Ann Marie Smith", "Ann Marie", "Smith"),
        ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Maria de la Cruz", "Maria", "de la Cruz"),
        ("Van Nguyen", "Van", "Nguyen"),
        ("John Smith Jr.", "John", "Smith Jr."),
        ("John Smith, Jr.", "John", "Smith Jr."),
        ("Martin Luther King III", "Martin Luther", "King III"),
        ("Jo V", "Jo", "V"),
        ("John & Mary Smith", "John & Mary", "Smith"),
        ("Smith,", "Smith", ""),
        (" , ", "", ""),
        ("李小龙", "李小龙", ""),
    ],
)
def test_names(name: str, first: str, last: str) -> None:
    assert split_name(name) == (first, last)


@pytest.mark.parametrize(
    ("name", "first", "last", "left"),
    [
        ("Amit Patel & wife", "Amit", "Patel", "wife"),
        ("Amit Patel and his wife", "Amit", "Patel", "his wife"),
        ("Patel, Amit + kids", "Amit", "Patel", "kids"),
        ("Ann Friend", "Ann", "Friend", None),
    ],
)
def test_somebody_who_is_only_a_relative(name: str, first: str, last: str, left: str | None) -> None:
    found = split(name)
    assert (found.first, found.last) == (first, last)
    assert [text for _, text in found.left] == ([left] if left else [])


@given(st.lists(st.text(st.characters(categories=["L"]), min_size=1), max_size=6))
def test_no_word_is_lost(words: list[str]) -> None:
    assert " ".join(split_name(" ".join(words))).split() == words
