"""Whose activity a row is: its lead by id or e-mail address, its author by user name, for a batch of rows at a time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from crm_project.validation import MISSING, FieldError, normalized_key
from leads.importing.duplicates import with_key
from leads.models import Lead
from users.models import User

NO_USER = "There is no user of that name"
Author = tuple[int, str]  # the user's id, and the name activities keep


@dataclass
class Row:
    """One row of the file: where it stands, its cells, what they say, and what is wrong with it.

    ``lead_id``, ``lead_email`` and ``user`` are as given; ``lead_id`` is the lead's once it has been found.
    """

    line: int
    cells: Any
    clean: dict[str, Any]
    created_at: Any
    lead_id: int | None
    lead_email: str
    user: str
    problems: list[FieldError]
    author: Author = (0, "")
    told: bool = field(default=False)  # whether its problems already say why there is no lead

    @property
    def email_key(self) -> str:
        """The form in which addresses are compared."""
        return normalized_key(self.lead_email)


class Authors:
    """Users by name in any case, each found once; ``default`` is the author of rows that name none."""

    def __init__(self, default: str = "") -> None:
        self.default = default
        self.found: dict[str, Author] = {}

    def look_up(self, names: Iterable[str]) -> None:
        """Learn who these users are."""
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


def settle_leads(rows: Collection[Row]) -> None:
    """Find the active lead of every row and lock it until the transaction ends, or say why there is none."""
    by_email = with_key("email_key", {row.email_key for row in rows if row.lead_id is None})
    named = {row.lead_id for row in rows if row.lead_id is not None}
    locked = Lead.objects.active().locked_keys(named | {lead_id for lead_id, _ in by_email.values()})
    for row in rows:
        if not row.told and (problem := _settle_lead(row, by_email, locked)):
            row.problems.append(problem)


def _settle_lead(row: Row, by_email: dict[str, tuple[int, int]], locked: dict[int, str]) -> FieldError | None:
    if row.lead_id is not None:
        if row.lead_id not in locked:
            return FieldError("no_lead", ("lead_id",), "There is no active lead of that number", row.lead_id)
        if row.lead_email and locked[row.lead_id] != row.email_key:
            return _about_email(row, f"Lead {row.lead_id} has another e-mail address")
        return None
    if not row.lead_email:
        return FieldError(MISSING[0], ("lead_id",), "Neither the lead's number nor its e-mail address is given", "")
    lead_id, count = by_email.get(row.email_key, (0, 0))
    if count > 1:
        return _about_email(row, f"{count} leads have this e-mail address; only lead_id tells which one is meant")
    if locked.get(lead_id) != row.email_key:
        return _about_email(row, "No active lead has this e-mail address")
    row.lead_id = lead_id
    return None


def _about_email(row: Row, message: str) -> FieldError:
    return FieldError("no_lead", ("lead_email",), message, row.lead_email)
