"""A first load of leads without most indexes, which are built once at its end."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from django.db import OperationalError, connection, models, transaction

from crm_project.db.deadline import COMMAND_TIMEOUT
from leads.models import Lead

# Bytes of files, some 250,000 rows. Up to there an import with the indexes in place was as fast or faster: 27 and 66
# seconds instead of 33 and 84, measured by turns on a machine with more and less other load.
WORTH_IT = 20_000_000
# The others stay: they get few entries or none, or each new one at their end, which costs no more than to build them.
# PostgreSQL waits for rows at that time anyway.
BUILT_AT_THE_END = frozenset(
    (
        "leads_newest",
        "leads_unowned",
        "leads_by_status",
        "leads_by_source",
        "leads_named",
        "leads_closed",
        "leads_higher_budget",
        "leads_lower_budget",
        "leads_email_key",
        "leads_person_key",
        "leads_search",
    )
)


def is_first_load(size: int) -> bool:
    """Return whether files of that many bytes are better loaded into a table without indexes."""
    return size >= WORTH_IT and connection.vendor == "postgresql" and not Lead.objects.exists()


@contextmanager
def first_load(wanted: bool, keep: Collection[str] = ()) -> Iterator[None]:
    """Drop most indexes of an empty table (except those in ``keep``), and build each once at the end, which is faster.

    On PostgreSQL only, and only if no other transaction uses the table: dropping an index locks it exclusively. On
    SQLite it takes longer than it saves.
    """
    indexes = [index for index in Lead._meta.indexes if index.name in BUILT_AT_THE_END.difference(keep)]
    if not wanted or not _dropped(indexes):
        yield
        return
    yield
    editor = connection.schema_editor()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no index is built while foreign keys are yet to be checked
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for index in indexes:
            cursor.execute(str(index.create_sql(Lead, editor)))
        cursor.execute("ANALYZE leads_lead")  # or the first readers would be served by guesses, for a minute


def _dropped(indexes: Sequence[models.Index]) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            for index in indexes:
                cursor.execute(f'DROP INDEX IF EXISTS "{index.name}"')
            cursor.execute(f"SET LOCAL lock_timeout = {COMMAND_TIMEOUT:d}")
    except OperationalError:
        return False
    return True
