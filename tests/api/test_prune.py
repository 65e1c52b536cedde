"""``manage.py prune`` deletes expired data and no other."""

from datetime import timedelta
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from crm_project.http import retention
from crm_project.http.models import IdempotencyKey
from tests.conftest import Api
from tests.factories import lead_row

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def prune(**options: Any) -> str:
    """Return the output of the command."""
    printed = StringIO()
    call_command("prune", stdout=printed, **options)
    return printed.getvalue()


def stored(key: str) -> str:
    """Return the stored form of a key."""
    return sha256(key.encode()).hexdigest()


def keep(api: Api, key: str, age: timedelta) -> None:
    """Store a response of that age."""
    headers = {"Idempotency-Key": key}
    reply = api.client.post("/api/leads", lead_row(), content_type="application/json", headers=headers)
    assert reply.status_code == 201
    IdempotencyKey.objects.filter(key=stored(key)).update(created_at=timezone.now() - age)


def test_responses_are_stored_for_a_day(api: Api) -> None:
    keep(api, "old", 24 * HOUR)
    keep(api, "young", 23 * HOUR)
    assert "idempotency keys: 1 deleted\n" in prune()
    assert IdempotencyKey.objects.get().key == stored("young")
    assert "idempotency keys: 0 deleted\n" in prune()


def test_sessions_that_are_over(db: None) -> None:
    now = timezone.now()
    for name, end in (("over", now - HOUR), ("open", now + HOUR)):
        Session.objects.create(session_key=name, session_data="", expire_date=end)
    assert "sessions of earlier versions: 1 deleted\n" in prune()
    assert Session.objects.get().session_key == "open"


def test_many_go_in_batches(api: Api, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    for number in range(5):
        keep(api, str(number), 25 * HOUR)
    monkeypatch.setattr(retention, "BATCH", 2)
    # Three batches of a look and a deletion, and the last look, which finds nothing.
    with django_assert_num_queries(7):
        assert retention.EXPIRING["idempotency keys"](timezone.now()) == 5
    assert not IdempotencyKey.objects.exists()


def test_verbosity_0_prints_nothing(db: None) -> None:
    assert prune(verbosity=0) == ""


def test_every_app_s_expiring_things_are_pruned(db: None) -> None:
    kinds = [line.rpartition(":")[0] for line in prune().splitlines()]
    assert {"idempotency keys", "sessions of the back office", "refresh tokens"} <= set(kinds)
