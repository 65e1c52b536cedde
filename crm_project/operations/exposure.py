"""Whether other machines can reach the server, and the requirements if they can. Pure functions.

``settings.py`` calls them at every start; ``manage.py serve`` calls them again with the address that it listens on.
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


def is_loopback(name: str) -> bool:
    """Return whether a host name, IP address or path of a Unix socket is reachable from this machine only."""
    name = name.strip().strip("[]").rstrip(".").lower()
    if name.startswith(("/", "\0")) or name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback


def reachable_because(
    *, host: str, https: bool, trusted_proxies: Collection[object], allowed_hosts: Iterable[str], listening: str = ""
) -> str:
    """Return why other machines can reach the server, such as ``HOST=0.0.0.0``, or "".

    A proxy on this machine makes a loopback server reachable. ``HTTPS``, ``TRUSTED_PROXIES`` or a public name in
    ``ALLOWED_HOSTS`` shows that there is one. ``listening`` is the address in use, if it is known.
    """
    if not is_loopback(host):
        return f"HOST={host}"
    if listening and not is_loopback(listening):
        return f"it listens on {listening}"
    if https:
        return "HTTPS=true"
    if trusted_proxies:
        return "TRUSTED_PROXIES"
    public = [name for name in allowed_hosts if not is_loopback(name)]
    return f"ALLOWED_HOSTS={public[0]}" if public else ""


def unsafe_setting(reason: str, *, weak_keys: Collection[str], debug: bool, registration_set: bool) -> str:
    """Return the error of a setting that is unsafe on a reachable server, or "". ``reason`` is why it is reachable."""
    if not reason:
        return ""
    reachable = f"other machines can reach this server ({reason})"
    for name in weak_keys:
        return (
            f'Environment variable "{name}" invalid: it is short, well known or easily guessed, and {reachable}. '
            "`make secret` prints a secure one."
        )
    if debug:
        return (
            f'Environment variable "DEBUG" invalid: DEBUG=true shows source code and settings to anybody who causes an '
            f"error, and {reachable}."
        )
    if not registration_set:
        return (
            f'Environment variable "REGISTRATION_OPEN" missing: {reachable}, so set who may create an account with '
            "POST /api/users/register. REGISTRATION_OPEN=false: nobody; approval: anybody, and a manager activates "
            "each account; true: anybody."
        )
    return ""


def insecure_origins(https: bool, origins: Iterable[str]) -> list[str]:
    """Return the loopback origins without TLS, such as those of development, if the server requires TLS."""
    parsed = [(origin, urlsplit(origin)) for origin in origins if https]
    return [origin for origin, url in parsed if url.scheme == "http" and is_loopback(url.hostname or "")]
