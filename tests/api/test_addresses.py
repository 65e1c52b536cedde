"""The client address of a request: proxies are trusted, headers of other clients are not."""

import logging
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from crm_project.http import client_address as client_addresses
from crm_project.http.client_address import client_address
from tests.factories import PASSWORD
from tests.live import serving
from tests.users.trying import log_in, send
from users.throttle import LoginFailure

PROXY = "10.0.0.1"


@pytest.fixture(autouse=True)
def trusted() -> Iterator[None]:
    """Proxies in 10.0.0.0/8 and at one IPv6 address."""
    client_addresses._warn_of_untrusted_header.cache_clear()
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
        (PROXY, "rubbish", "unknown"),
        (PROXY, "\xff", "unknown"),  # what the server makes of a header that is not ASCII
        (PROXY, "198.51.100.9, rubbish", "unknown"),
        (PROXY, "rubbish, 198.51.100.9", "198.51.100.9"),
        (PROXY, "rubbish, 10.9.9.9", "unknown"),
        (PROXY, ",", "unknown"),
        (PROXY, "198.51.100.9,", "unknown"),
        ("203.0.113.7", "rubbish", "203.0.113.7"),
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
        "X-Forwarded-For came from an address that is not in TRUSTED_PROXIES"
    ]


@pytest.mark.django_db
def test_a_forged_header_does_not_dodge_the_limit() -> None:
    forged = [log_in("zoe", address="203.0.113.7", **{"X-Forwarded-For": f"9.9.9.{n}"}) for n in range(6)]
    assert [reply.status_code for reply in forged] == [401] * 5 + [429]
    behind = [log_in("zoe", address=PROXY, **{"X-Forwarded-For": f"9.9.9.{n}, 192.0.2.1"}) for n in range(6)]
    assert [reply.status_code for reply in behind] == [401] * 5 + [429]


@pytest.mark.django_db
def test_clients_behind_one_proxy_have_their_own_addresses() -> None:
    replies = [log_in("zoe", address=PROXY, **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(6)]
    assert [reply.status_code for reply in replies] == [401] * 6


@pytest.mark.django_db
def test_one_customer_s_ipv6_addresses_are_one() -> None:
    replies = [log_in("zoe", address=f"2001:db8:1:2::{n}") for n in range(6)]
    assert [reply.status_code for reply in replies] == [401] * 5 + [429]


def test_an_empty_header_is_one_that_cannot_be_read() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="")) == "unknown"


UNREADABLE = ["rubbish", "\xff", ",", "unknown"]


@pytest.mark.django_db
def test_clients_without_an_address_share_five_failures_and_nobody_else_does() -> None:
    replies = [log_in(f"name{n}", address=PROXY, **{"X-Forwarded-For": UNREADABLE[n % 4]}) for n in range(6)]
    assert [reply.status_code for reply in replies] == [401] * 5 + [429]
    assert LoginFailure.objects.locked_addresses() == ["unknown"]
    assert log_in("name0", address=PROXY).status_code == 401  # the proxy machine's own
    assert log_in("name0", address=PROXY, **{"X-Forwarded-For": "192.0.2.1"}).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "expected"), [(60, 5), (3, 3)])
def test_clients_without_an_address_make_few_accounts(limit: int, expected: int) -> None:
    with override_settings(REGISTRATION_LIMIT=limit):
        replies = [register(number) for number in range(expected + 1)]
    assert [reply.status_code for reply in replies] == [201] * expected + [429]


def register(number: int) -> HttpResponse:
    names = {"username": f"new{number}", "email": f"new{number}@example.com", "first_name": "", "last_name": ""}
    return send("/api/users/register", {**names, "password": PASSWORD}, PROXY, **{"X-Forwarded-For": "rubbish"})


@pytest.mark.slow
def test_a_header_that_is_not_ascii_is_not_the_proxy_s_address() -> None:
    """With a real server, which may parse headers differently."""
    with serving(TRUSTED_PROXIES="127.0.0.1") as server:
        body = b'{"username": "nobody%d", "password": "wrong password"}'

        def status(number: int, *headers: bytes) -> int:
            content = body % number
            lines = (b"Host: 127.0.0.1", b"Content-Type: application/json", b"Content-Length: %d" % len(content))
            head = b"\r\n".join((b"POST /api/users/login HTTP/1.1", *lines, b"Connection: close", *headers))
            with server.connect() as connection:
                connection.sendall(head + b"\r\n\r\n" + content)
                return int(connection.makefile("rb").readline().split()[1])

        unreadable = [(b"X-Forwarded-For: \xff",), (b"X-Forwarded-For: 198.51.100.9\xe9",), (b"X-Forwarded-For: a, b",)]
        assert [status(number, *unreadable[number % 3]) for number in range(6)] == [401] * 5 + [429]
        assert status(0) == 401
        assert status(0, b"X-Forwarded-For: 198.51.100.9") == 401
