"""Telephone numbers as lists have them: with prefixes and labels, several in a cell, or none at all."""

import re

from leads.importing.cells.report import Cleaned

FEWEST_DIGITS = 7  # of a number that stands among others
MOST_DIGITS = 15  # of a number, its country code included
LONGEST = 64

# One number with nothing around it, that no spreadsheet has changed. Part of a pattern for whole rows.
ORDINARY = r"(?a:\+?[0-9(][0-9 ().-]{0,19})(?<!\.0)"
_ordinary = re.compile(ORDINARY)
_prefix = re.compile(r"(?:tel|callto|phone|p)\s*:\s*(?://)?", re.IGNORECASE)
_EXTENSION = r"(?:ext(?:ension|n)?|x|#|durchwahl|poste|ramal)"
_extension = re.compile(rf"\s*[;,]?\s*\(?{_EXTENSION}[\s.:=]*[0-9]{{1,7}}\)?", re.IGNORECASE)
_separator = re.compile(r"\s*(?:;|,|\||\n|\r|\t|\s/\s|:::|\s&\s|\s\+\s|\b(?:or|and|und|ou|oder)\b)\s*", re.IGNORECASE)
_stroke = re.compile(r"\s*/\s*")
_LABEL = (
    r"(?:home|cell(?:ular)?|mobile|mob|work|office|business|main|primary|other|direct|day|evening|telephone|phone"
    r"|tel|ph|h|w|c|m|o|t|p)"
)
_label = re.compile(rf"{_LABEL}\s*[.:]?|\(\s*{_LABEL}\s*\)", re.IGNORECASE)
_number = re.compile(
    rf"\(?\+?[0-9(](?:[0-9\s().\-–—‑/]*[0-9])?\)?(?:\s*[;,]?\s*\(?{_EXTENSION}[\s.:=]*[0-9]{{1,7}}\)?)?",
    re.IGNORECASE,
)
_fax = re.compile(r"\bfax\b|\bf:", re.IGNORECASE)
_digit = re.compile(r"\d")
_only_number = re.compile(r"\+?[\d(][\d\s().\-/]{5,}")


def clean(text: str) -> Cleaned:
    """Return the first number of a cell with seven digits or more; other numbers, and texts, are left over.

    An extension stays with its number. Of a cell without such a number the text is stored as it is, or left over where
    it has no digit.
    """
    if _ordinary.fullmatch(text):
        return Cleaned(text)
    whole = text.strip()
    if not _digit.search(whole):
        return Cleaned("", left=(("not_a_phone", whole),))
    bare = _prefix.sub("", whole) if _prefix.match(whole) else whole
    pieces = _pieces(bare)
    numbers = [piece for piece in pieces if _digits(piece) >= FEWEST_DIGITS and not _fax.search(piece)]
    if not numbers:
        return _without_number(whole, bare, pieces)
    number, around = _of_piece(numbers[0])
    first = pieces.index(numbers[0])
    others = [piece for place, piece in enumerate(pieces) if place != first]
    texts = [text for text in (*around, *others) if _bare(text) != _bare(number)]
    left = [("more_phones" if _digits(text) >= FEWEST_DIGITS else "not_a_phone", text) for text in texts]
    return Cleaned(number, "" if number == whole or left else "phone_cleaned", tuple(left))


def is_number(text: str) -> bool:
    """Return whether a text is a telephone number, and nothing else."""
    return bool(_only_number.fullmatch(text.strip())) and _digits(text) >= FEWEST_DIGITS


def _without_number(whole: str, bare: str, pieces: list[str]) -> Cleaned:
    if all(_fax.search(piece) for piece in pieces) or len(bare) > LONGEST:
        return Cleaned("", left=(("not_a_phone", whole),))
    if len(pieces) > 1 and (number := next((piece for piece in pieces if _ordinary.fullmatch(piece)), "")):
        return Cleaned(number, left=tuple(("more_phones", piece) for piece in pieces if piece != number))
    return Cleaned(bare, "" if bare == whole else "phone_cleaned")


def _pieces(text: str) -> list[str]:
    """Return the numbers and texts of a cell. An extension belongs to the number before it."""
    found: list[str] = []
    start = 0
    for match in _separator.finditer(text):
        if _extension.match(text, match.start()) or _extension.match(text, match.end()):
            continue
        found.append(text[start : match.start()])
        start = match.end()
    found.append(text[start:])
    found = [part for piece in found for part in _divided(piece.strip())]
    return [piece for piece in found if piece] or [text]


def _divided(piece: str) -> list[str]:
    """Return the complete numbers that a slash or a space separates."""
    for parts in (_stroke.split(piece), piece.split() if _digits(piece) > MOST_DIGITS else []):
        if len(parts) > 1 and all(_digits(part) >= FEWEST_DIGITS for part in parts):
            return parts
    return [piece]


def _of_piece(piece: str) -> tuple[str, list[str]]:
    """Return the number in a piece of text, and the words around it that are no labels."""
    match = max(_number.finditer(piece), key=lambda found: _digits(found.group()), default=None)
    if match is None or _digits(match.group()) < FEWEST_DIGITS:
        return (piece, []) if len(piece) <= LONGEST else ("", [piece])
    number = _balanced(match.group().strip())
    if len(number) > LONGEST:
        return "", [piece]
    around = [piece[: match.start()], piece[match.start() + len(match.group()) :]]
    texts = [text.strip(" \t-–—:.,()[]") for text in around]
    return number, [text for text in texts if text and not _label.fullmatch(text)]


def _balanced(number: str) -> str:
    """Return a number without an unmatched bracket."""
    if number.count("(") > number.count(")") and number.startswith("("):
        return number[1:]
    return number[:-1] if number.count(")") > number.count("(") else number


def _bare(text: str) -> str:
    return "".join(_digit.findall(text)) or text


def _digits(text: str) -> int:
    """Return how many digits a number has without its extension."""
    return len(_digit.findall(_extension.sub("", text)))
