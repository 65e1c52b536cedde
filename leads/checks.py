"""Start-up checks: every field of a lead stands in each of the places that must know it.

Adding a field touches several files (CONTRIBUTING has the list). A place that was forgotten is an error here, with a
sentence that names the file, instead of an exception in the middle of an import.
"""

from collections.abc import Iterator
from typing import Any

from django.core.checks import Error, register
from django.utils import timezone

from leads import rules
from leads.importing.aliases import ALIASES
from leads.importing.load import can_copy
from leads.models import Lead
from leads.querysets import complete

TAG = "lead_fields"
# Columns that the server sets; nobody sends them, so they need no rule.
SET_BY_SERVER = frozenset(
    (
        *("id", "is_active", "created_at", "updated_at", "activity_count", "version", "closed_at", "search"),
        *("source_key", "email_key", "person_key", "import_run_id", "merged_into_id"),
        *("created_by_id", "created_through"),
    )
)


@register(TAG)
def check_lead_fields(**kwargs: Any) -> list[Error]:
    """An error for each place that does not know a field of ``Lead``."""
    return [Error(message, hint=hint, id="leads.E001") for message, hint in missing_places()]


def missing_places() -> Iterator[tuple[str, str]]:
    """Each forgotten place as a sentence, and what to write there."""
    for field in Lead._meta.concrete_fields:
        if not can_copy(field):
            kind = field.get_internal_type()
            yield f"Bulk writes cannot store the {kind} Lead.{field.name}.", "Add its type in leads/importing/load.py."
        name = field.attname
        if name in SET_BY_SERVER:
            continue
        if name not in rules.CREATE:
            yield (
                f"Lead.{field.name} has no rule.",
                f'Add "{name}" to CREATE in leads/rules.py, or to SET_BY_SERVER in leads/checks.py '
                "if only the server sets it.",
            )
        if name not in rules.PERSONAL and name not in rules.NOT_PERSONAL:
            yield (
                f"Nothing says whether Lead.{field.name} is personal data.",
                f'Add "{name}" to PERSONAL (erased with the person) or NOT_PERSONAL in leads/rules.py.',
            )
    yield from _unknown_to_entrances()
    written = {*rules.CREATE, *complete(rules.DEFAULTS, timezone.now(), derived=rules.Derived("", "", "", ""))}
    for field in Lead._meta.concrete_fields:
        if not field.primary_key and field.attname not in written:
            yield f"New leads get no value for Lead.{field.name}.", "Add it to `complete` in leads/querysets.py."


def _unknown_to_entrances() -> Iterator[tuple[str, str]]:
    columns = {field.attname for field in Lead._meta.concrete_fields}
    for name in rules.CREATE:
        if name not in columns:
            yield f'leads/rules.py has a rule for "{name}", which is no column of Lead.', "Add it to leads/models.py."
        if name not in rules.UPDATE:
            yield f'"{name}" can be given to a new lead and never changed.', "Add it to UPDATE in leads/rules.py."
        if not rules.CREATE[name].schema:
            yield (
                f'The rule for "{name}" does not say what it accepts.',
                "Give it a schema, which clients read in the API's documentation (crm_project/json_schema.py).",
            )
        if name not in ALIASES:
            yield (
                f'The import knows no column names for "{name}".',
                f'Add "{name}" to ALIASES in leads/importing/aliases.py; () if files never have it.',
            )
