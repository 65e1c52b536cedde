"""Statements that PostgreSQL plans once for each connection: planning the hot reads takes it longer than running them.

Django binds values on the client's side, so that each statement is a new one to PostgreSQL; psycopg's own prepared
statements cost Python what they save. Both layers are passed by here, for statements that are run on every request.
"""

from collections.abc import Generator, Sequence
from datetime import date
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from psycopg import DataError, OperationalError, errors, generators
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from crm_project.postgresql.base import Connection

Row = tuple[Any, ...]
Read = tuple[str, Sequence[Any]]  # a statement and its values
Answer = list[Row] | errors.QueryCanceled | None

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

    def fetch(self, statement: str, values: Sequence[Any]) -> list[Row]:
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

    def fetch_together(self, reads: Sequence[Read]) -> tuple[list[Row], list[Answer]]:
        """The rows of several statements, asked for at once: each by itself, as if one after the other.

        The first fails as in ``fetch``. Of another there is ``None`` where it fails: whoever wants it asks again. Where
        its time was over, there is that error: asked again, it would take as long once more.
        """
        first, *_ = reads
        pgconn = self.connection.pgconn
        if not self.connection.autocommit or pgconn.transaction_status != TransactionStatus.IDLE:
            return self.fetch(*first), [None for _ in reads[1:]]
        if self.given_up:
            raise Unprepared
        try:
            try:
                given = [[text_of(value) for value in values] for _, values in reads]
                names = [self.names.get(statement) or self._prepare(statement) for statement, _ in reads]
            except (DataError, errors.ProgrammingError):  # of whichever: it is told where that one is fetched
                return self.fetch(*first), [None for _ in reads[1:]]
            results = self._together(list(zip(names, given, strict=True)))
            if (found := results[0]).status == ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(found, encoding="utf-8")
        except LOST:
            self.given_up = True
            raise Unprepared from None
        rows, *others = (self._load(name, result) for name, result in zip(names, results, strict=True))
        return rows or [], [_canceled(result) or found for found, result in zip(others, results[1:], strict=True)]

    def _together(self, asked: Sequence[tuple[bytes, list[bytes | None]]]) -> list[Any]:
        pgconn = self.connection.pgconn
        pgconn.enter_pipeline_mode()
        try:
            for name, given in asked:
                pgconn.send_query_prepared(name, given)
                pgconn.pipeline_sync()  # its own transaction, and one that fails does not end the others
            results = [self.connection.wait(_next_result(pgconn)) for _ in asked]  # each in a time of its own
        except BaseException:
            pgconn.finish()  # answers that come later would be taken for the next query's
            raise
        pgconn.exit_pipeline_mode()
        return results

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

    def _rows(self, name: bytes) -> list[Row]:
        return self._load(name, self._result()) or []

    def _load(self, name: bytes, result: Any) -> list[Row] | None:
        """The rows of a result; ``None`` of a statement that failed."""
        if result.status == ExecStatus.FATAL_ERROR:
            return None
        # PostgreSQL lets no column of a prepared statement change, so how each is read is found out once.
        reader = self.readers.get(name)
        if reader is None:
            reader = self.readers[name] = Transformer(self.connection)
            reader.set_pgresult(result)
        else:
            reader.set_pgresult(result, set_loaders=False)
        rows: list[Row] = reader.load_rows(0, result.ntuples, tuple)
        reader.set_pgresult(None, set_loaders=False)  # for the memory
        return rows

    def _result(self) -> Any:
        results = self.connection.wait(generators.execute(self.connection.pgconn))
        result = results[-1]
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result, encoding="utf-8")
        return result


def _next_result(pgconn: Any) -> Generator[Any, Any, Any]:
    """The result of the next statement, which ends in a sync."""
    *_, result = yield from generators.fetch_many(pgconn)
    yield from generators.fetch_many(pgconn)  # its sync
    return result


def _canceled(result: Any) -> errors.QueryCanceled | None:
    """The error of a statement that PostgreSQL gave up, mostly for the time it took."""
    if result.status != ExecStatus.FATAL_ERROR:
        return None
    error = errors.error_from_result(result, encoding="utf-8")
    return error if isinstance(error, errors.QueryCanceled) else None
