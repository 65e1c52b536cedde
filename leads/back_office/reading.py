"""How an uploaded file is read, as the user of the import page wants it; what is left blank is detected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from leads.importing.sources import format_options
from leads.importing.sources.encodings import LABELS
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import FORMATS
from leads.importing.stats import Refused

MAX_LENGTH = 100  # characters of a value
ENCODINGS = {"utf-8": "Unicode", "utf-16": "Unicode, 16 bits", **LABELS}  # proposed; others can be typed
DELIMITERS = {",": "comma", ";": "semicolon", "tab": "tab", "|": "bar"}


@dataclass(frozen=True)
class Reading:
    """The options of the command of the same names, as texts."""

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: str = ""
    no_header: bool = False

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> Self:
        """Return the options of a posted form; raise ``Refused`` for invalid ones."""
        names = ("format", "encoding", "delimiter", "sheet", "header_row")
        reading = cls(
            **{name: form.get(name, "")[: MAX_LENGTH + 1].strip() for name in names},
            no_header=form.get("no_header") == "on",
        )
        reading.options()
        return reading

    def options(self) -> FormatOptions:
        """Return the options for the readers; raise ``Refused`` for invalid ones."""
        if self.format not in ("", *FORMATS) or max(map(len, self.as_values())) > MAX_LENGTH:
            raise Refused("Invalid choice. Reload the page.")
        try:
            return FormatOptions(
                encoding=format_options.encoding(self.encoding) if self.encoding else None,
                delimiter=format_options.delimiter(self.delimiter) if self.delimiter else None,
                sheet=self.sheet or None,
                header=not self.no_header,
                header_row=format_options.header_row(self.header_row) if self.header_row else None,
            )
        except ValueError as error:
            message = str(error)
            raise Refused(f"{message[:1].upper()}{message[1:]}.") from None

    def as_values(self) -> list[str]:
        """Return the texts."""
        return [self.format, self.encoding, self.delimiter, self.sheet, self.header_row]

    def words(self) -> list[str]:
        """Return the same options for the command."""
        names = ("--format", "--encoding", "--delimiter", "--sheet", "--header-row")
        pairs = zip(names, self.as_values(), strict=True)
        words = [word for name, value in pairs if value for word in (name, value)]
        return [*words, "--no-header"] if self.no_header else words


def read_as(source: Any) -> dict[str, Any]:
    """Return how a file was read, for the page."""
    return {
        "format": source.format,
        "encoding": source.encoding,
        "delimiter": source.delimiter,
        "size": source.size,
        "sheet": source.sheet,
        "sheets": source.sheets,
        "header_row": source.header_row,
        "notes": source.notes,
    }
