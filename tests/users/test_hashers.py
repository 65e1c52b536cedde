"""Passwords hashed by the earlier server (passlib 1.7.4) still work, and are hashed again at the login.

The hashes were made by passlib with bcrypt 4.0.1, the last version it works with, and are here as it wrote them; the
work factor is the lowest (4) in all but one.
"""

import pytest

from tests.conftest import Api, Case
from tests.factories import make_user
from users.models import User
from users.tokens import access_token

SHORT = "pass123456"
LONG = "correct horse battery staple, correct horse battery staple, correct horse battery staple!"  # 89 bytes
UNICODE = "Пароль für Zoë, 日本語 🔑 spaces kept "
OURS = "argon2$argon2id$v=19$m=19456,t=2,p=1$"

PASSLIB = [
    (SHORT, "$argon2id$v=19$m=65536,t=3,p=4$Usr5v7e2lpISovTem9Naaw$YEf1BMKbZQte9MY1bvBvo7eumFC+Ra9dqQRcvw/Pacg"),
    (LONG, "$argon2id$v=19$m=65536,t=3,p=4$l3KuNSbkXCvF+F8rpVSKUQ$PdB3UWYy+oB+8mbEVTk5UXbohEtqwHhSfppMWAhXErA"),
    (UNICODE, "$argon2id$v=19$m=65536,t=3,p=4$MgbgnNO619obg9A6x/j//w$v1Byrfd40udOJ6Gw4Oc3fnq0tI21kAjAr6DB5llH2eY"),
    (SHORT, "$bcrypt-sha256$v=2,t=2b,r=12$jLUG1kcBD4.EqaR0SBzHsO$.RELgFBS6chT1iRoJjSOblGQW7jtcmS"),
    (SHORT, "$bcrypt-sha256$v=2,t=2b,r=4$TiEI5VFAdz7qVj4tOn8IOO$.wRohGj3JPCVFPkrYrei3XKrN/sc9Yq"),
    (LONG, "$bcrypt-sha256$v=2,t=2b,r=4$QtUVhkfnqQmknF0SLwxGU.$Q1XIPEh8pNUbEHRhMvRapLeS7UYhU5q"),
    (UNICODE, "$bcrypt-sha256$v=2,t=2b,r=4$3EZqlAupgp5OcbCstzMA1O$WN3MphmRefSeip9kj4By1sN8dvdkiwO"),
    (SHORT, "$bcrypt-sha256$2b,4$y8XX1Pgtq8jpaWiQaL.OKO$AKru7/rBTUjEOG5ZmDeM3KQXgMFjpo2"),
    (LONG, "$bcrypt-sha256$2b,4$pgw1P6tJ2WRZfABoSnuDye$O40ve1D/dKmee1UaTT7vuQkLoDK8/QW"),
    (UNICODE, "$bcrypt-sha256$2b,4$VlqNxFquIypFdctLrqxAee$OWeRTZDpfSVSCr9iOBgfTEn2AhgQMZ2"),
    (SHORT, "$2b$04$1t3yWT30eeO0at7mCADZyOBmL/16Ilxb/ZLvaBNLUH6wJ2UPZ/jzO"),
    (LONG, "$2b$04$5B8TB49Im526D7PWICtu3.wwFJlTD3BpfZwVIofaHkSj4BFQm3bXy"),
    (UNICODE, "$2b$04$Xk96EW/eTVp2gcDcv4HJ/ed1pdCjjzlzkGYr5i38mxtcVhfiibHJa"),
    (UNICODE, "$2a$04$ia2HdrvVD/39lmrpRVmMTOAztCPCzyIsP5FBT/mkau5AZDzv.MV3e"),
    (UNICODE, "$2y$04$Q6r4.R.tfojC1RgBzykptOVe4hvcKqvvlhPlQmfmvRLcrhOGygh1S"),
]
DEAR = PASSLIB[1:4]  # a second of work each

real_hashing = pytest.mark.usefixtures("real_hashing")  # where it is looked at; it takes twenty milliseconds


@pytest.fixture
def moved(db: None) -> User:
    """Return a user of the earlier server."""
    return make_user(username="moved")


def stored(user: User) -> str:
    """Return the value of the password column."""
    return str(User.objects.values_list("password", flat=True).get(pk=user.pk))


def keep(user: User, encoded: str) -> None:
    """Store a hash in the column unchanged, as in a copied table."""
    User.objects.filter(pk=user.pk).update(password=encoded)


def login(api: Api, password: str) -> int:
    """Return the status of a login of the user."""
    return api.post("/api/users/login", {"username": "moved", "password": password}).status_code


@pytest.mark.slow
@pytest.mark.any_database
@real_hashing
def test_an_old_hash_logs_in_and_is_replaced(anonymous: Api, moved: User, case: Case) -> None:
    for password, encoded in PASSLIB:
        with case(password, encoded):
            keep(moved, encoded)
            assert login(anonymous, password) == 200
            assert stored(moved).startswith(OURS)
            assert login(anonymous, password) == 200
            assert login(anonymous, password + "x") == 401


@pytest.mark.parametrize(
    ("password", "encoded"),
    [pytest.param(*old, marks=pytest.mark.slow) if old in DEAR else old for old in PASSLIB],
)
def test_a_wrong_password_does_not_and_changes_nothing(
    anonymous: Api, moved: User, password: str, encoded: str
) -> None:
    keep(moved, encoded)
    for wrong in (
        "x" + password,
        password[:-1] if len(password.encode()) <= 72 else password[:40],
        "",
        password.upper(),
    ):
        assert login(anonymous, wrong) == 401
    assert stored(moved) == encoded


@real_hashing
@pytest.mark.parametrize(("password", "encoded"), [PASSLIB[0], PASSLIB[4], PASSLIB[10]])
def test_a_token_from_before_stays_good(anonymous: Api, moved: User, password: str, encoded: str) -> None:
    keep(moved, encoded)
    header = {"Authorization": f"Bearer {access_token(moved)}"}
    assert login(anonymous, password) == 200
    assert stored(moved).startswith(OURS)
    assert anonymous.client.get("/api/users/me", headers=header).status_code == 200


@real_hashing
@pytest.mark.parametrize(("password", "encoded"), [PASSLIB[1], PASSLIB[5], PASSLIB[11]])
def test_the_oauth2_form_replaces_it_too(anonymous: Api, moved: User, password: str, encoded: str) -> None:
    keep(moved, encoded)
    assert anonymous.client.post("/api/users/token", {"username": "moved", "password": password}).status_code == 200
    assert stored(moved).startswith(OURS)


@real_hashing
def test_our_own_hash_is_left_as_it_is(anonymous: Api, moved: User) -> None:
    before = stored(moved)
    assert login(anonymous, "correct horse battery") == 200
    assert stored(moved) == before


def test_a_password_changed_while_an_old_hash_was_checked_stays_changed(moved: User) -> None:
    password, encoded = PASSLIB[4]
    keep(moved, encoded)
    meanwhile = User.objects.get(pk=moved.pk)
    changed = User.objects.get(pk=moved.pk)
    changed.set_password("a newer password")
    changed.save()
    assert meanwhile.check_password(password)
    assert stored(moved) == changed.password


@pytest.mark.slow
@pytest.mark.any_database
def test_a_damaged_hash_is_a_401(anonymous: Api, moved: User, case: Case) -> None:
    for damaged in [
        "",
        "x",
        "!",
        "$",
        "$$$$$",
        "rubbish$with$dollars",
        "plain text password",
        "argon2",
        "argon2$",
        "argon2$argon2id$v=19$m=19456,t=2,p=1$",
        "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$",
        "argon2$argon2id$v=19$m=zz,t=2,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ",
        "$argon2id$",
        "$argon2id$v=19$m=65536,t=3,p=4$",
        "$argon2id$v=19$m=65536,t=3,p=4$é$é",
        "$argon2id$v=19$m=1,t=3,p=4$c2FsdHNhbHQ$c2FsdHNhbHQ",
        "$argon2id$v=19$m=65536,t=3,p=4$Usr5v7e2lpISovTem9Naaw$YEf1BMKbZQte9MY1bvBvo7eumFC",
        "$argon2x$v=19$m=65536,t=3,p=4$Usr5v7e2lpISovTem9Naaw$YEf1BMKbZQte9MY1bvBvo7eumFC",
        "$bcrypt-sha256$",
        "$bcrypt-sha256$v=2,t=2b,r=12$",
        "$bcrypt-sha256$v=2,t=2b$TiEI5VFAdz7qVj4tOn8IOO$.wRohGj3JPCVFPkrYrei3XKrN/sc9Yq",
        "$bcrypt-sha256$v=x,t=2b,r=4$TiEI5VFAdz7qVj4tOn8IOO$.wRohGj3JPCVFPkrYrei3XKrN/sc9Yq",
        "$bcrypt-sha256$v=2,t=2b,r=99$TiEI5VFAdz7qVj4tOn8IOO$.wRohGj3JPCVFPkrYrei3XKrN/sc9Yq",
        "$bcrypt-sha256$v=2=2,t=2b,r=4$TiEI5VFAdz7qVj4tOn8IOO$.wRohGj3JPCVFPkrYrei3XKrN/sc9Yq",
        "$bcrypt-sha256$nonsense$TiEI5VFAdz7qVj4tOn8IOO$.wRohGj3JPCVFPkrYrei3XKrN/sc9Yq",
        "$2b$",
        "$2b$04$",
        "$2b$04$short",
        "$2b$99$1t3yWT30eeO0at7mCADZyOBmL/16Ilxb/ZLvaBNLUH6wJ2UPZ/jzO",
        "$2b$xx$1t3yWT30eeO0at7mCADZyOBmL/16Ilxb/ZLvaBNLUH6wJ2UPZ/jzO",
        "$2b$04$1t3yWT30eeO0at7mCADZyOBmL/16Ilxb/ZLvaBNLUH6wJ2UPZ/jz",
        "$2b$04$ééééééééééééééééééééééééééééééééééééééééééééééééééééé",
        "passlib_bcrypt",
        "passlib_bcrypt$",
        "passlib_bcrypt_sha256$2b",
        "pbkdf2_sha256$600000$salt$hash",
    ]:
        with case(damaged):
            keep(moved, damaged)
            for password in (SHORT, "", damaged):
                reply = anonymous.post("/api/users/login", {"username": "moved", "password": password})
                assert reply.status_code == 401
                assert reply.json() == {"detail": "Incorrect username or password"}
            assert stored(moved) == damaged
