"""Statuses changed in the list: each for the version that its user saw, and for that alone."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest

from crm_project import validation
from leads import validators
from leads.models import Lead
from leads.querysets import VersionConflict
from users.audit import Actor

MAX = 200  # rows of one page at most
_field = re.compile(r"status-(\d{1,18})", re.ASCII)
_seen = re.compile(r"(\d{1,9}) (.+)", re.ASCII | re.DOTALL)


class StatusEdit(NamedTuple):
    """What somebody chose for a lead, and the version that they saw."""

    lead_id: int
    status: str
    version: int


def parse_edits(posted: Mapping[str, str]) -> list[StatusEdit]:
    """The rows of the list whose status was changed; what is not of its making is passed over."""
    found = []
    for name, status in posted.items():
        row = _field.fullmatch(name)
        seen = _seen.fullmatch(posted.get(f"seen-{row[1]}", "")) if row else None
        if row and seen and status != seen[2]:
            found.append(StatusEdit(int(row[1]), status, int(seen[1])))
    return found


def save(request: HttpRequest, actor: Actor) -> None:
    """Store what was chosen, lead by lead, and tell what became of it."""
    chosen = parse_edits(request.POST)
    if len(chosen) > MAX:
        messages.error(request, f"Nothing was saved: {len(chosen):,} leads are more than a page holds.")
        return
    refused = [told for wish in chosen if (told := _refusal(wish, actor))]
    if saved := len(chosen) - len(refused):
        messages.success(request, f"The status of {saved} lead{'s' * (saved > 1)} was saved.")
    elif not chosen:
        messages.info(request, "No status was changed.")
    for told in refused:
        messages.error(request, told)


def _refusal(wish: StatusEdit, actor: Actor) -> str | None:
    """Why a wish was not granted; ``None`` where it was."""
    clean, problems = validators.validate({"status": wish.status}, partial=True)
    if problems:
        return f"Lead {wish.lead_id} was not saved: {problems[0].msg}."
    try:
        _change(wish, clean, actor)
    except Lead.DoesNotExist:
        return f"Lead {wish.lead_id} was not saved: it was deleted meanwhile."
    except VersionConflict as moved:
        return (
            f"{moved.lead} was not saved: somebody changed this lead meanwhile, and its status is now"
            f" “{moved.lead.status}”. Look at it, and choose again."
        )
    return None


def _change(wish: StatusEdit, clean: dict[str, Any], actor: Actor) -> None:
    if wish.lead_id > validation.MAX_BIGINT:
        raise Lead.DoesNotExist
    Lead.objects.update_lead(wish.lead_id, clean, actor, versions=[wish.version])
