"""The forms of environment variables that environs does not know. Invalid ones raise ``ValueError`` with the reason.

Mail servers, storages and databases have modules of their own: ``email_url``, ``storage_url``, ``database_url``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.core.exceptions import ImproperlyConfigured


@contextmanager
def parsing(variable: str) -> Iterator[None]:
    """Turn a ``ValueError`` into ``ImproperlyConfigured`` with the variable's name."""
    try:
        yield
    except ValueError as error:
        raise ImproperlyConfigured(f'Environment variable "{variable}" invalid: {error}') from None


def items(text: str) -> list[str]:
    """Return the items of a list with commas between them, without empty ones."""
    return [item.strip() for item in text.split(",") if item.strip()]


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Return a list of IP addresses and networks; an address is a network of one."""
    return [ip_network(item) for item in items(text)]


def origins(text: str) -> list[str]:
    """Return a list of origins, such as ``https://app.example.com``."""
    parsed = [item.rstrip("/") for item in items(text)]
    for origin in parsed:
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/?#*\s]+", origin):
            raise ValueError(f"{origin!r} is not an origin such as https://app.example.com")
    return parsed


def host_names(text: str) -> list[str]:
    """Return a list of host names; ``.example.com`` is that name and all below it, ``*`` any name."""
    names = items(text)
    for name in names:
        if re.search(r"[/\s]|^[^:]+:\d+$", name) or ("*" in name and name != "*"):
            raise ValueError(
                f"{name!r} is not a host name such as crm.example.com, or .example.com with all names below it, "
                "without scheme and port"
            )
    return names


def header_names(text: str) -> list[str]:
    """Return a list of names of headers in lower case."""
    names = [item.lower() for item in items(text)]
    for name in names:
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name) or name == "*":
            raise ValueError(f"{name!r} is not the name of a header")
    return names


def site_url(text: str) -> str:
    """Return an address such as ``https://crm.example.com``, or ""."""
    url = text.rstrip("/")
    if url and not re.fullmatch(r"https?://[^/?#\s]+", url):
        raise ValueError(f"{url!r} is not an address such as https://crm.example.com")
    return url
