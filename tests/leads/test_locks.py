"""What several writers of the same leads wait for: rows, in the order of their ids."""

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from crm_project.db import locks
from crm_project.db.locks import Lock
from leads.models import Lead
from tests.factories import make_lead

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.DATABASE_URL.startswith("sqlite"), reason="SQLite locks the whole database"),
]

GRAB = "SELECT id FROM leads_lead WHERE id = %s FOR UPDATE NOWAIT"


def test_a_lock_is_free_at_the_end_of_its_block() -> None:
    for _ in range(20):
        with locks.lock_for_block(connection, Lock.READING_FILE):
            assert locks.would_wait(Lock.READING_FILE)
        assert not locks.would_wait(Lock.READING_FILE)


def test_leads_whose_keys_are_looked_up_stay_as_they_are_until_the_end() -> None:
    ann, bo, other = make_lead(email="Ann@x.co"), make_lead(email="bo@x.co"), make_lead()
    given = connection.get_connection_params()
    address = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if given.get(name)}
    with psycopg.connect(**address, autocommit=True) as somebody:
        with transaction.atomic():
            assert Lead.objects.locked_keys([bo.pk, ann.pk]) == {ann.pk: "ann@x.co", bo.pk: "bo@x.co"}
            for lead in (ann, bo):
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    somebody.execute(GRAB, [lead.pk])
            assert somebody.execute(GRAB, [other.pk]).fetchone() == (other.pk,)
        assert somebody.execute(GRAB, [ann.pk]).fetchone() == (ann.pk,)
