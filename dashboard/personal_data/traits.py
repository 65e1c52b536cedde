"""What somebody is known by, and whether something that was typed has it in it: as whole words, never inside of others.

Too little would leave a trace of who asked to be erased; too much would take away what is somebody else's.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from crm_project import values

SHORTEST_NUMBER = 7  # digits; shorter ones are extensions and the like, and tell nobody apart
SHORTEST_NATIONAL = 8  # digits of a number that can be told from another one's end
COUNTRY_CODE = 3  # digits that one number may have before the other's
SHORTEST_NAME = 5  # letters of first and last name together
APART = 2  # cells from a first name to its last name: there may be a second one between them

_word = re.compile(r"[^\W_]+")
_no_letter = re.compile(r"[\W_]+")
_new_word = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_small_to_capital = re.compile(r"([^\W\d_])(?=([^\W\d_]))")
_trunk = re.compile(r"\(0\)")  # +44 (0)20 …: said at home only
_number = re.compile(r"[0-9]+(?:[ ()+./‐–—−_-]{1,3}[0-9]+)*")
_escape = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt\\'\"])")
_several = re.compile(r"[/;,|]")


class Traits(NamedTuple):
    """``addresses`` as keys, ``numbers`` as digits without zeros in front, ``names`` as pairs of first and last name.

    Of the names only letters and digits are kept, folded.
    """

    addresses: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[tuple[str, str]]

    @classmethod
    def of(
        cls, addresses: Iterable[str], phones: Iterable[str], firsts: Iterable[str], lasts: Iterable[str]
    ) -> "Traits":
        """From what leads and accounts hold; any first name may go with any last name."""
        whole = {values.key(address) for address in addresses} - {""}
        numbers = {number for phone in phones for number in _numbers_of(phone)}
        ends = [plain(name) for name in lasts]
        pairs = {(first, last) for first in map(plain, firsts) for last in ends if _tells_apart(first, last)}
        return cls(frozenset(whole), frozenset(numbers), frozenset(pairs))

    def told_in(self, text: str) -> bool:
        """Whether a text has them in it: an address, a number, or first and last name next to each other.

        However written: a file's name, ``offer-Ada_Lovelace.xlsx``, ``ada.example.com``, a sentence.
        """
        sought = [_no_letter.sub("", address) for address in self.addresses] + list(self._joined())
        return any(_stands_in(sought, _folded_words(form)) or self._rings_in(form) for form in _forms(text))

    def told_in_row(self, cells: Sequence[str]) -> bool:
        """Whether a row is theirs: by one cell, with the whole address in it, or by the two that are their name."""
        names = [name for name in map(plain, cells) if name]
        near = ((name, other) for place, name in enumerate(names) for other in names[place + 1 : place + 1 + APART])
        return any(self._told_in_cell(form) for cell in cells for form in _forms(cell)) or any(
            pair in self.names or pair[::-1] in self.names for pair in near
        )

    def told_apart_in(self, texts: Collection[str]) -> set[str]:
        """The texts that are their first or last name and nothing else, where both are among them."""
        letters = {text: plain(text) for text in texts}
        said = set(letters.values())
        theirs = {half for pair in self.names if said.issuperset(pair) for half in pair}
        return {text for text, word in letters.items() if word in theirs}

    def _told_in_cell(self, cell: str) -> bool:
        folded = values.fold(cell)
        addressed = "@" in folded and any(_address(address).search(folded) for address in self.addresses)
        return addressed or _stands_in(self._joined(), _folded_words(cell)) or self._rings_in(cell)

    def _joined(self) -> Iterator[str]:
        return (name for first, last in self.names for name in (first + last, last + first))

    def _rings_in(self, text: str) -> bool:
        return any(_same(number, other) for other in _numbers_in(text) for number in self.numbers)


def plain(text: str) -> str:
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


def _tells_apart(first: str, last: str) -> bool:
    """Whether a name is a whole one, and long enough to tell somebody apart."""
    return bool(first and last) and len(first + last) >= SHORTEST_NAME


Words = tuple[str, frozenset[int]]  # all words of a text, one after another, and where one ends and the next begins


def _folded_words(text: str) -> Words:
    """The words of a text; ``AdaLovelace2`` are three."""
    apart = _small_to_capital.sub(_with_gap, _new_word.sub(" ", text))
    words = _word.findall(values.fold(apart))
    return "".join(words), frozenset(accumulate(map(len, words), initial=0))


def _with_gap(pair: re.Match[str]) -> str:
    return f"{pair[1]} " if pair[1].islower() and pair[2].isupper() else pair[1]


def _stands_in(sought: Iterable[str], words: Words) -> bool:
    """Whether one of these stands there, from the beginning of a word to the end of one."""
    letters, bounds = words
    for one in sought:
        at = letters.find(one) if one else -1
        while at >= 0:
            if at in bounds and at + len(one) in bounds:
                return True
            at = letters.find(one, at + 1)
    return False


@lru_cache(maxsize=256)
def _address(key: str) -> re.Pattern[str]:
    """The whole address and no end of a longer one; what may stand around it are quotes, brackets, a full stop."""
    return re.compile(rf"(?<![\w.+%-])(?<!\w'){re.escape(key)}(?![\w-]|\.\w)")


def _numbers_of(phone: str) -> Iterator[str]:
    """The numbers in what somebody gave as theirs: one, or several with a stroke between them."""
    parts = _several.split(phone)
    alone = all(len(values.digits(part)) >= SHORTEST_NUMBER for part in parts)
    for part in parts if alone else [phone]:
        for found in _number.findall(_trunk.sub("", unicodedata.normalize("NFKC", part))):
            if len(number := values.digits(found)) >= SHORTEST_NUMBER:
                yield number.lstrip("0")


def _numbers_in(text: str) -> Iterator[str]:
    """What could be a telephone number in a text: groups of digits next to each other, some of them or all."""
    for found in _number.findall(_trunk.sub("", unicodedata.normalize("NFKC", text))):
        groups = re.findall("[0-9]+", found)
        for begin in range(len(groups)):
            for end in range(begin + 1, len(groups) + 1):
                number = "".join(groups[begin:end])
                whole = end - begin == len(groups)
                if len(number) >= (SHORTEST_NUMBER if whole else SHORTEST_NATIONAL):
                    yield number.lstrip("0")


def _same(one: str, other: str) -> bool:
    """Whether two numbers are one: the same digits, but for a country code that only one of them has."""
    short, long = sorted((one, other), key=len)
    more = len(long) - len(short)
    return one == other or (len(short) >= SHORTEST_NATIONAL and more <= COUNTRY_CODE and long.endswith(short))
