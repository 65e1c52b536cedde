"""Where requests come from: what proxies say counts, what clients say of themselves does not."""

import logging
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from django.test import RequestFactory, override_settings

from crm_project.api import addresses
from crm_project.api.addresses import client_address
from tests.users.trying import log_in

PROXY = "10.0.0.1"


@pytest.fixture(autouse=True)
def trusted() -> Iterator[None]:
    """Proxies in 10.0.0.0/8 and at one IPv6 address."""
    addresses._tell_of_untrusted_header.cache_clear()
    with override_settings(TRUSTED_NETWORKS=[ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::1")]):
        yield


def address(peer: str, forwarded: str = "") -> str:
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    return client_address(RequestFactory().get("/", REMOTE_ADDR=peer, **headers))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.7"),  # nobody's proxy
        (PROXY, "198.51.100.9", "198.51.100.9"),
        (PROXY, "1.1.1.1, 198.51.100.9", "198.51.100.9"),  # the left one is the client's invention
        (PROXY, "1.1.1.1, 198.51.100.9, 10.9.9.9", "198.51.100.9"),  # two proxies
        (PROXY, "10.2.2.2, 198.51.100.9", "198.51.100.9"),  # a stranger who claims to be a proxy's client
        (PROXY, "10.2.2.2, 10.3.3.3", "10.2.2.2"),  # all ours: the first of them
        (PROXY, "", PROXY),
        (PROXY, "rubbish", PROXY),
        (PROXY, "198.51.100.9, rubbish", PROXY),
        (PROXY, ",", PROXY),
        (PROXY, "198.51.100.9,", PROXY),
        (PROXY, " 198.51.100.9 ", "198.51.100.9"),
        (PROXY, "198.51.100.9:4711", "198.51.100.9"),
        (PROXY, "[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::"),
        (PROXY, "[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::"),
        (PROXY, "fe80::1%eth0", "fe80::"),
        (PROXY, "::ffff:198.51.100.9", "198.51.100.9"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("2001:db8:ffff::1", "198.51.100.9", "198.51.100.9"),
        ("2001:db8:ffff::2", "198.51.100.9", "2001:db8:ffff::"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "", "2001:db8:1:3::"),
        ("", "", "unknown"),
        ("/run/crm.sock", "198.51.100.9", "unknown"),
    ],
)
def test_the_client_is_the_rightmost_stranger(peer: str, forwarded: str, expected: str) -> None:
    assert address(peer, forwarded) == expected


def test_with_no_proxy_named_the_header_counts_for_nothing() -> None:
    with override_settings(TRUSTED_NETWORKS=[]):
        assert address("127.0.0.1", "198.51.100.9") == "127.0.0.1"


def test_a_header_from_a_stranger_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for forwarded in ("198.51.100.9", "198.51.100.10"):
            address("203.0.113.7", forwarded)
        address(PROXY, "198.51.100.9")
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "X-Forwarded-For came from a machine that TRUSTED_PROXIES does not name"
    ]


@pytest.mark.django_db
def test_a_forged_header_does_not_dodge_the_limit() -> None:
    forged = [log_in("zoe", address="203.0.113.7", **{"X-Forwarded-For": f"9.9.9.{n}"}) for n in range(6)]
    assert [reply.status_code for reply in forged] == [401] * 5 + [429]
    behind = [log_in("zoe", address=PROXY, **{"X-Forwarded-For": f"9.9.9.{n}, 192.0.2.1"}) for n in range(6)]
    assert [reply.status_code for reply in behind] == [401] * 5 + [429]


@pytest.mark.django_db
def test_clients_behind_one_proxy_are_told_apart() -> None:
    replies = [log_in("zoe", address=PROXY, **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(6)]
    assert [reply.status_code for reply in replies] == [401] * 6


@pytest.mark.django_db
def test_one_customer_s_ipv6_addresses_are_one() -> None:
    replies = [log_in("zoe", address=f"2001:db8:1:2::{n}") for n in range(6)]
    assert [reply.status_code for reply in replies] == [401] * 5 + [429]
