"""Errors of the API are JSON, in one of two formats."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import orjson
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse
from pytest_django import Settings

from leads.models import Lead
from leads.querysets import LeadQuerySet
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import lead_row, make_lead
from users.models import User

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def assert_sentence(reply: HttpResponse, status: int) -> str:
    """Return the message of a response."""
    assert reply.status_code == status, reply.content[:500]
    assert reply["Content-Type"] == JSON
    body = reply.json()
    assert list(body) == ["detail"]
    assert isinstance(body["detail"], str)
    assert body["detail"]
    return str(body["detail"])


def test_an_unknown_path_is_a_404(anonymous: Api, case: Case) -> None:
    for method, path in product(
        ["GET", "POST", "DELETE"],
        ["/api", "/api/", "/api/nope", "/api/leads/1/nope", "/api/leads//", "/api//leads", "/api/leads/1/2/3", "/nope"],
    ):
        with case(method, path):
            assert assert_sentence(anonymous.send(method, path), 404) == "Not Found"


def test_a_wrong_method_is_a_405_that_names_the_right_ones(anonymous: Api, case: Case) -> None:
    for path, served in [
        ("/api/users/register", {"POST"}),
        ("/api/users/token", {"POST"}),
        ("/api/users/login", {"POST"}),
        ("/api/users/me", {"GET", "HEAD", "PATCH"}),
        ("/api/leads", {"GET", "HEAD", "POST", "PATCH", "DELETE"}),
        ("/api/leads/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE"}),
        ("/api/leads/1/activities", {"GET", "HEAD", "POST"}),
        ("/api/dashboard", {"GET", "HEAD"}),
        ("/", {"GET", "HEAD"}),
    ]:
        with case(path, served):
            anonymous.client.handler.enforce_csrf_checks = True  # as for any stranger
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - served:
                reply = anonymous.send(method, path)
                assert_sentence(reply, 405)
                assert {name.strip() for name in reply["Allow"].split(",")} == served


def test_an_unsupported_content_type_is_a_415(api: Api, case: Case) -> None:
    for (method, path), content_type in product(
        [
            ("POST", "/api/leads"),
            ("PUT", "/api/leads/1"),
            ("POST", "/api/leads/1/activities"),
            ("POST", "/api/users/register"),
        ],
        ["text/plain", "application/xml", "text/json", FORM, "multipart/form-data; boundary=x"],
    ):
        with case(method, path, content_type):
            assert_sentence(api.send(method, path, b"{}", content_type), 415)


def test_json_by_any_of_its_names(api: Api, case: Case) -> None:
    for content_type in [
        JSON,
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        "application/vnd.api+json",
        "",
    ]:
        with case(content_type):
            api.send(
                "POST", "/api/leads", b'{"first_name":"\xc3\xa9","last_name":"","email":"","phone":""}', content_type
            )
            assert Lead.objects.get().first_name == "é"


def test_replies_are_json_whatever_accept_asks_for(api: Api, case: Case) -> None:
    for accept in ["text/html", "application/xml", "image/*", "", "nonsense"]:
        with case(accept):
            reply = api.client.get("/api/leads", headers={"Accept": accept})
            assert (reply.status_code, reply["Content-Type"], reply.json()) == (200, JSON, [])


MALFORMED = [
    (b"{", 1),
    (b'{"a":1,}', 6),
    (b'{"a" 1}', 5),
    (b'{"a":NaN}', 5),
    (b'{"a":Infinity}', 5),
    (b'{"a":1e400}', 5),
    (b'{"a":1}}', 7),
    (b"{'a':1}", 1),
    (b"username=a", 0),
]


def test_malformed_json_is_a_422_at_its_position(api: Api, case: Case) -> None:
    for (method, path), (body, position) in product(
        [("POST", "/api/leads"), ("PATCH", "/api/leads/1"), ("POST", "/api/leads/1/activities")], MALFORMED
    ):
        with case(method, path, body, position):
            reply = api.send(method, path, body)
            assert refused(reply) == [("json_invalid", ["body", position])]
            assert reply.json()["detail"][0]["msg"].startswith("JSON decode error")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/leads"), ("PUT", "/api/leads/1"), ("POST", "/api/leads/1/activities")]
)
def test_an_empty_body_is_a_422(api: Api, method: str, path: str) -> None:
    assert refused(api.send(method, path)) == [("missing", ["body"])]
    ((type, loc),) = refused(api.send(method, path, b" \n"))
    assert (type, loc[0]) == ("json_invalid", "body")


def test_json_of_the_wrong_kind_is_a_422(api: Api, case: Case) -> None:
    for (method, path), body in product(
        [
            ("POST", "/api/leads"),
            ("PUT", "/api/leads/1"),
            ("POST", "/api/leads/1/activities"),
            ("POST", "/api/users/login"),
        ],
        [b"1", b"1.5", b'"text"', b"null", b"true"],
    ):
        with case(method, path, body):
            assert refused(api.send(method, path, body)) == [("model_attributes_type", ["body"])]


def test_rows_of_the_wrong_kind_are_422s_at_their_index(api: Api) -> None:
    reply = api.post("/api/leads", [lead_row(), 1, None, [], "x", lead_row()])
    assert refused(reply) == [("model_attributes_type", ["body", index]) for index in (1, 2, 3, 4)]
    assert not Lead.objects.exists()


def test_a_list_for_one_lead_is_a_422(api: Api) -> None:
    assert refused(api.put("/api/leads/1", [{}])) == [("model_attributes_type", ["body"])]


def test_a_422_shows_what_was_refused(api: Api) -> None:
    (problem,) = api.post("/api/leads", lead_row(budget_min="many")).json()["detail"]
    assert problem == {
        "type": "int_parsing",
        "loc": ["body", "budget_min"],
        "msg": "Input should be a valid integer, unable to parse string as an integer",
        "input": "many",
    }


def test_a_huge_refused_value_is_not_sent_back_whole(api: Api) -> None:
    reply = api.post("/api/leads", lead_row(first_name="x" * 10**6, phone=["x" * 10**6], status={"x": "y" * 10**6}))
    assert len(refused(reply)) == 3
    assert len(reply.content) < 10_000


def test_a_response_has_at_most_100_errors_and_the_number_of_the_others(api: Api, case: Case) -> None:
    for bad, shown in [(99, 99), (100, 100), (101, 101), (102, 101), (250, 101)]:
        with case(bad, shown):
            problems = refused(api.post("/api/leads", [lead_row(email="x") for _ in range(bad)]))
            assert problems[:100] == [("value_error", ["body", index, "email"]) for index in range(min(bad, 100))]
            assert len(problems) == shown


def test_the_count_of_the_rest_is_right(api: Api) -> None:
    detail = api.post("/api/leads", [{}] * 50).json()["detail"]  # four missing fields a row
    assert len(detail) == 101
    assert detail[-1]["loc"] == ["body"]
    assert detail[-1]["msg"].split()[0] == "100"
    (one,) = api.post("/api/leads", [lead_row(email="x")] * 101).json()["detail"][100:]
    assert one["msg"].startswith("1 more problem ")


def test_too_many_rows_are_a_413(api: Api, settings: Settings) -> None:
    settings.BULK_MAX_ROWS = 3
    assert "3" in assert_sentence(api.post("/api/leads", [lead_row() for _ in range(4)]), 413)
    assert not Lead.objects.exists()
    assert api.post("/api/leads", [lead_row() for _ in range(3)]).status_code == 201


BIG_FORM = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n' + b"a" * 3000 + b"\r\n--x--\r\n"


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/api/leads", JSON, b"[" + b" " * 3000 + b"]"),
        ("/api/users/login", JSON, b"{" + b" " * 3000 + b"}"),
        ("/api/users/token", FORM, b"a" * 3000),
        ("/api/users/token", "multipart/form-data; boundary=x", BIG_FORM),
    ],
)
def test_too_large_a_body_is_a_413(api: Api, settings: Settings, path: str, content_type: str, body: bytes) -> None:
    settings.BODY_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    assert "2000" in assert_sentence(api.send("POST", path, body, content_type), 413)


@pytest.mark.parametrize("body", [[], b"[ ]"])
def test_an_empty_list_is_a_400(api: Api, body: Any) -> None:
    for path in ("/api/leads", f"/api/leads/{make_lead().pk}/activities"):
        assert_sentence(api.post(path, body), 400)


def broken(*args: Any, **options: Any) -> Any:
    """Raise an exception with a confidential message."""
    raise RuntimeError("secret-inside at /srv/app/leads/querysets.py")


def test_an_unexpected_exception_is_a_500_without_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeadQuerySet, "update_lead", broken)
    for reply in (api.put("/api/leads/1", {}), api.delete("/api/leads/1/")):
        assert assert_sentence(reply, 500) == "Internal Server Error"
        assert b"secret-inside" not in reply.content + str(reply.headers).encode()


@contextmanager
def database(error: Callable[[], Exception]) -> Iterator[None]:
    """Make every statement of the database fail."""

    def fail(*_: Any) -> Any:
        raise error()

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_a_503(api: Api, agent: User, error: type[Exception]) -> None:
    with database(lambda: error("connection to 10.1.2.3 failed for user crm")):
        for reply in (
            api.get("/api/leads"),
            api.post("/api/leads", lead_row()),
            api.get("/api/users/me"),
            api.post("/api/users/login", {"username": agent.username, "password": "x"}),
        ):
            assert "10.1.2.3" not in assert_sentence(reply, 503)
            assert int(reply["Retry-After"]) > 0
    assert api.get("/api/leads").status_code == 200


def test_the_health_check_asks_nothing_of_the_database(anonymous: Api) -> None:
    with database(OperationalError):
        assert anonymous.get("/").json() == {"status": "ok"}


def test_a_byte_order_mark_is_no_error(api: Api) -> None:
    body = b"\xef\xbb\xbf" + orjson.dumps(lead_row())
    assert api.send("POST", "/api/leads", body).status_code == 201
