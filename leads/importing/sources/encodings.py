"""Which encoding a text file has that is not UTF-8: charset-normalizer measures the candidates, letters decide ties.

Lists of an office are short, and most of their text is ASCII. So what counts is how the other characters fit into
their words, and that Windows and Mac files from Western countries are far more common than the rest.
"""

import re
import unicodedata
from typing import NamedTuple

from charset_normalizer import from_bytes

CANDIDATES = ("cp1252", "mac_roman", "cp1250", "cp1251", "cp932", "gb18030")
LABELS = {
    "cp1252": "Windows-1252",
    "mac_roman": "Mac OS Roman",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp932": "Shift-JIS",
    "gb18030": "GB18030",
}
MULTIBYTE = ("cp932", "gb18030")
BONUS = {"cp1252": 0.2, "mac_roman": 0.1}  # how much more common they are
SURE = 0.15  # how far the best candidate must be ahead of the next one that reads another text
MAX_SAMPLE = 1 << 16  # bytes of lines that are not ASCII

_word = re.compile(r'[^\s,;|"@()/]+')
_apostrophes = frozenset("’‘´`")
_signs = frozenset("“”«»–—…•€£°ºª®™·¿¡§½¼¾×")


class Detected(NamedTuple):
    """An encoding, whether it is certain, and some words that depend on it."""

    encoding: str
    sure: bool
    words: tuple[str, ...]


def detect(sample: bytes) -> Detected:
    """Return the most likely encoding of ``sample``, lines with bytes that are not ASCII; cp1252 if none fits."""
    results = from_bytes(sample, cp_isolation=list(CANDIDATES), threshold=0.9)
    matches = {name: match for match in reversed(list(results)) for name in match.could_be_from_charset}
    scores: list[tuple[float, str, str]] = []
    for encoding in CANDIDATES:
        try:
            text = sample.decode(encoding, "strict" if encoding in MULTIBYTE else "replace")
        except UnicodeDecodeError:
            continue
        match = matches.get(encoding)
        mess, coherence = (match.chaos, match.coherence) if match else (0.5, 0.0)
        score = _misfits(text) + mess - 0.5 * coherence - BONUS.get(encoding, 0)
        if text not in [other for _, _, other in scores]:
            scores.append((score, encoding, text))
    if not scores:
        return Detected("cp1252", False, ())
    scores.sort(key=lambda entry: entry[0])
    best, encoding, text = scores[0]
    return Detected(encoding, len(scores) == 1 or scores[1][0] - best >= SURE, _samples(text))


def _misfits(text: str) -> float:
    """Return the share of characters beyond ASCII that do not fit into their words."""
    total = misfits = 0
    for word in _word.findall(text):
        if not word.isascii():
            for place, character in enumerate(word):
                if not character.isascii():
                    total += 1
                    misfits += _is_misfit(word, place)
    return misfits / total if total else 0.0


def _is_misfit(word: str, place: int) -> bool:
    """Return whether a character is of another script than its word, a capital within it, or a sign out of place."""
    character, before, after = word[place], word[:place], word[place + 1 :]
    if character.isalpha():
        latin = unicodedata.name(character, "").startswith("LATIN")
        if not latin and any(other.isascii() and other.isalpha() for other in word):
            return True
        return character.isupper() and before[-1:].isalpha() and not word.isupper()
    if character in _apostrophes:
        return False
    if character not in _signs:
        return True
    return after[:1].isalpha() and (before[-1:].isalpha() or character in "€£")


def _samples(text: str) -> tuple[str, ...]:
    words = (word.strip(".'") for word in _word.findall(text) if not word.isascii())
    return tuple(dict.fromkeys(word[:40] for word in words if word))[:3]
