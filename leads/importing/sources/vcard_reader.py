"""vCard files (.vcf), as telephones and address books write them, read with vobject; a card is a row."""

import re
from collections.abc import Iterator
from typing import Any

import vobject
from vobject.base import ContentLine, VObjectError

from crm_project.validation import FieldError
from leads.importing.sources.rows import MAX_COLUMNS, BadRow, Record, Unreadable
from leads.importing.sources.source_file import SourceFile

# A card is parsed as a whole, and its entries are compared with each other. Its pictures do not count.
MAX_CARD = 256 << 10  # characters
MAX_ENTRIES = 1_000
_picture = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:]", re.IGNORECASE)
LABELS = {
    "EMAIL": "Email",
    "TEL": "Phone",
    "NOTE": "Notes",
    "ORG": "Company",
    "TITLE": "Job Title",
    "ADR": "Address",
    "BDAY": "Birthday",
    "URL": "Website",
    "CATEGORIES": "Tags",
}
# What is no text about the person.
LEFT_OUT = frozenset(("VERSION", "PRODID", "UID", "REV", "PHOTO", "LOGO", "SOUND", "KEY", "X-ABLABEL", "PROFILE"))

Card = dict[str, str]


class VcardReader:
    """The contacts of a file as rows; the columns are the properties of all contacts. Raises ``Unreadable``."""

    def __init__(self, content: SourceFile, encoding: str) -> None:
        self.content = content
        self.encoding = encoding
        names: dict[str, None] = {}
        for _, card in self._cards():
            names.update(dict.fromkeys(card if isinstance(card, dict) else ()))
            if len(names) > MAX_COLUMNS:
                raise Unreadable(f"{content.name} has more than {MAX_COLUMNS:,} kinds of entries.")
        self.header = list(names)
        if not names:
            raise Unreadable(f"{content.name} has no contacts that can be read.")

    def __iter__(self) -> Iterator[Record]:
        for line, card in self._cards():
            if isinstance(card, dict):
                yield line, [card.get(name, "") for name in self.header]
            else:
                error = FieldError("vcard", (), f"Not a valid vCard: {card}", "")
                yield line, BadRow([""] * len(self.header), error)

    @property
    def position(self) -> int:
        """Return the number of raw bytes read."""
        return self.content.position

    def _cards(self) -> Iterator[tuple[int, Card | str]]:
        """Yield the line on which each card starts, and the card, or what is wrong with it."""
        with self.content.text(self.encoding) as text:
            lines: list[str] = []
            start = size = entries = 0
            in_picture = False
            for number, line in enumerate(text, 1):
                word = line.strip().upper()
                if word == "BEGIN:VCARD" and not lines:
                    start, size, entries, in_picture = number, 0, 0, False
                elif not lines:
                    continue
                # Some programs do not indent the further lines of a picture.
                in_picture = _picture.match(line) is not None or (in_picture and (line[0] in " \t" or ":" not in line))
                if in_picture:
                    continue
                lines.append(line)
                size += len(line)
                entries += line[0] not in " \t"
                if size > MAX_CARD or entries > MAX_ENTRIES:
                    raise Unreadable(f"The contact on line {start} of {self.content.name} is too long.")
                if word == "END:VCARD":
                    yield start, _parsed("".join(lines))
                    lines = []
        if lines:
            raise Unreadable(f"{self.content.name} ends within the contact that starts on line {start}.")


def _parsed(text: str) -> Card | str:
    try:
        component = vobject.readOne(text, ignoreUnreadable=True, allowQP="quoted-printable" in text.lower())
    except (VObjectError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        return str(error) or type(error).__name__
    card: Card = {}
    entries = (entry for entry in component.getChildren() if isinstance(entry, ContentLine))
    for entry in entries:
        for label, value in _values(entry.name.upper(), entry):
            if value := value.strip():
                _add(card, label, value)
    if "First Name" in card or "Last Name" in card:
        card.pop("Name", None)
    return card


def _values(name: str, entry: Any) -> Iterator[tuple[str, str]]:
    """Yield labels and texts of one property."""
    value = entry.value
    if name in LEFT_OUT or isinstance(value, bytes):
        return
    if name == "N" and not isinstance(value, str):
        yield "First Name", " ".join((_joined(value.given), _joined(value.additional)))
        yield "Last Name", " ".join((_joined(value.family), _joined(value.suffix)))
        return
    if name == "ADR" and not isinstance(value, str):
        parts = (value.box, value.extended, value.street, value.city, value.region, value.code, value.country)
        yield "Address", ", ".join(part for part in map(_joined, parts) if part)
        return
    kinds = {kind.upper() for kind in entry.params.get("TYPE", [])} | {kind.upper() for kind in entry.singletonparams}
    label = "Fax" if name == "TEL" and "FAX" in kinds else LABELS.get(name, name.capitalize())
    yield "Name" if name == "FN" else label, _joined(value)


def _joined(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _add(card: Card, label: str, value: str) -> None:
    """Add a value; a second one of a kind gets a number, and further notes join the first."""
    number = 2
    name = label
    while name in card:
        if label == "Notes":
            card[label] += f"\n{value}"
            return
        name, number = f"{label} {number}", number + 1
    card[name] = value
