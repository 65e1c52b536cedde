"""What the columns of one kind of file may be called, and how the cells of each field are read."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from crm_project.validation import KEY_LENGTH, digest, normalize

NEAR_MISSES = 3

_punctuation = re.compile(r"[\W_]+")
_currency = re.compile(r"(?:usd|eur|gbp|cad|aud|chf)$")


def normal(header: str) -> str:
    """Return a header without case, accents, spaces, punctuation, and a currency at its end; a digest of a long one."""
    bare = _punctuation.sub("", normalize(header) if len(header) <= KEY_LENGTH else digest(header))
    if not bare.isascii():
        decomposed = unicodedata.normalize("NFD", bare)
        bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _currency.sub("", bare) or bare


@dataclass(frozen=True)
class ColumnSchema:
    """The fields of a kind of row, and the headers they have in the files people bring.

    ``aliases`` has the headers of each field in order of preference, beside the field's own name. ``not_stored`` and
    the patterns ``not_stored_patterns`` (of normal forms) are headers known to have no place in such a row. The rules
    want the ``required`` fields even if blank. ``unless_beside`` has headers of a field that are none next to others.
    ``readers`` make values of cells that are not plain text; those of ``dates`` take ``day_first`` and ``zone``. Cells
    are repaired if they are to be ``cleaned``. A file must fill one of ``telling``, or ``nothing_telling`` says what it
    lacks.
    """

    noun: str
    aliases: Mapping[str, Sequence[str]]
    not_stored: Collection[str]
    telling: frozenset[str]
    nothing_telling: str
    not_stored_patterns: Sequence[str] = ()
    unless_beside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    readers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    dates: frozenset[str] = frozenset()
    cleaned: bool = False

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Return what a column can be mapped to, in the order of reports."""
        return tuple(self.aliases)

    def known(self, header: str) -> tuple[str, int]:
        """Return the target of a header and its rank there, or ``("not_stored", 0)`` or ``("unknown", 0)``."""
        bare = normal(header)
        if bare in self._places:
            return self._places[bare]
        unstored = bare in self._unstored or self._pattern.fullmatch(bare)
        return "not_stored" if unstored else "unknown", 0

    def known_all(self, header: Sequence[str]) -> list[tuple[str, int]]:
        """Return the target and rank of each header of a file. Neighbouring columns decide on an ambiguous header."""
        names = ["", *map(normal, header), ""]
        known = []
        for place, name in enumerate(header):
            neighbours = self.unless_beside.get(names[place + 1], frozenset())
            known.append(("not_stored", 0) if neighbours & {names[place], names[place + 2]} else self.known(name))
        return known

    def is_header(self, cells: Sequence[object], mapped: frozenset[str] = frozenset()) -> bool:
        """Return whether a row contains column names: one that names people, and mostly known ones.

        ``mapped`` are the normalized headers that the user has mapped.
        """
        names = [normal(cell) for cell in cells if isinstance(cell, str) and cell.strip()]
        if not mapped.isdisjoint(names):
            return True
        found = [self.known(name)[0] for name in names]
        known = sum(target != "unknown" for target in found)
        return not self.telling.isdisjoint(found) and known >= min(2, len(names)) and 2 * known >= len(names)

    def near_misses(self, header: str) -> list[str]:
        """Return the known headers that are most like ``header``, the best first."""
        near = difflib.get_close_matches(normal(header), list(self._places), NEAR_MISSES, 0.7)
        return [self._shown.get(bare, bare) for bare in near]

    @cached_property
    def _places(self) -> dict[str, tuple[str, int]]:
        """Return the field of each normalized header, and the header's rank among those of the field."""
        places: dict[str, tuple[str, int]] = {}
        for target, headers in self.aliases.items():
            for rank, header in enumerate((target, *headers)):
                places.setdefault(normal(header), (target, rank))
        return places

    @cached_property
    def _unstored(self) -> frozenset[str]:
        return frozenset(map(normal, self.not_stored))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.not_stored_patterns) or "(?!)")

    @cached_property
    def _shown(self) -> dict[str, str]:
        return {normal(header): header for headers in self.aliases.values() for header in headers}
