"""Which texts are about a person: exact matches of whole words."""

import pytest

from maintenance.privacy.identifiers import Identifiers

ADA = Identifiers(
    {"Countess.L@Example.com"}, {"+44 7700 900-123", "12 34"}, {("Ada", "King"), ("Zoë", ""), ("", "Q R")}
)


@pytest.mark.parametrize(
    "text",
    [
        "countess.l@example.com",
        "list of COUNTESS.L@EXAMPLE.COM.csv",
        "<countess.l@example.com>;x",
        "ｃｏｕｎｔｅｓｓ．ｌ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "+44 (77) 00-900.123",
        "call 447700900123 2026-11-26",
        "Ada King",
        "king, ADA (spring).xlsx",
        "offer_ada_king-2.csv",
        '4,x,"Ada","King",1',
        "for q r",
    ],
)
def test_texts_about_the_person(text: str) -> None:
    assert ADA.occur_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "countess.l@example.co",
        "viscountess.l@example.com",
        "x+countess.l@example.com",
        "countess.l@example.community",
        "07700 900123",  # without the country code
        "4477009001234",
        "12 34",  # an extension
        "Ada",
        "Ada Kingsley",
        "Canada King",
        "AdaKing",
        "Ada Maria King",
        "zoë",
    ],
)
def test_texts_about_others(text: str) -> None:
    assert not ADA.occur_in(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada King at home", True),
        ("Ada King <other@example.com>", False),
        ("Ada King <countess.l@example.com>", True),
        ("447700900123 x@", True),
    ],
)
def test_texts_with_another_address_are_not_shown(text: str, shown: bool) -> None:
    assert ADA.occur_in(text)
    assert ADA.occur_in(text, namesakes=False) == shown


def test_without_identifiers_nothing_matches() -> None:
    assert not Identifiers({""}, {""}, {("", "")}).occur_in("a b@example.com 1234567")
