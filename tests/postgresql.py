"""Check for a PostgreSQL server at ``DATABASE_URL``; the result is the exit code of ``python -m tests.postgresql``."""

import os
import sys
from urllib.parse import urlsplit

import psycopg


def answers(url: str) -> bool:
    """Return whether a login is possible. The database need not exist."""
    try:
        psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(not answers(os.environ["DATABASE_URL"]))
