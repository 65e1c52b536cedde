"""The minimal cost of a list of leads in Python: the same SQL and JSON, without framework, validation and log.

``granian --interface wsgi benchmarks.floor:application`` with ``DATABASE_URL``. Tokens are verified, but users are
not read: the difference to our server is the cost of the framework and of reading the user.
"""

import os
import re
from collections.abc import Callable
from threading import local
from typing import Any

import jwt
import orjson
import psycopg

from benchmarks.servers import SECRET
from crm_project.http.timestamps import iso_sql

OUT = [
    "id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "status",
    "source",
    "budget_min",
    "budget_max",
    "property_interest",
    "is_active",
    "created_at",
    "updated_at",
    "activity_count",
]
TIMESTAMPS = {"created_at", "updated_at"}
COLUMNS = ", ".join(iso_sql(name, "postgresql") if name in TIMESTAMPS else name for name in OUT)
LIST = f"SELECT {COLUMNS} FROM leads_lead WHERE is_active ORDER BY leads_lead.created_at DESC, id DESC LIMIT "
thread_data = local()


def cursor() -> Any:
    """Return the cursor of this thread, on a connection that prepares every statement."""
    if not hasattr(thread_data, "cursor"):
        connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
        thread_data.cursor = connection.cursor(binary=True)
    return thread_data.cursor


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Return a page of leads for any request with a valid token."""
    jwt.decode(environ["HTTP_AUTHORIZATION"].partition(" ")[2], SECRET, algorithms=["HS256"])
    size = re.search(r"size=(\d+)", environ["QUERY_STRING"])
    rows = cursor().execute(LIST + (size[1] if size else "10")).fetchall()
    body = orjson.dumps([dict(zip(OUT, row, strict=True)) for row in rows])
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
