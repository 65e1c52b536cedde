"""A lead's entity tag, and what ``If-Match`` and ``If-None-Match`` ask about it.

The tag is made of ``version`` and ``activity_count``: it moves whenever the lead's representation does. ``If-Match``
looks at the version alone, so that a call somebody logs meanwhile blocks no edit. It also takes ``"3"``: the version
that ``include=version`` shows.
"""

import re

from leads.models import Lead

_tag = re.compile(r'(?:W/)?"([^"]*)"')
_ours = re.compile(r"([0-9]{1,10})(?:-[0-9]{1,10})?", re.ASCII)


def etag(lead: Lead) -> str:
    """The tag of a lead."""
    return tag_of(lead.version, lead.activity_count)


def tag_of(version: int, activity_count: int) -> str:
    """``"3-12"``: version 3, 12 activities."""
    return f'"{version}-{activity_count}"'


def parse_if_match(header: str | None) -> set[int] | None:
    """The versions ``If-Match`` is content with; ``None`` for any, also without the header.

    Weak tags count too, because a proxy that compresses replies weakens them. A header without a tag of ours fits no
    version: better a 412 than a change over something the client has not seen.
    """
    if header is None or header.strip() == "*":
        return None
    return {int(match[1]) for tag in _tag.findall(header) if (match := _ours.fullmatch(tag))}


def matches_if_none_match(tag: str, header: str | None) -> bool:
    """Whether ``If-None-Match`` says that the client has the representation of this ``tag``."""
    if header is None:
        return False
    return header.strip() == "*" or tag.strip('"') in _tag.findall(header)
