"""What Facebook's and Instagram's lead ads write into their exports."""

import re

from leads.importing.sources.rows import Cells

PLATFORM = "platform"  # the normal form of the header
SOURCES = {"fb": "Facebook", "facebook": "Facebook", "ig": "Instagram", "instagram": "Instagram"}
_id = re.compile(r"(?:l|ag|as|c|f):\d+")


def source_of(platform: str) -> str:
    """Return the source that a platform is; "" for one that is none of theirs."""
    return SOURCES.get(platform.strip().lower(), "")


def is_id(text: str) -> bool:
    """Return whether a cell is an id of a lead, an ad, a set of ads, a campaign or a form."""
    return bool(_id.fullmatch(text.strip()))


def is_test_lead(cells: Cells) -> bool:
    """Return whether a row is the test lead that every form of lead ads has."""
    return any(isinstance(cell, str) and cell.startswith("<test lead: dummy data") for cell in cells)
