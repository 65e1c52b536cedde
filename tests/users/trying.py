"""Logins from any IP address, and simulated time."""

from datetime import timedelta
from typing import Any

import orjson
from django.db.models import F
from django.http import HttpResponse
from django.test import Client

from users.throttle import LoginFailure

HERE = "203.0.113.7"
ELSEWHERE = "198.51.100.9"


def send(path: str, body: dict[str, Any], address: str = HERE, **headers: str) -> HttpResponse:
    """POST a JSON body from an address."""
    client = Client(REMOTE_ADDR=address, raise_request_exception=False)
    return client.post(path, orjson.dumps(body), content_type="application/json", headers=headers)


def log_in(username: str, password: str = "wrong password", address: str = HERE, **headers: str) -> HttpResponse:
    """Log in with JSON, by default with a wrong password."""
    return send("/api/users/login", {"username": username, "password": password}, address, **headers)


def token(username: str, password: str = "wrong password", address: str = HERE) -> HttpResponse:
    """Log in with OAuth2's form."""
    return Client(REMOTE_ADDR=address).post("/api/users/token", {"username": username, "password": password})


def admin(username: str, password: str = "wrong password", address: str = HERE) -> HttpResponse:
    """Log in to the back office."""
    form = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post("/admin/login/?next=/admin/", form)


def statuses(*replies: HttpResponse) -> list[int]:
    """Return the status codes."""
    return [reply.status_code for reply in replies]


def later(**passed: float) -> None:
    """Make every failure older by that much."""
    LoginFailure.objects.update(failed_at=F("failed_at") - timedelta(**passed))
