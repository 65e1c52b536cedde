"""A server with low limits, for tests of rejected requests."""

from collections.abc import Iterator

import pytest

from tests.live import LiveServer, serving


@pytest.fixture(scope="package")
def strict_server() -> Iterator[LiveServer]:
    """Yield a server that accepts bodies of at most 4 KiB."""
    with serving(BODY_MAX_BYTES="4096") as running:
        yield running
