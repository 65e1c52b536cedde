"""What somebody is known by, and whether something that was typed has it in it: as whole words, never inside of others.

Too little would leave a trace of who asked to be erased; too much would take away what is somebody else's. What a text
has in it is looked up, and not each trait looked for: an office's own address may stand for thousands of leads.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

from crm_project import values

SHORTEST_NUMBER = 7  # digits; shorter ones are extensions and the like, and tell nobody apart
SHORTEST_NATIONAL = 8  # digits of a number that can be told from another one's end
COUNTRY_CODE = 3  # digits that one number may have before the other's
LONGEST_NUMBER = 20  # digits; the world's have fifteen
SHORTEST_NAME = 5  # letters of first and last name together
APART = 2  # cells from a first name to its last name: there may be a second one between them

_word = re.compile(r"[^\W_]+")
_no_letter = re.compile(r"[\W_]+")
# Between letters and digits, and where a capital follows a small letter: AdaLovelace2.
_new_word = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ])")
_address = re.compile(r"[^\s@<>()\[\]\",;:|/\\]+@[\w.-]+")
_trunk = re.compile(r"\(0\)")  # +44 (0)20 …: said at home only
_number = re.compile(r"[0-9]+(?:[ ()+./‐–—−_-]{1,3}[0-9]+)*")
_several = re.compile(r"[/;,|]")
_escape = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt\\'\"])")

Name = tuple[str, str]  # a first and a last one


class Traits:
    """What a person is known by, folded: addresses as keys, numbers as digits, names as pairs of letters and digits."""

    def __init__(self, addresses: Iterable[str], phones: Iterable[str], names: Iterable[Name]) -> None:
        pairs = ((_plain(first), _plain(last)) for first, last in names)
        self.addresses = {values.key(address) for address in addresses} - {""}
        self.names = {(first, last) for first, last in pairs if first and last and len(first + last) >= SHORTEST_NAME}
        self.joined = {joined for first, last in self.names for joined in (first + last, last + first)}
        self.spelt = self.joined | {_plain(address) for address in self.addresses}  # as in names of files
        self.numbers = {number for phone in phones for number in _numbers_of(phone)}
        self.national = {ending for number in self.numbers for ending in _endings(number)}

    def told_in(self, text: str) -> bool:
        """Whether a text has them in it: an address, a number, or first and last name next to each other.

        However written: a file's name, ``offer-Ada_Lovelace.xlsx``, ``ada.example.com``, a sentence.
        """
        return any(_stands_in(self.spelt, form) or self._rings_in(form) for form in _forms(text))

    def told_in_row(self, cells: Sequence[str]) -> bool:
        """Whether a row is theirs: by one cell, with the whole address in it, or by the two that are their name."""
        names = [name for name in map(_plain, cells) if name]
        near = ((name, other) for place, name in enumerate(names) for other in names[place + 1 : place + 1 + APART])
        return any(self._told_in_cell(form) for cell in cells for form in _forms(cell)) or any(
            pair in self.names or pair[::-1] in self.names for pair in near
        )

    def told_apart_in(self, texts: Collection[str]) -> set[str]:
        """The texts that are their first or last name and nothing else, where both are among them."""
        letters = {text: _plain(text) for text in texts}
        said = set(letters.values())
        theirs = {half for pair in self.names if said.issuperset(pair) for half in pair}
        return {text for text, word in letters.items() if word in theirs}

    def _told_in_cell(self, cell: str) -> bool:
        addressed = "@" in cell and not self.addresses.isdisjoint(_addresses_in(cell))
        return addressed or _stands_in(self.joined, cell) or self._rings_in(cell)

    def _rings_in(self, text: str) -> bool:
        """The same digits, but for a country code that only one of two numbers has."""
        return bool(self.numbers) and any(
            number in self.numbers or number in self.national or not self.numbers.isdisjoint(_endings(number))
            for number in _numbers_in(text)
        )


def _plain(text: str) -> str:
    """Letters and digits alone, folded."""
    return _no_letter.sub("", values.fold(text))


def _forms(text: str) -> set[str]:
    """A text, and what it was before it was quoted with escapes (``O\\'Brien``, ``\\n``)."""
    return {text, _escape.sub(_unescape, text)} if "\\" in text else {text}


def _unescape(escape: re.Match[str]) -> str:
    try:
        return escape[0].encode("ascii").decode("unicode_escape")
    except UnicodeError:
        return escape[0]


def _stands_in(sought: set[str], text: str) -> bool:
    """Whether one of these stands there, from the beginning of a word to the end of one."""
    longest = max(map(len, sought), default=0)
    words = _word.findall(values.fold(_new_word.sub(" ", text))) if longest else []
    for begin, joined in enumerate(words):
        for word in ["", *words[begin + 1 : begin + longest]]:
            joined += word
            if len(joined) > longest:
                break
            if joined in sought:
                return True
    return False


def _addresses_in(cell: str) -> Iterator[str]:
    """The whole addresses in a cell; what may stand around one are quotes, brackets, "email=", a full stop."""
    for found in _address.findall(cell):
        for address in (found, found.rpartition("=")[2]):
            yield values.key(address.strip("'."))


def _numbers_of(phone: str) -> Iterator[str]:
    """The numbers in what somebody gave as theirs: one, or several with a stroke between them."""
    parts = _several.split(phone)
    alone = all(len(values.digits(part)) >= SHORTEST_NUMBER for part in parts)
    for part in parts if alone else [phone]:
        for groups in _runs(part):
            if len(number := "".join(groups).lstrip("0")) >= SHORTEST_NUMBER:
                yield number


def _numbers_in(text: str) -> Iterator[str]:
    """What could be a telephone number in a text: groups of digits next to each other, some of them or all."""
    for groups in _runs(text):
        yield "".join(groups).lstrip("0")
        for begin in range(len(groups)):
            number = ""
            for group in groups[begin:]:
                number += group
                if len(number) > LONGEST_NUMBER:
                    break
                if len(number) >= SHORTEST_NATIONAL:
                    yield number.lstrip("0")


def _runs(text: str) -> Iterator[list[str]]:
    """Digits with no more than what is usual in telephone numbers between them, in groups."""
    for run in _number.findall(_trunk.sub("", unicodedata.normalize("NFKC", text))):
        yield re.findall("[0-9]+", run)


def _endings(number: str) -> list[str]:
    """A number without what may be its country code."""
    return [number[more:] for more in range(1, COUNTRY_CODE + 1) if len(number) - more >= SHORTEST_NATIONAL]
