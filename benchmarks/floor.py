"""The least that a list of leads can cost in Python: no framework, no rules, no log; the same SQL for the same JSON.

``granian --interface wsgi benchmarks.floor:application`` with ``DATABASE_URL``. Tokens are verified, but nobody is
looked up: what our server costs beyond this is what the framework and the per-request user check cost.
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
MOMENTS = {"created_at", "updated_at"}
COLUMNS = ", ".join(iso_sql(name, "postgresql") if name in MOMENTS else name for name in OUT)
LIST = f"SELECT {COLUMNS} FROM leads_lead WHERE is_active ORDER BY leads_lead.created_at DESC, id DESC LIMIT "
own = local()


def cursor() -> Any:
    """This thread's, of a connection that prepares every statement."""
    if not hasattr(own, "cursor"):
        connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
        own.cursor = connection.cursor(binary=True)
    return own.cursor


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """A page of leads for any request with a good token."""
    jwt.decode(environ["HTTP_AUTHORIZATION"].partition(" ")[2], SECRET, algorithms=["HS256"])
    size = re.search(r"size=(\d+)", environ["QUERY_STRING"])
    rows = cursor().execute(LIST + (size[1] if size else "10")).fetchall()
    body = orjson.dumps([dict(zip(OUT, row, strict=True)) for row in rows])
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
