"""Read the pages of the back office's lists."""

import re
from html import unescape

from django.test import Client


def page(browser: Client, path: str) -> str:
    """Return the HTML of the page at ``path``."""
    reply = browser.get(path)
    assert reply.status_code == 200, reply.content[:300]
    return reply.content.decode()


def count(text: str) -> str:
    """Return the number below a list: "12", "10,000+", "about 300"."""
    match = re.search(r'id="result-count">(.*?)</div>', text, re.DOTALL)
    assert match, "no list"
    number = re.search(r"(about )?[\d,]+\+?", match[1])
    assert number
    return number[0]


def names(text: str) -> list[str]:
    """Return the names of the leads of a page, in its order."""
    cells = re.findall(r'field-name.*?<span class="crm-lines"><span>(.*?)</span>', text, re.DOTALL)
    return [unescape(name) for name in cells]


def visible_text(text: str) -> str:
    """Return the page without markup, on one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))
