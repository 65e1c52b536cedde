"""POST /api/users/register: the limit of accounts per hour and IP address."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from django.db.models import F
from django.http import HttpResponse
from django.test import override_settings

from tests.concurrency import together
from tests.factories import PASSWORD
from tests.users.trying import ELSEWHERE, HERE, send, statuses
from users.models import Registration, User

pytestmark = pytest.mark.django_db
numbers = count(1)


@pytest.fixture(autouse=True)
def three_an_hour() -> Iterator[None]:
    """The default of sixty takes long to reach."""
    with override_settings(REGISTRATION_LIMIT=3):
        yield


def register(address: str = HERE, **fields: str) -> HttpResponse:
    number = next(numbers)
    names = {"username": f"new{number}", "email": f"new{number}@example.com", "first_name": "", "last_name": ""}
    return send("/api/users/register", {**names, "password": PASSWORD, **fields}, address)


def test_the_first_account_over_the_limit_is_a_429() -> None:
    assert statuses(*(register() for _ in range(3))) == [201, 201, 201]
    reply = register()
    assert reply.status_code == 429
    assert reply.json() == {"detail": "Too many new accounts; try again later"}
    assert 3590 <= int(reply["Retry-After"]) <= 3600
    assert User.objects.count() == 3


def test_another_address_has_its_own_count() -> None:
    assert statuses(*(register() for _ in range(4))) == [201, 201, 201, 429]
    assert register(ELSEWHERE).status_code == 201


def test_taken_names_count_and_malformed_requests_do_not() -> None:
    assert register(username="taken").status_code == 201
    assert statuses(*(register(password="short") for _ in range(5))) == [422] * 5
    replies = [register(username="TAKEN"), register(email="TAKEN@example.com"), register(username="TAKEN")]
    assert statuses(*replies) == [409, 201, 429]
    assert replies[0].json() == {"detail": "Username or email already exists"}
    assert register(username="taken", address=ELSEWHERE).status_code == 409


def test_a_taken_name_or_address_costs_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    assert register(username="taken", email="taken@example.com").status_code == 201
    monkeypatch.setattr("users.managers.make_password", None)
    assert register(username="TAKEN").status_code == 409
    assert register(email="TAKEN@example.com").status_code == 409


def test_a_name_that_is_taken_at_the_same_moment_counts_too(concurrent_db: None) -> None:
    replies = together(*(partial(register, username="wanted") for _ in range(3)))
    assert sorted(statuses(*replies)) == [201, 409, 409]
    assert Registration.objects.count() == 3
    assert register().status_code == 429


def test_an_hour_later_there_is_room_again() -> None:
    assert statuses(register()) == [201]
    Registration.objects.update(made_at=F("made_at") - timedelta(minutes=50))
    assert statuses(register(), register()) == [201, 201]
    assert 590 <= int(register()["Retry-After"]) <= 600
    Registration.objects.update(made_at=F("made_at") - timedelta(minutes=10))
    assert statuses(register(), register()) == [201, 429]


def test_none_is_no_limit() -> None:
    with override_settings(REGISTRATION_LIMIT=0):
        assert statuses(*(register() for _ in range(5))) == [201] * 5
