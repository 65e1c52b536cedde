"""Statuses changed in the list. Each is saved only over the version that the user saw."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.http import HttpRequest

from crm_project import validation
from leads import validators
from leads.back_office.cells import pluralize
from leads.models import Lead
from leads.querysets import VersionConflict
from users.audit import Actor, Channel
from users.models import User

MAX = 200  # rows of one page
_field = re.compile(r"status-(\d{1,18})", re.ASCII)
_seen = re.compile(r"(\d{1,9}) (.+)", re.ASCII | re.DOTALL)


class StatusEdit(NamedTuple):
    """The status chosen for a lead, and the version that the user saw."""

    lead_id: int
    status: str
    version: int


def parse_edits(posted: Mapping[str, str]) -> list[StatusEdit]:
    """Return the rows of the list whose status was changed; ignore other form fields."""
    edits = []
    for name, status in posted.items():
        row = _field.fullmatch(name)
        seen = _seen.fullmatch(posted.get(f"seen-{row[1]}", "")) if row else None
        if row and seen and status != seen[2]:
            edits.append(StatusEdit(int(row[1]), status, int(seen[1])))
    return edits


def save(request: HttpRequest) -> None:
    """Save the changed statuses, lead by lead, and show the results."""
    edits = parse_edits(request.POST)
    if len(edits) > MAX:
        messages.error(request, f"Not saved: {len(edits):,} leads are more than a page has.")
        return
    actor = Actor.of(cast(User, request.user), Channel.ADMIN)
    errors = [error for edit in edits if (error := _save(edit, actor))]
    if saved := len(edits) - len(errors):
        messages.success(request, f"{pluralize(saved, 'lead')} updated.")
    elif not edits:
        messages.info(request, "No status was changed.")
    for error in errors:
        messages.error(request, error)


def _save(edit: StatusEdit, actor: Actor) -> str | None:
    """Save a status; return an error message if that fails."""
    clean, problems = validators.validate({"status": edit.status}, partial=True)
    if problems:
        return f"Lead {edit.lead_id} not saved: {problems[0].msg}."
    try:
        _change(edit, clean, actor)
    except Lead.DoesNotExist:
        return f"Lead {edit.lead_id} not saved: someone else deleted it."
    except VersionConflict as conflict:
        lead = conflict.lead
        return f"{lead} not saved: someone else changed this lead. Its status is now “{lead.status}”."
    return None


def _change(edit: StatusEdit, clean: dict[str, Any], actor: Actor) -> None:
    if edit.lead_id > validation.MAX_BIGINT:
        raise Lead.DoesNotExist
    Lead.objects.update_lead(edit.lead_id, clean, actor, versions=[edit.version])
