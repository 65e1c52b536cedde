"""Named events in the log, for audits: ``event("login_failed", user_id=7)``.

``crm_project/logs.py`` adds the ids of the request and its user. Events contain ids, counts and reasons, and no
personal data: texts that are not a single plain word, such as email addresses, full names and tokens, are left out.
"""

import logging
import re

logger = logging.getLogger("crm.events")

Fact = int | float | bool | str | None
LEFT_OUT = "(left out)"

_plain = re.compile(r"[A-Za-z][A-Za-z_.:-]{0,63}\Z|[0-9a-fA-F.:]{1,45}\Z")  # an identifier, or an IP address


def event(name: str, /, **facts: Fact) -> None:
    """Log the event ``name``, such as ``import_undone``. The values of ``facts`` are numbers and plain words."""
    logger.info(name, extra={"facts": {key: _without_text(value) for key, value in facts.items()}})


def _without_text(value: Fact) -> Fact:
    return LEFT_OUT if isinstance(value, str) and not _plain.match(value) else value
