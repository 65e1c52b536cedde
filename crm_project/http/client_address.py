"""The IP address of a request's client, for limits and logs."""

import logging
from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

from crm_project.validation import UNKNOWN_ADDRESS

logger = logging.getLogger(__name__)

CUSTOMER_PREFIX = 64  # bits of an IPv6 address that identify a customer, who can choose the others

Address = IPv4Address | IPv6Address


def client_address(request: HttpRequest) -> str:
    """Return the client's IPv4 address, or the first address of its IPv6 /64, or ``UNKNOWN_ADDRESS``.

    ``X-Forwarded-For`` is read from the right while the addresses are those of ``TRUSTED_PROXIES``. Addresses left of
    the first other one may be forged.

    If a trusted proxy sends an unreadable header, the client is ``UNKNOWN_ADDRESS`` and not the proxy: otherwise a
    client could choose the proxy's limits in addition to its own. All such clients share strict limits. Without the
    header, the client is the proxy itself.
    """
    address = _client(request)
    return UNKNOWN_ADDRESS if address is None else _customer_address(address)


def is_within(request: HttpRequest, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Return whether the client's address is known and in one of ``networks``.

    ``X-Forwarded-For`` from an address that is not in ``TRUSTED_PROXIES`` comes from a proxy whose clients are unknown.
    """
    peer, address = _parse(request.META.get("REMOTE_ADDR", "")), _client(request)
    if address is None or ("HTTP_X_FORWARDED_FOR" in request.META and not (peer and _is_trusted(peer))):
        return False
    return any(address in network for network in networks)


def _client(request: HttpRequest) -> Address | None:
    hop = _parse(request.META.get("REMOTE_ADDR", ""))
    forwarded: str | None = request.META.get("HTTP_X_FORWARDED_FOR")
    if hop is None or forwarded is None:
        return hop
    if not _is_trusted(hop):
        _warn_of_untrusted_header()
    for text in reversed(forwarded.split(",")):
        if not _is_trusted(hop):
            break
        hop = _parse(text)
        if hop is None:
            return None
    return hop


def _parse(text: str) -> Address | None:
    """Return an address in the formats of proxies: plain, with a port, in brackets, or with a zone."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_NETWORKS)


def _customer_address(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, CUSTOMER_PREFIX), strict=False).network_address)


@cache
def _warn_of_untrusted_header() -> None:
    """Log a warning once in a process: anybody can send the header, or a proxy is missing from the settings."""
    logger.warning(
        "X-Forwarded-For came from an address that is not in TRUSTED_PROXIES, and was ignored. "
        "If it is a proxy, add it: until then all its clients count as one address."
    )
