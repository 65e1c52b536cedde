"""CONTRIBUTING's recipe "A field of a lead", carried out on a copy of the project by a program.

Two fields are added: ``referral_code``, a text, and ``agency``, a nullable foreign key. Each edit names a line of a
product file and what is written before it. If an edit finds no place any more, the recipe has changed: change both.
"""

from pathlib import Path
from typing import NamedTuple

MAX_FILES = 4  # product files that adding a field may touch, its migration included


class Edit(NamedTuple):
    """Write ``new`` before the first occurrence of ``before`` that follows ``after``."""

    file: str
    after: str
    before: str
    new: str


EDITS = (
    Edit(
        "leads/models.py",
        "class Lead(",
        "    is_active = ",
        '    referral_code = models.CharField(max_length=80, blank=True, default="", db_default="")\n'
        '    agency = models.ForeignKey("auth.Group", on_delete=models.PROTECT, null=True, blank=True, '
        'related_name="+", db_index=False)\n',
    ),
    Edit(
        "leads/validators.py",
        "CREATE_RULES: ",
        "}\n",
        '    "referral_code": FieldRule(lambda value: validation.text(value, 80), default="", '
        "schema=schema.text(80)),\n"
        '    "agency_id": FieldRule(reference, nullable=True, default=None, schema=schema.integer(1, MAX_BIGINT)),\n',
    ),
    Edit("leads/validators.py", "PERSONAL: ", "}\n", '    "referral_code": "",\n'),
    Edit("leads/validators.py", "NOT_PERSONAL = (", ")\n", ', "agency_id"'),
    Edit(
        "leads/importing/columns/aliases.py",
        "ALIASES: ",
        '    "first_name"',
        '    "referral_code": ("Referral Code",),\n    "agency_id": ("Agency",),\n',
    ),
)


def apply(project: Path) -> set[str]:
    """Carry all edits out in the copy at ``project``; returns the files that were edited."""
    for edit in EDITS:
        path = project / edit.file
        text = path.read_text()
        place = text.index(edit.before, text.index(edit.after))
        path.write_text(text[:place] + edit.new + text[place:])
    return {edit.file for edit in EDITS}
