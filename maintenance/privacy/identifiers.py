"""Which free text is about a person: exact matches of whole words, no guesses."""

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate, takewhile

from crm_project import validation

MIN_PHONE = 7  # digits; shorter numbers are extensions
MAX_PHONE = 20  # groups of digits
_separators = re.compile(r"[\W_]+")


class Identifiers:
    """The email addresses, telephone numbers and full names of a person, normalised (NFKC, casefold).

    An address matches as it is, a number by its digits whatever separates them, and a name as first and last name
    next to each other, in either order.
    """

    def __init__(self, emails: Iterable[str], phones: Iterable[str], names: Iterable[tuple[str, str]]) -> None:
        addresses = "|".join(
            re.escape(email) for email in {validation.normalize_long(email).strip() for email in emails} if email
        )
        # Other characters of an address before it make it another address; after it may come ".csv".
        self._email = re.compile(rf"(?<![\w.+-])(?:{addresses or '(?!)'})(?![\w-])")
        self._phones = {digits for phone in phones if len(digits := validation.digits(phone)) >= MIN_PHONE}
        self._names: defaultdict[str, list[list[str]]] = defaultdict(list)  # by their first word
        for first, last in names:
            for name in (_words(f"{first} {last}"), _words(f"{last} {first}")):
                if len(name) > 1:
                    self._names[name[0]].append(name)

    def occur_in(self, text: str, namesakes: bool = True) -> bool:
        """Return whether one occurs in the text; without ``namesakes``, not a name alone with somebody's address."""
        words = _words(text)
        numbers = (accumulate(takewhile(_is_number, words[at : at + MAX_PHONE])) for at in range(len(words)))
        return (
            bool(self._email.search(validation.normalize_long(text)))
            or any(not self._phones.isdisjoint(number) for number in numbers if self._phones)
            or ((namesakes or "@" not in text) and self._has_name(words))
        )

    def _has_name(self, words: list[str]) -> bool:
        names = ((at, name) for at, word in enumerate(words) for name in self._names.get(word, ()))
        return any(words[at : at + len(name)] == name for at, name in names)


def _words(text: str) -> list[str]:
    return _separators.sub(" ", validation.normalize_long(text)).split()


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()
