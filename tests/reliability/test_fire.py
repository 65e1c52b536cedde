"""SQLite with many writers, a reader and an import. ``make torture`` does this longer, with measurements."""

from pathlib import Path

import pytest
from django.conf import settings

from tests.torture.fire import under_fire

pytestmark = pytest.mark.skipif(not settings.DATABASE_URL.startswith("sqlite"), reason="is about SQLite alone")


def test_no_lock_reaches_a_client_and_reads_go_on(tmp_path: Path) -> None:
    """The lock timeout is short, so that some writes get a 503; they must store nothing."""
    fire = under_fire(tmp_path, writers=8, rows=4000, wait="?timeout=0.2", WORKERS="2")
    assert fire.findings == []
    assert fire.reads_refused.total() == 0
    assert fire.imported == 4000
    assert fire.totals["acknowledged"] > 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()
