"""Responses are compressed for clients that accept it, except those with tokens."""

import gzip
from typing import Any

import pytest
from django.http import HttpResponse

from tests.conftest import Api
from tests.factories import bearer, make_lead
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def asking(agent: User) -> Api:
    """Return a client that accepts gzip."""
    return Api({**bearer(agent), "Accept-Encoding": "br, gzip"})


def plain(response: HttpResponse) -> bytes:
    assert response["Content-Encoding"] == "gzip"
    assert int(response["Content-Length"]) == len(response.content)
    return gzip.decompress(response.content)


def test_a_list(asking: Api, api: Api) -> None:
    for _ in range(20):
        make_lead()
    compressed, as_it_is = asking.get("/api/leads"), api.get("/api/leads")
    assert plain(compressed) == as_it_is.content
    assert len(compressed.content) < len(as_it_is.content) / 3
    assert not as_it_is.has_header("Content-Encoding")
    assert "Accept-Encoding" in as_it_is["Vary"], "or a cache would hand on the one for the other"


def test_a_short_reply_stays_as_it_is(asking: Api) -> None:
    assert not asking.get("/api/dashboard").has_header("Content-Encoding")


def test_the_documents(asking: Api) -> None:
    assert plain(asking.get("/openapi.json")).startswith(b"{")


def test_nothing_about_users(asking: Api, agent: User) -> None:
    """A token beside text that an attacker may choose: the length of a compressed response would reveal it."""
    User.objects.filter(pk=agent.pk).update(first_name="x" * 150, last_name="y" * 150)
    long: dict[str, Any] = {"username": "z" * 151, "password": "p" * 2000, "email": "e" * 900, "first_name": "f" * 900}
    refused = asking.post("/api/users/register", long)
    assert len(refused.content) > 1024
    for response in (refused, asking.get("/api/users/me")):
        assert not response.has_header("Content-Encoding")


def test_a_weakened_tag_still_guards_an_edit(asking: Api) -> None:
    lead = make_lead(property_interest="a house by the lake " * 100)
    tag = asking.get(f"/api/leads/{lead.pk}")["ETag"]
    asking.client.defaults["HTTP_IF_MATCH"] = tag
    assert asking.put(f"/api/leads/{lead.pk}", {"status": "contacted"}).status_code == 200
    assert asking.put(f"/api/leads/{lead.pk}", {"status": "lost"}).status_code == 412
