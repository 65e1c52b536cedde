"""Where a request comes from: the one address that limits and the log go by."""

import logging
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

from crm_project.validation import UNKNOWN_ADDRESS

logger = logging.getLogger(__name__)

CUSTOMER = 64  # bits of an IPv6 address that one customer's lines share; the rest they choose as they like

Address = IPv4Address | IPv6Address


def client_address(request: HttpRequest) -> str:
    """The client's IPv4 address, or the first one of its IPv6 /64; ``UNKNOWN_ADDRESS`` where there is none to be read.

    ``X-Forwarded-For`` is read from the right, as far as ``TRUSTED_PROXIES`` reach: each of them wrote down whom it
    was called by, and what stands left of the first stranger is that stranger's own invention.

    Where a trusted proxy sends a header that cannot be read, the client is ``UNKNOWN_ADDRESS``, and not the proxy: else
    a client could choose to have the proxy's limits beside its own. Clients without an address share one, with strict
    limits. Without the header, the request is the proxy's own.
    """
    hop = _parsed(request.META.get("REMOTE_ADDR", ""))
    if hop is None:
        return UNKNOWN_ADDRESS
    forwarded: str | None = request.META.get("HTTP_X_FORWARDED_FOR")
    if forwarded is None:
        return _grouped(hop)
    if not _trusted(hop):
        _tell_of_untrusted_header()
    for given in reversed(forwarded.split(",")):
        if not _trusted(hop):
            break
        if (before := _parsed(given)) is None:
            return UNKNOWN_ADDRESS
        hop = before
    return _grouped(hop)


def _parsed(text: str) -> Address | None:
    """An address as proxies write it: plain, with a port, in brackets, with a zone."""
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


def _trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_NETWORKS)


def _grouped(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, CUSTOMER), strict=False).network_address)


@cache
def _tell_of_untrusted_header() -> None:
    """Once in a process: anybody can send the header, but behind an unnamed proxy everybody has one address."""
    logger.warning(
        "X-Forwarded-For came from a machine that TRUSTED_PROXIES does not name, and was ignored. "
        "Behind a proxy, name it there: all its clients count as one address until then."
    )
