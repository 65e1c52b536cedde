"""Statements that PostgreSQL plans once for each connection: planning the hot reads takes it longer than running them.

Django binds values on the client's side, so that each statement is a new one to PostgreSQL; psycopg's own prepared
statements cost Python what they save. Both layers are passed by here, for statements that are run on every request.
"""

from collections.abc import Sequence
from datetime import date
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from psycopg import DataError, OperationalError, errors, generators
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from crm_project.postgresql.base import Connection

MOST = 50  # statements of one connection; each holds some kilobytes in PostgreSQL
# A pooler that gives each transaction another connection (unknown or twice prepared), a table that was altered.
LOST = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.FeatureNotSupported)


def text_of(value: str | int | date | None) -> bytes | None:
    """A text, number, truth, day, moment or nothing as PostgreSQL reads it in a place of that type."""
    if value is None:
        return None
    text = str(value).encode()
    if b"\0" in text:  # where C would end the text
        raise DataError("PostgreSQL's texts hold no NUL")
    return text


class Unprepared(Exception):
    """This connection runs the statement the usual way."""


class Prepared:
    """The statements that are prepared on one connection."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.names: dict[str, bytes] = {}
        self.readers: dict[bytes, Any] = {}  # a Transformer for each, which knows how its columns are read
        self.given_up = False

    def fetch(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of ``statement``, whose places are ``%s``, for these ``values`` (see ``text_of``).

        Raises psycopg's errors, and ``Unprepared`` where it is not to be run here: too many others are, or the
        connection has lost them.
        """
        if self.given_up:
            raise Unprepared
        given = [text_of(value) for value in values]
        self._begin()
        try:
            name = self.names.get(statement) or self._prepare(statement)
            self.connection.pgconn.send_query_prepared(name, given)
            return self._rows(name)
        except LOST:
            self.given_up = True
            if self.connection.pgconn.transaction_status == TransactionStatus.INERROR:
                raise OperationalError("the connection has lost its prepared statements; try again") from None
            raise Unprepared from None

    def _begin(self) -> None:
        """Begin the transaction that the connection is to be in: psycopg does it before the first statement."""
        if not self.connection.autocommit and self.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self.connection.wait(self.connection._start_query())

    def _prepare(self, statement: str) -> bytes:
        if len(self.names) >= MOST:
            raise Unprepared
        # Named after the text, so that a name means one statement whoever prepared it.
        name = b"crm_" + blake2b(statement.encode(), digest_size=12).hexdigest().encode()
        first, *rest = statement.split("%s")
        text = first + "".join(f"${place}{part}" for place, part in enumerate(rest, 1))
        self.connection.pgconn.send_prepare(name, text.encode())
        self._result()
        self.names[statement] = name
        return name

    def _rows(self, name: bytes) -> list[tuple[Any, ...]]:
        result = self._result()
        # PostgreSQL lets no column of a prepared statement change, so how each is read is found out once.
        reader = self.readers.get(name)
        if reader is None:
            reader = self.readers[name] = Transformer(self.connection)
            reader.set_pgresult(result)
        else:
            reader.set_pgresult(result, set_loaders=False)
        rows = reader.load_rows(0, result.ntuples, tuple)
        reader.set_pgresult(None, set_loaders=False)  # for the memory
        return rows

    def _result(self) -> Any:
        results = self.connection.wait(generators.execute(self.connection.pgconn))
        result = results[-1]
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding="utf-8")
        return result
