"""What somebody is known by, and whether something that was typed has it in it: as whole words, never inside of others.

Too little would leave a trace of who asked to be erased; too much would take away what is somebody else's. What a text
has in it is looked up, and not each trait looked for: an office's own address may stand for thousands of leads.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from crm_project import values
from leads.erasing import APART

SHORTEST_NUMBER = 7  # digits; shorter ones are extensions and the like, and tell nobody apart
SHORTEST_NATIONAL = 8  # digits of a number that can be told from another one's end
SHORTEST_AMONG_OTHERS = 10  # digits of a number that has others beside it: fewer may be the end of a longer number
INTERNATIONAL = 11  # digits from which a number has its country code, also where it is not written with + or 00
COUNTRY_CODE = 3  # digits that one number may have before the other's
LONGEST_NUMBER = 20  # digits; the world's have fifteen
SHORTEST_NAME = 5  # letters of first and last name together; one of China's, Japan's and Korea's counts for three
CUT = 200  # letters from which a text may have been cut (values of problems, names of files)
LONGEST_ADDRESS = 254  # letters
SHORTEST_CUT = 6  # letters of an address that is left where a text was cut

# Between letters and digits, and where a capital follows a small letter: AdaLovelace2.
_new_word = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ])")
_no_letters = re.compile(r"[\W_]+")
_token = re.compile(r"[^\s@<>()\[\]\",;:|/\\]+")  # what may stand before the @ of an address
_domain = re.compile(r"[\w.-]+")
_trunk = re.compile(r"\(0\)")  # +44 (0)20 …: said at home only
_number = re.compile(r"\+?[0-9]+(?:[ \t()+./~‐‒–—−\u200b_-]{1,3}[0-9]+)*")
_date = re.compile(r"(?:19|20)[0-9]{2}([./ -])[0-9]{2}\1[0-9]{2}")
_escape = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt\\'\"])")

Name = tuple[str, str]  # a first and a last one


class Traits:
    """What a person is known by, folded: addresses, numbers as digits, names as pairs of letters and digits."""

    def __init__(self, addresses: Iterable[str], phones: Iterable[str], names: Iterable[Name]) -> None:
        pairs = ((_plain(first), _plain(last)) for first, last in map(_halves, names))
        self.addresses = {folded(address) for address in addresses} - {""}
        self.names = {(first, last) for first, last in pairs if _tells_apart(first, last)}
        joined = {joined for first, last in self.names for joined in (first + last, last + first)}
        self.joined = Phrases(joined)
        self.spelt = Phrases(joined | {_plain(address) for address in self.addresses})  # as in names of files
        self.halves = Phrases(half for pair in self.names for half in pair)
        numbers = [number for phone in phones for number in _numbers_of(phone)]
        self.numbers = {number.digits for number in numbers}
        self.ends = {number.digits[-SHORTEST_NUMBER:].zfill(SHORTEST_NUMBER) for number in numbers}
        self.national = {ending for number in numbers for ending in _endings(number)}

    def told_in(self, text: str) -> bool:
        """Whether a text has them in it: an address, a number, or first and last name next to each other.

        However written: a file's name, ``offer-Ada_Lovelace.xlsx``, ``ada.example.com``, a sentence.
        """
        return any(
            any(self.spelt.found_in(form)) or self._rings_in(form) or self._is_cut_in(form) for form in _forms(text)
        )

    def told_in_row(self, cells: Sequence[str]) -> bool:
        """Whether a row is theirs: by one cell, with the whole address in it, or by the two that are their name."""
        names = [name for name in map(_plain, cells) if name]
        near = ((name, other) for place, name in enumerate(names) for other in names[place + 1 : place + 1 + APART])
        return any(self._told_in_cell(form) for cell in cells for form in _forms(cell)) or any(
            pair in self.names or pair[::-1] in self.names for pair in near
        )

    def tells_of_nobody_else(self, cells: Sequence[str]) -> bool:
        """Whether a row that is theirs by the name alone could not be a namesake's, who has another address."""
        found = [address for cell in cells for address in _written_as_addresses(cell)]
        known = {form for address in found for form in _addresses_in(address)} & self.addresses
        return not found or bool(known) or any(self._rings_in(cell) for cell in cells)

    def told_apart_in(self, texts: Collection[str]) -> set[str]:
        """The texts that are their first or last name and nothing else, where both are among them."""
        letters = {text: _plain(text) for text in texts}
        said = set(letters.values())
        theirs = {half for pair in self.names if said.issuperset(pair) for half in pair}
        return {text for text, word in letters.items() if word in theirs}

    def _told_in_cell(self, cell: str) -> bool:
        addressed = "@" in cell and not self.addresses.isdisjoint(_addresses_in(cell))
        return (
            addressed
            or any(self.joined.found_in(cell))
            or self._rings_in(cell)
            or self._is_cut_in(cell)
            or (('":' in cell or cell.lstrip().startswith("[")) and self._is_in_object(cell))
        )

    def _is_in_object(self, cell: str) -> bool:
        """Whether JSON has first and last name somewhere in it."""
        found = set(self.halves.found_in(cell))
        return any(found.issuperset(pair) for pair in self.names)

    def _rings_in(self, text: str) -> bool:
        """The same digits, but for a country code that only one of two numbers has."""
        return bool(self.numbers) and any(
            number.digits in self.numbers
            or number.digits in self.national
            or not self.numbers.isdisjoint(_endings(number))
            for run in _runs(text)
            if not self.ends.isdisjoint(_sevens(run))  # or it would take long to find out
            for number in _numbers_in(run)
        )

    def _is_cut_in(self, text: str) -> bool:
        """Whether a text that may have been cut ends in the middle of an address."""
        if len(text) < CUT:
            return False
        before, at, after = folded(text[-LONGEST_ADDRESS:]).rpartition("@")
        left = _last_token(before) + at + after if at and not _domain.sub("", after) else _last_token(after)
        return len(left) >= SHORTEST_CUT and any(address.startswith(left) for address in self.addresses)


class Phrases:
    """Texts of letters and digits alone, to be found in others from the beginning of a word to the end of one."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self.whole = set(phrases) - {""}
        self.starts = {phrase[:end] for phrase in self.whole for end in range(1, len(phrase) + 1)}

    def found_in(self, text: str) -> Iterator[str]:
        """Each phrase that words next to each other in the text make.

        Words are joined only as long as they may still become one, so that a text of many short words takes no time.
        """
        words = _words(_new_word.sub(" ", text)) if self.whole else []
        for begin in range(len(words)):
            joined, end = words[begin], begin + 1
            while joined in self.starts:
                if joined in self.whole:
                    yield joined
                if end == len(words):
                    break
                joined, end = joined + words[end], end + 1


def folded(address: str) -> str:
    """The form to compare addresses in; unlike a key it is never a digest."""
    return values.fold(address).strip()


def _words(text: str) -> list[str]:
    """What stands between anything but letters, digits, and the signs that some scripts write vowels with; folded."""
    text = values.normalize_long(text)
    if text.isascii():
        return _no_letters.sub(" ", text).split()
    return _each(text, lambda sign: sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " ").split()


def _each(text: str, becomes: Callable[[str], str]) -> str:
    """The text with each character replaced; each kind of them is looked at once."""
    return text.translate({ord(sign): becomes(sign) for sign in set(text)})


def _plain(text: str) -> str:
    """Letters and digits alone, folded."""
    return "".join(_words(text))


def _halves(name: Name) -> Name:
    """First and last name; of a whole name that is in one of them, all but the last word and that."""
    first, last = name
    if _plain(first) and _plain(last):
        return name
    *before, end = [word for word in f"{first} {last}".split() if _plain(word)] or [""]
    return " ".join(before), end


def _tells_apart(first: str, last: str) -> bool:
    """Whether a name is a whole one, and long enough to tell somebody apart."""
    letters = sum(1 if letter < "\u2e80" else 3 for letter in first + last)
    return bool(first and last) and letters >= SHORTEST_NAME


def _forms(text: str) -> set[str]:
    """A text, and what it was before it was quoted with escapes (``O\\'Brien``, ``\\n``)."""
    return {text, _escape.sub(_unescape, text)} if "\\" in text else {text}


def _unescape(escape: re.Match[str]) -> str:
    try:
        return escape[0].encode("ascii").decode("unicode_escape")
    except UnicodeError:
        return escape[0]


def _addresses_in(cell: str) -> Iterator[str]:
    """The whole addresses in a cell; what may stand around one are quotes, brackets, a dash, "email=", a full stop."""
    for found in _written_as_addresses(cell):
        for address in (found, found.rpartition("=")[2]):
            yield folded(address.strip("'.-"))


def _written_as_addresses(cell: str) -> Iterator[str]:
    """What looks like an address. No longer than one can be, so that a text that is one word takes no time."""
    at = cell.find("@")
    while at >= 0:
        before = _last_token(cell[max(0, at - LONGEST_ADDRESS) : at])
        after = _domain.match(cell[at + 1 : at + 1 + LONGEST_ADDRESS])
        if before and after:
            yield f"{before}@{after[0]}"
        at = cell.find("@", at + 1)


def _last_token(text: str) -> str:
    """The end of a text, as far as it could be one of an address."""
    found = _token.match(text[::-1])
    return found[0][::-1] if found else ""


class _Number(NamedTuple):
    """A telephone number: its digits without zeros in front, and whether its country code is among them."""

    digits: str
    international: bool

    @classmethod
    def of(cls, digits: str, plus: bool) -> "_Number":
        """From how it is written; one zero in front is dialled before an area code."""
        significant = digits.lstrip("0")
        abroad = plus or digits.startswith("00")
        return cls(significant, abroad or (not digits.startswith("0") and len(significant) >= INTERNATIONAL))


def _numbers_of(phone: str) -> Iterator[_Number]:
    """The numbers in what somebody gave as theirs."""
    for run in _runs(phone):
        digits = values.digits(run)
        number = _Number.of(digits, run.startswith("+"))
        if len(digits) >= SHORTEST_NUMBER and number.digits:
            yield number


def _numbers_in(run: str) -> Iterator[_Number]:
    """What could be a telephone number in a run: groups of digits next to each other, some of them or all; no day."""
    groups, plus = _groups(run), run.startswith("+")
    if not _date.fullmatch(run):
        yield _Number.of("".join(groups), plus)
    for begin in range(len(groups)):
        number = ""
        for place, group in enumerate(groups[begin : begin + LONGEST_NUMBER], begin):
            number += group
            if len(number) > LONGEST_NUMBER:
                break
            if len(number) >= SHORTEST_AMONG_OTHERS and place - begin + 1 < len(groups):
                yield _Number.of(number, plus and begin == 0)


def _runs(text: str) -> Iterator[str]:
    """Digits with no more than what is usual in telephone numbers between them; a stroke may part two numbers."""
    if not text.isascii():
        text = _each(values.normalize_long(text), lambda sign: str(unicodedata.decimal(sign, sign)))
    for run in _number.findall(_trunk.sub("", text)):
        parts = run.split("/")
        alone = all(len(values.digits(part)) >= SHORTEST_NUMBER for part in parts)
        yield from (part.strip() for part in parts) if alone else [run]


def _sevens(run: str) -> Iterator[str]:
    """What each number in a run could end in."""
    digits = values.digits(run)
    return (digits[at : at + SHORTEST_NUMBER] for at in range(len(digits) - SHORTEST_NUMBER + 1))


def _groups(run: str) -> list[str]:
    return re.findall("[0-9]+", run)


def _endings(number: _Number) -> list[str]:
    """A number without what may be its country code."""
    if not number.international:
        return []
    ends = (number.digits[more:] for more in range(1, COUNTRY_CODE + 1))
    return [end for end in ends if len(end) >= SHORTEST_NATIONAL]
