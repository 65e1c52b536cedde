"""When a server is reachable by other machines, and its requirements then."""

from typing import Any

import pytest

from crm_project.operations import exposure

ALONE: dict[str, Any] = {"host": "127.0.0.1", "https": False, "trusted_proxies": [], "allowed_hosts": []}
FINE: dict[str, Any] = {"weak_keys": [], "debug": False, "registration_set": True}


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "127.8.9.10",
        "127.255.255.255",
        "::1",
        "[::1]",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "localhost",
        "LocalHost",
        "localhost.",
        "crm.localhost",
        ".localhost",
        "/run/crm.sock",
        "\0crm",
    ],
)
def test_loopback(name: str) -> None:
    assert exposure.is_loopback(name)
    assert exposure.reachable_because(**{**ALONE, "host": name, "allowed_hosts": [name], "listening": name}) == ""


@pytest.mark.parametrize(
    "name",
    [
        "0.0.0.0",
        "::",
        "192.168.1.4",
        "128.0.0.1",
        "126.255.255.255",
        "::ffff:192.168.1.4",
        "fe80::1",
        "crm.example.com",
        "localhost.example.com",
        "notlocalhost",
        ".example.com",
        "*",
        "office",
    ],
)
def test_other_names_and_addresses(name: str) -> None:
    assert not exposure.is_loopback(name)
    assert name in exposure.reachable_because(**{**ALONE, "host": name})
    assert name in exposure.reachable_because(**{**ALONE, "allowed_hosts": ["localhost", name]})
    assert name in exposure.reachable_because(**{**ALONE, "listening": name})


@pytest.mark.parametrize(
    ("change", "through"),
    [({"https": True}, "HTTPS=true"), ({"trusted_proxies": ["127.0.0.1"]}, "TRUSTED_PROXIES")],
)
def test_a_proxy_in_front(change: dict[str, Any], through: str) -> None:
    assert exposure.reachable_because(**{**ALONE, **change}) == through


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"weak_keys": ["SECRET_KEY"]}, '"SECRET_KEY"'),
        ({"weak_keys": ["SECRET_KEY_FALLBACKS"]}, '"SECRET_KEY_FALLBACKS"'),
        ({"debug": True}, '"DEBUG"'),
        ({"registration_set": False}, '"REGISTRATION_OPEN"'),
    ],
)
def test_what_stops_the_start_of_a_server_that_others_reach(change: dict[str, Any], variable: str) -> None:
    refusal = exposure.unsafe_setting("HOST=0.0.0.0", **{**FINE, **change})
    assert variable in refusal
    assert "HOST=0.0.0.0" in refusal
    assert exposure.unsafe_setting("", **{**FINE, **change}) == ""
    assert exposure.unsafe_setting("HOST=0.0.0.0", **FINE) == ""


def test_origins_left_over_from_development() -> None:
    left = ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:3000"]
    origins = [*left, "https://localhost:5173", "http://app.example.com", "https://app.example.com", "app://localhost"]
    assert exposure.insecure_origins(True, origins) == left
    assert exposure.insecure_origins(False, origins) == []
