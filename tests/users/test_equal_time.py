"""An unknown user and a wrong password take the same time, measured by the work of Argon2."""

from typing import Any

import argon2
import pytest
from argon2 import low_level
from django.test import Client

from tests.conftest import Api
from tests.factories import PASSWORD, make_user
from users.throttle import LoginFailure

Work = list[tuple[str, int, int, int, int]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, real_hashing: None) -> Work:
    """Return the parameters of every hash that is computed in the test."""
    done: Work = []
    verify, hash_secret = argon2.PasswordHasher.verify, low_level.hash_secret

    def verified(self: argon2.PasswordHasher, encoded: str, password: str) -> Any:
        cost = argon2.extract_parameters(encoded if isinstance(encoded, str) else bytes(encoded).decode())
        done.append(("verify", cost.memory_cost, cost.time_cost, cost.parallelism, cost.hash_len))
        return verify(self, encoded, password)

    def hashed(*args: Any, **options: Any) -> bytes:
        costs = (options["memory_cost"], options["time_cost"], options["parallelism"], options["hash_len"])
        done.append(("hash", *costs))
        return hash_secret(*args, **options)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verified)
    monkeypatch.setattr(low_level, "hash_secret", hashed)
    return done


ONE_VERIFICATION = [("verify", 19456, 2, 1, 32)]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("known", "wrong password"),
        ("known", ""),
        ("known", "x" * 5000),
        ("nobody", "wrong password"),
        ("nobody", PASSWORD),
        ("nobody", ""),
        ("nobody", "x" * 5000),
        ("", ""),
        ("gone", "wrong password"),
        ("gone", PASSWORD),
        ("locked", "wrong password"),
    ],
)
def test_every_refusal_does_the_same_work(anonymous: Api, work: Work, username: str, password: str) -> None:
    make_user(username="known")
    make_user(username="gone", is_active=False)
    make_user(username="locked", password=None)
    work.clear()
    reply = anonymous.post("/api/users/login", {"username": username, "password": password})
    assert reply.status_code == 401
    assert work == ONE_VERIFICATION


def test_a_right_password_costs_no_more(anonymous: Api, work: Work) -> None:
    make_user(username="known")
    work.clear()
    assert anonymous.post("/api/users/login", {"username": "known", "password": PASSWORD}).status_code == 200
    assert work == ONE_VERIFICATION


def test_a_damaged_hash_costs_the_same(anonymous: Api, work: Work) -> None:
    user = make_user(username="damaged")
    type(user).objects.filter(pk=user.pk).update(password="$argon2id$v=19$m=65536")
    work.clear()
    assert anonymous.post("/api/users/login", {"username": "damaged", "password": PASSWORD}).status_code == 401
    assert [cost for _, *cost in work] == [cost for _, *cost in ONE_VERIFICATION]


@pytest.mark.parametrize("path", ["/api/users/login", "/api/users/token", "/admin/login/"])
def test_a_name_that_nobody_can_have_costs_no_hash_and_is_counted(work: Work, db: None, path: str) -> None:
    form = {"username": "x" * 151, "password": PASSWORD}
    kind = {"content_type": "application/json"} if path == "/api/users/login" else {}
    reply = Client().post(path, form, **kind)
    assert reply.status_code == (200 if path == "/admin/login/" else 401)
    assert work == []
    assert LoginFailure.objects.count() == 1
    for _ in range(4):
        Client().post(path, form, **kind)
    assert Client().post(path, form, **kind).status_code == 429
