"""What a page of the back office's lists says, read as its user reads it."""

import re
from html import unescape

from django.test import Client


def page(browser: Client, path: str) -> str:
    """The page at ``path``, as text."""
    reply = browser.get(path)
    assert reply.status_code == 200, reply.content[:300]
    return reply.content.decode()


def count(text: str) -> str:
    """The number that the foot of a list says: "12", "10,000+", "about 300"."""
    found = re.search(r'id="result-count">(.*?)</div>', text, re.DOTALL)
    assert found, "no list"
    said = re.search(r"(about )?[\d,]+\+?", found[1])
    assert said
    return said[0]


def names(text: str) -> list[str]:
    """The names of the leads of a page, in its order."""
    cells = re.findall(r'field-name.*?<span class="crm-lines"><span>(.*?)</span>', text, re.DOTALL)
    return [unescape(name) for name in cells]


def told(text: str) -> str:
    """The page without its markup, on one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))
