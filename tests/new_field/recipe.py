"""CONTRIBUTING's recipe "A field of a lead", carried out on a copy of the project by a program.

Three fields are added: ``referral_code``, a text, and two nullable foreign keys, ``agency`` and ``referrer``, which is
another lead. ``FILTER`` is a filter of the list, ``COLUMN`` a column of it in the back office.

Each edit names a line of a product file and what is written before it. If an edit finds no place any more, the recipe
has changed: change both.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MAX_FILES = 4  # product files that adding a field may touch, its migration included
MAX_OTHERS = 4  # those that its filter and its column in the list touch


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
        'related_name="+", db_index=False)\n'
        '    referrer = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, '
        'related_name="+", db_index=False)\n',
    ),
    Edit(
        "leads/validators.py",
        "CREATE_RULES: ",
        "}\n",
        '    "referral_code": FieldRule(lambda value: validation.text(value, 80), default="", '
        "schema=schema.text(80)),\n"
        '    "agency_id": FieldRule(reference, nullable=True, default=None, schema=schema.integer(1, MAX_BIGINT)),\n'
        '    "referrer_id": FieldRule(reference, nullable=True, default=None, schema=schema.integer(1, MAX_BIGINT)),\n',
    ),
    Edit("leads/validators.py", "PERSONAL: ", "}\n", '    "referral_code": "",\n'),
    Edit("leads/validators.py", "NOT_PERSONAL = (", ")\n", ', "agency_id", "referrer_id"'),
    Edit(
        "leads/importing/columns/aliases.py",
        "ALIASES: ",
        '    "first_name"',
        '    "referral_code": ("Referral Code",),\n    "agency_id": ("Agency",),\n    "referrer_id": (),\n',
    ),
)
FILTER = (
    Edit(
        "leads/filters.py",
        "class LeadFilter(",
        "\n    class Meta:",
        "    agency = RuleFilter(partial(parameters.number, lowest=1, highest=MAX_BIGINT), LeadQuerySet.of_agency, "
        "schema.IDENTIFIER)\n",
    ),
    Edit(
        "leads/queries.py",
        "class LeadQueries(",
        "    def due(",
        "    def of_agency(self, agency_id: int) -> Self:\n"
        '        """Leads of one agency."""\n'
        "        return self.filter(agency=agency_id)\n\n",
    ),
    Edit("leads/filter_sql.py", "CONDITIONS: ", "}\n", '    "agency": _compare("agency_id ="),\n'),
)
COLUMN = (
    Edit(
        "leads/back_office/table.py",
        "def created(",
        "Column = ",
        '@display(description="Referral code")\n'
        "def referral_code(lead: Lead) -> str:\n"
        '    """Return the code."""\n'
        "    return lead.referral_code or cells.EMPTY\n\n\n",
    ),
    Edit("leads/back_office/table.py", "COLUMNS: ", ")\n", ", referral_code"),
)


def apply(project: Path, edits: Sequence[Edit]) -> set[str]:
    """Carry edits out in the copy at ``project``; returns the files that were edited."""
    for edit in edits:
        path = project / edit.file
        text = path.read_text()
        place = text.index(edit.before, text.index(edit.after))
        path.write_text(text[:place] + edit.new + text[place:])
    return {edit.file for edit in edits}
