"""User names and email addresses are unique, in any case and Unicode form."""

from functools import partial

import pytest
from django.db import IntegrityError, transaction

from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from users.models import User

PATH = "/api/users/register"
SAME = [
    ("agent1", "AGENT1"),
    ("Émile", "éMILE"),
    ("Émile", "E\u0301mile"),  # composed and decomposed
    ("straße", "STRASSE"),
    ("agent1", "ａｇｅｎｔ１"),  # full width
    ("Σίσυφος", "ΣΊΣΥΦΟΣ"),  # final sigma
    ("agent1", "  agent1  "),
]


def body(username: str, email: str) -> dict[str, str]:
    """Return a registration."""
    return {"username": username, "email": email, "password": PASSWORD, "first_name": "", "last_name": ""}


def test_a_taken_user_name_is_a_409(anonymous: Api, case: Case) -> None:
    for first, second in SAME:
        with case(first, second):
            assert anonymous.post(PATH, body(first, "one@example.com")).status_code == 201
            reply = anonymous.post(PATH, body(second, "two@example.com"))
            assert reply.status_code == 409
            assert isinstance(reply.json()["detail"], str)
            assert User.objects.count() == 1


def test_a_taken_address_is_a_409(anonymous: Api, case: Case) -> None:
    for first, second in SAME:
        with case(first, second):
            assert anonymous.post(PATH, body("one", f"{first}@example.com")).status_code == 201
            assert anonymous.post(PATH, body("two", f"{second.strip()}@Example.COM")).status_code == 409
            assert User.objects.count() == 1


def test_a_conflict_leaves_the_connection_usable(anonymous: Api) -> None:
    for _ in range(2):
        reply = anonymous.post(PATH, body("agent1", "one@example.com"))
    assert reply.status_code == 409
    assert anonymous.post(PATH, body("agent2", "two@example.com")).status_code == 201


def test_different_names_live_side_by_side(anonymous: Api) -> None:
    for number, name in enumerate(["agent1", "agent-1", "agent 1", "agënt1"]):
        assert anonymous.post(PATH, body(name, f"a{number}@example.com")).status_code == 201


def test_names_that_differ_only_behind_the_200th_folded_character_stay_apart(anonymous: Api) -> None:
    long = "ﷺ" * 149  # folds to 18 letters each; behind it alef, beh, and another form of alef
    assert anonymous.post(PATH, body(long + "\u0627", "one@example.com")).status_code == 201
    assert anonymous.post(PATH, body(long + "\u0628", "two@example.com")).status_code == 201
    assert anonymous.post(PATH, body(long + "\ufe8d", "three@example.com")).status_code == 409


def test_the_database_itself_refuses_a_second_one(db: None, case: Case) -> None:
    for first, second in SAME:
        with case(first, second):
            make_user(username=first.strip(), email="one@example.com")
            with pytest.raises(IntegrityError), transaction.atomic():
                make_user(username=second.strip(), email="two@example.com")
            with pytest.raises(IntegrityError), transaction.atomic():
                make_user(username="another", email="ONE@example.com")


def test_of_many_at_once_one_gets_the_name(concurrent_db: None) -> None:
    def register(number: int) -> int:
        name = "Racer" if number % 2 else "rACER"
        return Api({}).post(PATH, body(name, f"racer{number}@example.com")).status_code

    statuses = together(*(partial(register, number) for number in range(6)))
    assert sorted(statuses) == [201, 409, 409, 409, 409, 409]
    assert User.objects.count() == 1


def test_of_many_at_once_one_gets_the_address(concurrent_db: None) -> None:
    def register(number: int) -> int:
        return Api({}).post(PATH, body(f"racer{number}", "Racer@example.com")).status_code

    statuses = together(*(partial(register, number) for number in range(6)))
    assert sorted(statuses) == [201, 409, 409, 409, 409, 409]
    assert User.objects.count() == 1


def test_a_changed_name_is_taken_and_the_old_one_free(anonymous: Api, agent: User) -> None:
    old = agent.username
    agent.username, agent.email = "Émile", "Émile@example.com"
    agent.save(update_fields=["username", "email"])
    assert anonymous.post("/api/users/login", {"username": "émile", "password": PASSWORD}).status_code == 200
    assert anonymous.post(PATH, body("ÉMILE", "another@example.com")).status_code == 409
    assert anonymous.post(PATH, body("another", "éMILE@example.com")).status_code == 409
    assert anonymous.post(PATH, body(old, f"{old}@example.com")).status_code == 201
