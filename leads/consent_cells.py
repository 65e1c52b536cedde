"""Granted consent as a cell of an export, which the import reads back: its time, wording and evidence as JSON."""

from datetime import datetime
from typing import Any

import orjson
from django.utils import timezone

from crm_project.http.timestamps import iso
from crm_project.validation import InvalidValue
from leads.consents import GRANTED, WAYS, Consent, words

COLUMNS = {f"consent_{way}": way for way in WAYS}
TEXTS = ("wording", "evidence")
FIELDS = {"granted_at", *TEXTS}
NOT_A_GRANT = "not a granted consent as an export writes it"

Grant = dict[str, Any]  # a statement as JSON values; ``created_at`` is a text


def cell_of(consent: Consent | None) -> str | None:
    """Return the cell of the statement in force of a channel; ``None`` unless it is a grant."""
    if consent is None or consent.state != GRANTED:
        return None
    texts = {name: getattr(consent, name) for name in TEXTS}
    return orjson.dumps({"granted_at": f"{iso(consent.created_at)}Z", **texts}).decode()


def grant_of(cell: object, way: str) -> Grant:
    """Return the statement of a cell. Raises ``InvalidValue`` for a cell that no export has written."""
    try:
        found: Grant = orjson.loads(str(cell))
        given_at = datetime.fromisoformat(found["granted_at"])
        is_grant = found.keys() == FIELDS and given_at <= timezone.now()
    except (ValueError, KeyError, TypeError):  # no JSON, no object, no time, or one without a zone
        is_grant = False
    if not is_grant:
        raise InvalidValue("consent", NOT_A_GRANT)
    texts = {name: found[name] if found[name] is None else words(found[name]) for name in TEXTS}
    return {"channel": way, "state": GRANTED, "created_at": given_at.isoformat(), **texts}
