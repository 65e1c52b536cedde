"""Confusable user names are rejected for new accounts; existing ones can still log in."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from tests.users.trying import admin
from users.confusables import look_alikes
from users.models import User

pytestmark = pytest.mark.django_db

ADD = "/admin/users/user/add/"
INVISIBLE = [
    *("ad\u200bmin", "admin\u200d", "ad\u00admin", "\u202enimda", "ad\u2060min", "admin\ufeff", "a\u061cdmin"),  # Cf
    *("ad\x01min", "ad\x85min"),  # Cc
    *("ad\u034fmin", "admin\ufe0f", "ad\u3164min", "admin\u2800", "admin\U000e0100"),  # not to be seen either
]
MIXED = [
    *("\u0430dmin", "adm\u0456n", "Adm\u03b9n", "\u0391dmin", "Maria \u041b.", "zo\u0585"),
    *("\u0430\u03b1\u0430", "abc\u0967", "abc\u0665", "\u30a2\u30f3\uac00", "\uac00\uac00\u3042"),
]
GOOD = [
    *("admin", "Zo\u00eb", "a b/c?d@\u00e9\u4e2d", "Stra\u00dfe 12", "o\u02bbbrien", "\uff21\uff24min"),
    *("\u041c\u0430\u0440\u0438\u044f 2", "\u0395\u03bb\u03ad\u03bd\u03b7", "\u05d3\u05e0\u05d9\u05d0\u05dc"),
    *("\u0645\u0631\u064a\u0645 \u0665", "\u0905\u092e\u093f\u0924", "\u0e2a\u0e21\u0e0a\u0e32\u0e22"),
    *("\u5c71\u7530\u592a\u90ce Taro", "\u30e6\u30fc\u30b6\u30fc\u3042\u3005", "\uae40\ubbfc\uc218 Kim \u91d1"),
    *("\u3105\u3106 \u4e2d abc", "agent \U0001f3e0"),
]


@pytest.fixture
def boss(db: None) -> Client:
    """Return a superuser's browser."""
    client = Client()
    client.force_login(make_user(username="chief", is_staff=True, is_superuser=True))
    return client


def register(anonymous: Api, username: str) -> int:
    account = {"username": username, "email": f"a{User.objects.count()}@example.com", "password": PASSWORD}
    reply = anonymous.post("/api/users/register", {**account, "first_name": "", "last_name": ""})
    if reply.status_code == 422:
        assert [(problem["type"], problem["loc"]) for problem in reply.json()["detail"]] == [
            ("value_error", ["body", "username"])
        ]
    return reply.status_code


def add(boss: Client, username: str) -> int:
    form = {"username": username, "email": "new@example.com", "first_name": "", "last_name": ""}
    return boss.post(ADD, {**form, "password1": PASSWORD, "password2": PASSWORD}).status_code


def test_a_name_that_deceives_is_a_422(anonymous: Api, case: Case) -> None:
    for username in [*INVISIBLE, *MIXED]:
        with case(username):
            assert register(anonymous, username) == 422
            assert not User.objects.exists()


def test_a_name_as_languages_write_it_is_good(anonymous: Api, case: Case) -> None:
    for username in GOOD:
        with case(username):
            assert register(anonymous, username) == 201
            credentials = {"username": username, "password": PASSWORD}
            assert anonymous.post("/api/users/login", credentials).status_code == 200


def test_the_look_alike_of_an_existing_name_is_taken(anonymous: Api, boss: Client, case: Case) -> None:
    for existing, new in [
        ("coco", "\u0441\u043e\u0441\u043e"),  # Cyrillic
        ("COCO", "\u0421\u041e\u0421\u041e"),
        ("kiko", "\u03ba\u03b9\u03ba\u03bf"),  # Greek
        ("\u0441\u043e\u0441\u043e", "coco"),
        ("\u03ba\u03b9\u03ba\u03bf", "kiko"),
        ("\u043e\u043e\u0440", "\u03bf\u03bf\u03c1"),
        ("boss-1", "\u0412\u041e\u0405\u0405-1"),
    ]:
        with case(existing, new):
            make_user(username=existing)
            assert register(anonymous, new) == 409
            assert add(boss, new) == 200
            assert User.objects.filter(username=new).count() == 0


def test_names_without_a_look_alike_are_free(anonymous: Api) -> None:
    make_user(username="boss")
    assert register(anonymous, "\u0432\u043e\u0441\u043a") == 201  # has letters that no Latin one looks like
    assert register(anonymous, "\u0441\u0430\u0440\u0430") == 201  # looks like a Latin name that nobody has
    assert register(anonymous, "capa") == 409  # which nobody gets from now on
    assert look_alikes("agent1") == set()
    assert look_alikes("12345") == set()


@pytest.mark.parametrize("username", ["ad\u200bmin", "\u0430dmin"], ids=ascii)
def test_the_back_office_refuses_them_at_creation_and_rename(boss: Client, agent: User, username: str) -> None:
    assert add(boss, username) == 200
    page = f"/admin/users/user/{agent.pk}/change/"
    form = {"username": username, "email": agent.email, "first_name": "", "last_name": "", "is_active": "on"}
    assert boss.post(page, form).status_code == 200
    agent.refresh_from_db()
    assert agent.username != username
    assert not User.objects.filter(username=username).exists()


@pytest.mark.parametrize("username", ["ad\u200bmin", "\u0430dmin"], ids=ascii)
def test_the_first_administrator_too(monkeypatch: pytest.MonkeyPatch, username: str) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", username)
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match="a user name must not"):
        call_command("createsuperuser", interactive=False, stdout=io.StringIO())
    assert not User.objects.exists()


@pytest.mark.parametrize("username", ["ad\u200bmin", "\u0430dmin"], ids=ascii)
def test_names_given_before_still_log_in_and_can_be_edited(boss: Client, anonymous: Api, username: str) -> None:
    user = make_user(username=username, is_staff=True)
    credentials = {"username": username, "password": PASSWORD}
    assert anonymous.post("/api/users/login", credentials).status_code == 200
    assert admin(username, PASSWORD).status_code == 302
    form = {"username": username, "email": user.email, "first_name": "Ada", "last_name": "", "is_active": "on"}
    assert boss.post(f"/admin/users/user/{user.pk}/change/", {**form, "is_staff": "on"}).status_code == 302
    user.refresh_from_db()
    assert (user.username, user.first_name) == (username, "Ada")
