"""A lead that somebody else changes between being read and being written."""

from typing import Any

import pytest
from django.db import connection

from leads import write_sql
from leads.models import Lead, LeadChange
from leads.querysets import UNLOCKED_TRIES, VersionConflict
from tests.factories import SOMEBODY, make_lead

pytestmark = pytest.mark.django_db


@pytest.fixture
def meddle(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have somebody change the lead right after it was read, that many times."""

    def often(times: int) -> None:
        reading, left = write_sql.read, times

        def read(model: type[Lead], lead_id: int, active: bool, locked: bool) -> Lead:
            nonlocal left
            lead = reading(model, lead_id, active, locked)
            if left and not locked:
                left -= 1
                Lead.objects.filter(pk=lead_id).update(version=lead.version + 1, phone=f"number {left}")
            return lead

        monkeypatch.setattr(write_sql, "read", read)

    return often


@pytest.mark.parametrize("times", [1, UNLOCKED_TRIES, UNLOCKED_TRIES + 1])
def test_both_changes_survive(meddle: Any, times: int) -> None:
    lead = make_lead(phone="at first")
    meddle(times)
    changed = Lead.objects.update_lead(lead.pk, {"first_name": "Grace"}, SOMEBODY)
    stored = Lead.objects.get()
    assert (changed.version, changed.phone, changed.first_name) == (stored.version, stored.phone, "Grace")
    if connection.vendor == "postgresql":  # SQLite's transaction lets nobody in between
        assert stored.phone == f"number {max(0, times - UNLOCKED_TRIES)}"
    assert [entry.changes for entry in LeadChange.objects.filter(kind="changed")] == [{"first_name": ["Ada", "Grace"]}]


def test_who_asks_for_a_version_is_told(meddle: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's transaction lets nobody in between")
    lead = make_lead()
    meddle(1)
    with pytest.raises(VersionConflict):
        Lead.objects.update_lead(lead.pk, {"first_name": "Grace"}, SOMEBODY, versions=[1])
    assert Lead.objects.get().first_name == "Ada"
