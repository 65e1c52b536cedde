"""POST /api/users/me/password."""

from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from tests.assertions import refused
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import PASSWORD, bearer, make_user
from tests.users.test_refresh import PAIR, me, renew, start
from tests.users.trying import ELSEWHERE, HERE, log_in, send, statuses
from users.models import User

pytestmark = pytest.mark.django_db

PATH = "/api/users/me/password"
NEW = "a new long password"


@pytest.fixture(autouse=True)
def zoe() -> User:
    """Return the user who changes the password."""
    return make_user(username="Zoë")


def change(headers: dict[str, str], current: Any = PASSWORD, new: Any = NEW, address: str = HERE) -> HttpResponse:
    return send(PATH, {"current_password": current, "new_password": new}, address, **headers)


def test_it_works(zoe: User) -> None:
    old = bearer(zoe)
    reply = change(old)
    assert reply.status_code == 200
    assert list(reply.json()) == ["access_token", "token_type"]
    assert me(reply.json()) == 200
    assert Api(old).get("/api/users/me").status_code == 401
    assert statuses(log_in("Zoë", PASSWORD), log_in("Zoë", NEW)) == [401, 200]


def test_all_other_tokens_end(zoe: User) -> None:
    desk, phone = start(), start()
    reply = change({"Authorization": f"Bearer {desk['access_token']}"})
    assert list(reply.json()) == PAIR
    assert [me(reply.json()), me(desk), me(phone)] == [200, 401, 401]
    assert statuses(renew(reply.json()), renew(desk), renew(phone)) == [200, 401, 401]


def test_a_wrong_current_password_is_a_403_and_changes_nothing(zoe: User) -> None:
    headers = bearer(zoe)
    reply = change(headers, "wrong password")
    assert reply.status_code == 403
    assert reply.json() == {"detail": "The current password is incorrect"}
    assert Api(headers).get("/api/users/me").status_code == 200
    assert log_in("Zoë", PASSWORD).status_code == 200


def test_guessing_the_current_password_is_limited_like_a_log_in(zoe: User) -> None:
    headers = bearer(zoe)
    assert statuses(*(change(headers, "wrong password") for _ in range(5))) == [403] * 5
    reply = change(headers)
    assert reply.status_code == 429
    assert 890 <= int(reply["Retry-After"]) <= 900
    assert log_in("Zoë", PASSWORD).status_code == 429
    assert change(headers, address=ELSEWHERE).status_code == 200


def test_errors_do_not_show_the_values(zoe: User, case: Case) -> None:
    for body, expected in [
        ({}, [("missing", ["body", "current_password"]), ("missing", ["body", "new_password"])]),
        (
            {"current_password": PASSWORD, "new_password": "s3cr3t!"},
            [("string_too_short", ["body", "new_password"])],
        ),
        (
            {"current_password": PASSWORD, "new_password": "s3cr3t!" * 600},
            [("string_too_long", ["body", "new_password"])],
        ),
        (
            {"current_password": ["s3cr3t!"], "new_password": "s3cr3t!\0xx"},
            [("string_type", ["body", "current_password"]), ("value_error", ["body", "new_password"])],
        ),
        (["s3cr3t!"], [("model_attributes_type", ["body"])]),
        ({"current": "s3cr3t!", "new_password": NEW}, [("missing", ["body", "current_password"])]),
    ]:
        with case(body, expected):
            reply = Api(bearer(zoe)).post(PATH, body)
            assert refused(reply) == expected
            assert b"s3cr3t!" not in reply.content
            assert log_in("Zoë", PASSWORD).status_code == 200


def test_spaces_count(zoe: User) -> None:
    assert change(bearer(zoe), new="  spaces count  ").status_code == 200
    assert statuses(log_in("Zoë", "spaces count"), log_in("Zoë", "  spaces count  ")) == [401, 200]


def test_an_idempotency_key_is_ignored(zoe: User) -> None:
    """``Idempotency-Key`` would store the response, which contains a token."""
    headers = {**bearer(zoe), "Idempotency-Key": "once"}
    assert statuses(*(change(headers, "wrong password") for _ in range(5))) == [403] * 5
    assert change(headers).status_code == 429
    reply = change(headers, address=ELSEWHERE)
    assert reply.status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM http_idempotencykey")
        assert cursor.fetchone() == (0,)


def test_of_two_changes_at_once_one_wins(concurrent_db: None) -> None:
    headers = bearer(User.objects.get(username="Zoë"))
    replies = together(*(partial(change, headers, new=f"new password {number}") for number in range(2)))
    assert sorted(statuses(*replies)) in ([200, 401], [200, 403])
    works = [log_in("Zoë", f"new password {number}").status_code for number in range(2)]
    assert works == [200 if reply.status_code == 200 else 401 for reply in replies]
