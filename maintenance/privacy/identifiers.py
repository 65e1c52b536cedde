"""Search for a person in free text: exact matches of whole words."""

import re
from collections.abc import Iterable

from crm_project import validation

MIN_PHONE = 7  # digits; shorter numbers are extensions
_separators = re.compile(r"[\W_]+")
WORD_START, WORD_END = r"(?<![^\W_])", r"(?![^\W_])"


class Identifiers:
    """The email addresses, telephone numbers and full names of a person, normalized (NFKC, casefold).

    A number matches by its digits with any separators, and a name as first and last name side by side, in either order.
    """

    def __init__(self, emails: Iterable[str], phones: Iterable[str], names: Iterable[tuple[str, str]]) -> None:
        # ".csv" may follow an address; such characters before it would make it another address.
        addresses = {validation.normalize_long(email).strip() for email in emails} - {""}
        self._email = _any_of(map(re.escape, addresses), r"(?<![\w.+-])", r"(?![\w-])")
        numbers = {digits for phone in phones if len(digits := validation.digits(phone)) >= MIN_PHONE}
        self._phone = _any_of(r"[\W_]*".join(number) for number in numbers)
        full_names = [_words(f"{one} {other}") for name in names for one, other in (name, name[::-1])]
        self._name = _any_of(r"[\W_]+".join(map(re.escape, name)) for name in full_names if len(name) > 1)

    def occur_in(self, text: str, namesakes: bool = True) -> bool:
        """Return whether the text has one of them. Without ``namesakes``, ignore names in a text with an address."""
        text = validation.normalize_long(text)
        with_name = namesakes or "@" not in text
        return any(pattern.search(text) for pattern in (self._email, self._phone, *([self._name] * with_name)))


def _any_of(patterns: Iterable[str], start: str = WORD_START, end: str = WORD_END) -> re.Pattern[str]:
    return re.compile(f"{start}(?:{'|'.join(patterns) or '(?!)'}){end}")


def _words(text: str) -> list[str]:
    return _separators.sub(" ", validation.normalize_long(text)).split()
