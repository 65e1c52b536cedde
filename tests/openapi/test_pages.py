"""GET /docs and /redoc: everything they load comes from this server."""

from html.parser import HTMLParser

import pytest
from django.contrib.staticfiles import finders
from django.test import Client


class Page(HTMLParser):
    """What a page refers to, and the scripts and styles that stand in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.openapi = ""
        self.inline: list[str] = []
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.loads += [given[name] for name in ("src", "href") if name in given]
        self.openapi = given.get("data-openapi", self.openapi)
        self.inline += [value for name, value in given.items() if name.startswith("on") or name == "style"]
        self._within = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_every_asset_is_our_own_and_there(path: str) -> None:
    reply = Client().get(path)
    assert reply.status_code == 200
    assert reply["Content-Type"] == "text/html; charset=utf-8"
    page = Page(reply.content.decode())
    assert page.openapi == "/openapi.json"
    assert len(page.loads) >= 4
    assert [asset for asset in page.loads if not asset.startswith("/static/")] == []
    assert [asset for asset in page.loads if not finders.find(asset.removeprefix("/static/"))] == []


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_script_or_style_stands_in_the_page(path: str) -> None:
    assert Page(Client().get(path).content.decode()).inline == []


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_browser_is_told_to_load_nothing_from_elsewhere(path: str) -> None:
    policy = Client().get(path)["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    assert "script-src" not in policy  # default-src alone: no inline script


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_they_ask_for_no_token_and_mind_none(path: str) -> None:
    assert Client().get(path, headers={"Authorization": "Bearer stale"}).status_code == 200
    assert Client().head(path).status_code == 200
