"""Whether other machines can reach the server, and what must hold where they can. Pure functions.

``settings.py`` asks at every start, whatever serves; ``manage.py serve`` asks again with the address that it really
listens on.
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


def is_loopback(name: str) -> bool:
    """Whether a host name, an address or the path of a Unix socket leads to this machine alone."""
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


def reachable_through(
    *, host: str, https: bool, trusted_proxies: Collection[object], allowed_hosts: Iterable[str], listening: str = ""
) -> str:
    """What makes the server reachable by other machines, such as ``HOST=0.0.0.0``; "" where nothing does.

    A proxy on this machine makes a server on loopback reachable, and says so by ``HTTPS``, ``TRUSTED_PROXIES`` or a
    public name in ``ALLOWED_HOSTS``. ``listening`` is the address in use, where it is known.
    """
    if not is_loopback(host):
        return f"HOST={host}"
    if listening and not is_loopback(listening):
        return f"the address {listening} that it listens on"
    if https:
        return "HTTPS=true"
    if trusted_proxies:
        return "TRUSTED_PROXIES"
    public = [name for name in allowed_hosts if not is_loopback(name)]
    return f"ALLOWED_HOSTS={public[0]}" if public else ""


def start_refusal(through: str, *, weak_keys: Collection[str], debug: bool, registration_set: bool) -> str:
    """Why a server that is reachable ``through`` something must not start, in a sentence; "" where it may."""
    if not through:
        return ""
    reached = f"other machines can reach this server ({through})"
    for name in weak_keys:
        return (
            f'Environment variable "{name}" invalid: it is short, well known or easily guessed, and {reached}. '
            "`make secret` prints a good one."
        )
    if debug:
        return (
            f'Environment variable "DEBUG" invalid: DEBUG=true shows source code and settings to whoever causes an '
            f"error, and {reached}."
        )
    if not registration_set:
        return (
            f'Environment variable "REGISTRATION_OPEN" missing: {reached}, so say who may make an account with '
            "POST /api/users/register. REGISTRATION_OPEN=false: nobody; approval: everybody, and a manager activates "
            "each account; true: everybody."
        )
    return ""


def insecure_origins(https: bool, origins: Iterable[str]) -> list[str]:
    """The CORS origins on this machine without TLS, of a server that is for TLS alone: left over from development."""
    parts = [(origin, urlsplit(origin)) for origin in origins if https]
    return [origin for origin, found in parts if found.scheme == "http" and is_loopback(found.hostname or "")]
