"""Whose activity a row is: its lead, its author by user name, for a batch of rows at a time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from activities.importing.lead_matching import LeadMatcher, LeadReference
from crm_project.validation import MISSING, FieldError, normalized_key
from users.models import User

NO_USER = "There is no user of that name"
Author = tuple[int, str]  # the user's id, and the name activities keep


@dataclass
class Row:
    """One row of the file: its line, its cells, its values, and its errors.

    ``reference`` and ``user`` are as given; ``lead_id`` is set once the lead has been found.
    """

    line: int
    cells: Any
    clean: dict[str, Any]
    created_at: Any
    reference: LeadReference
    user: str
    problems: list[FieldError]
    author: Author = (0, "")
    lead_id: int | None = None
    has_lead_error: bool = field(default=False)  # whether an error already says why there is no lead


class Authors:
    """Users by name in any case, each looked up once; ``default`` is the author of rows without one."""

    def __init__(self, default: str = "") -> None:
        self.default = default
        self.found: dict[str, Author] = {}

    def look_up(self, names: Iterable[str]) -> None:
        """Look up users by these names."""
        if new := {normalized_key(name) for name in names if name} - self.found.keys():
            users = User.objects.filter(username_key__in=new)
            self.found.update({user.username_key: (user.pk, user.name) for user in users})

    def settle(self, rows: Collection[Row]) -> None:
        """Give every row its author, or say that there is none."""
        self.look_up([self.default, *(row.user for row in rows)])
        for row in rows:
            name = row.user or self.default
            if author := self.found.get(normalized_key(name)):
                row.author = author
            elif name:
                row.problems.append(FieldError("no_user", ("user",), NO_USER, name))
            else:
                row.problems.append(FieldError(MISSING[0], ("user",), f"{MISSING[1]} (--user names one for all)", ""))


def settle_leads(rows: Collection[Row], matcher: LeadMatcher) -> None:
    """Give every row its lead, locked until the transaction ends, or say why there is none."""
    rows = [row for row in rows if not row.has_lead_error]
    for row, found in zip(rows, matcher.match([row.reference for row in rows]), strict=True):
        if isinstance(found, FieldError):
            row.problems.append(found)
        else:
            row.lead_id = found
