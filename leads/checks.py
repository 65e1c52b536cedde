"""Start-up checks: every field of a lead is listed in each file that needs it.

Adding a field touches several files (CONTRIBUTING lists them). If one was forgotten, the check reports an error with
its name, instead of an exception during an import.
"""

from collections.abc import Iterator
from typing import Any

from django.core.checks import Error, register
from django.utils import timezone

from crm_project.db.bulk import can_copy
from leads import search_keys, validators
from leads.models import Lead
from leads.querysets import build_row

TAG = "lead_fields"
# Columns that only the server sets; they need no rule.
SET_BY_SERVER = frozenset(
    (
        *("id", "is_active", "created_at", "updated_at", "activity_count", "version", "closed_at", "search"),
        *("source_key", "tag_keys", "email_key", "person_key", "name_key", "import_run_id", "merged_into_id"),
        *("created_by_id", "created_channel", "change_time"),
    )
)


@register(TAG)
def check_lead_fields(**kwargs: Any) -> list[Error]:
    """Return an error for each file that does not list a field of ``Lead``."""
    return [Error(message, hint=hint, id="leads.E001") for message, hint in omissions()]


def omissions() -> Iterator[tuple[str, str]]:
    """Yield each omission as a sentence, and a hint how to fix it."""
    for field in Lead._meta.concrete_fields:
        if not can_copy(field):
            kind = field.get_internal_type()
            yield f"Bulk writes cannot store the {kind} Lead.{field.name}.", "Add its type in crm_project/db/bulk.py."
        name = field.attname
        if name in SET_BY_SERVER:
            continue
        if name not in {**validators.CREATE_RULES, **validators.LABEL_RULES}:
            yield (
                f"Lead.{field.name} has no rule.",
                f'Add "{name}" to CREATE_RULES in leads/validators.py, or to SET_BY_SERVER in leads/checks.py '
                "if only the server sets it.",
            )
        if name not in validators.PERSONAL and name not in validators.NOT_PERSONAL:
            yield (
                f"Nothing says whether Lead.{field.name} is personal data.",
                f'Add "{name}" to PERSONAL (erased with the person) or NOT_PERSONAL in leads/validators.py.',
            )
    yield from _rule_omissions()
    written = {
        "change_time",  # set by the database
        *build_row(validators.DEFAULTS, timezone.now(), derived=search_keys.SearchKeys("", "", "", "", "")),
    }
    for name in sorted(SET_BY_SERVER - written - {"id"}):
        yield f"New leads get no value for their {name}.", "Add it to `build_row` in leads/querysets.py."


def _rule_omissions() -> Iterator[tuple[str, str]]:
    columns = {field.attname for field in Lead._meta.concrete_fields}
    for name in validators.CREATE_RULES:
        if name not in columns:
            yield (
                f'leads/validators.py has a rule for "{name}", which is no column of Lead.',
                "Add it to leads/models.py.",
            )
        if name not in validators.UPDATE_RULES:
            yield (
                f'"{name}" cannot be changed.',
                "Add it to UPDATE_RULES in leads/validators.py.",
            )
        if not validators.CREATE_RULES[name].schema:
            yield (
                f'The rule for "{name}" does not say what it accepts.',
                "Give it a schema, which clients read in the API's documentation (crm_project/json_schema.py).",
            )
