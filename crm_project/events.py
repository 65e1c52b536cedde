"""What somebody may have to account for later, as named events in the log: ``event("login_failed", user_id=7)``.

Events carry the id of the request and of its user by themselves (``crm_project/logs.py``). They are about ids, counts
and reasons, never about people: a text that is no plain word is left out, so that no e-mail address, telephone number
with punctuation, full name or token can slip in.
"""

import logging
import re

logger = logging.getLogger("crm.events")

Fact = int | float | bool | str | None
LEFT_OUT = "(left out)"

_plain = re.compile(r"[A-Za-z][A-Za-z_.:-]{0,63}\Z|[0-9a-fA-F.:]{1,45}\Z")  # a word of the code's, or an address


def event(name: str, /, **facts: Fact) -> None:
    """Log that ``name``, a word such as ``import_undone``, happened; ``facts`` are numbers and plain words."""
    logger.info(name, extra={"facts": {key: _harmless(value) for key, value in facts.items()}})


def _harmless(value: Fact) -> Fact:
    return LEFT_OUT if isinstance(value, str) and not _plain.match(value) else value
