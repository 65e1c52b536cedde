"""The largest possible response: the activities of a lead at the limit of their text."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories import activity_row, lead_row
from tests.live import serving
from tests.server.test_worst_bodies import grown

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MAX = 120  # MB that four such replies at a time may take of a worker
NOTES = "x" * 19_999 + "😀"  # one such character makes Python keep four bytes for each
ROWS = 830  # with such notes; nearly 16 MB


def test_the_largest_reply_takes_little_memory() -> None:
    with serving(WORKERS="1") as server:
        headers = server.token()
        lead = server.send("POST", "/api/leads", lead_row(), headers).json()["id"]
        path = f"/api/leads/{lead}/activities"
        for _ in range(10):
            rows = [activity_row(notes=NOTES)] * (ROWS // 10)
            assert server.send("POST", path, rows, headers).status == 201
        assert server.send("POST", path, [activity_row(notes=NOTES)] * 20, headers).status == 409

        def read() -> int:
            with ThreadPoolExecutor(4) as pool:
                replies = list(pool.map(lambda _: server.send("GET", path, None, headers), range(4)))
            assert {len(reply.json()) for reply in replies} == {ROWS}
            return max(reply.status for reply in replies)

        status, megabytes = grown(server, read)
        assert status == 200
        assert megabytes < MAX
