"""A first load on PostgreSQL: the indexes are there again at its end, or were never away."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from leads.importing.first_load import BUILT_AT_THE_END
from leads.models import Lead
from tests.importing.test_import_processes import big_csv

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has its indexes all the time"),
]


def indexes() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'leads_lead'")
        return dict(cursor.fetchall())


@pytest.mark.parametrize("duplicates", ["create", "skip"])
def test_a_large_one_builds_all_indexes_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, duplicates: str) -> None:
    monkeypatch.setattr("leads.importing.first_load.WORTH_IT", 0)
    before = indexes()
    assert "gin_trgm_ops" in before["leads_search"]
    assert before.keys() >= BUILT_AT_THE_END
    call_command("import_leads", str(big_csv(tmp_path / "leads.csv", 30)), on_duplicate=duplicates, verbosity=0)
    assert indexes() == before
    assert Lead.objects.count() == 30


def test_a_small_one_leaves_them_alone(tmp_path: Path, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(60) as run:
        call_command("import_leads", str(big_csv(tmp_path / "leads.csv", 30)), verbosity=0)
    assert not [query for query in run.captured_queries if "DROP INDEX" in query["sql"]]
    assert Lead.objects.count() == 30
