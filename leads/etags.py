"""The entity tag of a lead, and its comparison with ``If-Match`` and ``If-None-Match``.

The tag is made of ``version`` and ``activity_count``: it changes whenever the lead's representation does. ``If-Match``
compares the version alone, so that an activity logged meanwhile does not block an edit. It also accepts ``"3"``: the
version that ``include=version`` shows.
"""

import re

from leads.models import Lead

_tag = re.compile(r'(?:W/)?"([^"]*)"')
_lead_tag = re.compile(r"([0-9]{1,10})(?:-[0-9]{1,10})?", re.ASCII)


def etag(lead: Lead) -> str:
    """Return the tag of a lead."""
    return tag_of(lead.version, lead.activity_count)


def tag_of(version: int, activity_count: int) -> str:
    """Return the tag of a version and a count: ``"3-12"`` for version 3 and 12 activities."""
    return f'"{version}-{activity_count}"'


def parse_if_match(header: str | None) -> set[int] | None:
    """Return the versions that ``If-Match`` allows; ``None`` if it allows any, or if there is no header.

    Weak tags are accepted, because a proxy that compresses replies weakens tags. A header without a tag of a lead
    allows no version, which leads to a 412.
    """
    if header is None or header.strip() == "*":
        return None
    return {int(match[1]) for tag in _tag.findall(header) if (match := _lead_tag.fullmatch(tag))}


def matches_if_none_match(tag: str, header: str | None) -> bool:
    """Return whether ``If-None-Match`` has this ``tag``: the client has the representation already."""
    if header is None:
        return False
    return header.strip() == "*" or tag.strip('"') in _tag.findall(header)
