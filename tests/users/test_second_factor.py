"""The second factor: secrets, one-time codes, recovery codes, and the command that resets it."""

import io
import re
from functools import partial
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.admin.second_factors import code_for, code_of, with_second_factor
from tests.concurrency import together
from tests.factories import make_user
from users import second_factor
from users.audit import AccountEvent
from users.models import User


@pytest.fixture
def user(db: None) -> User:
    """Return a staff user."""
    return make_user(username="Maria", is_staff=True)


def test_secrets_have_160_random_bits() -> None:
    secrets = {second_factor.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(bytes.fromhex(secret)) for secret in secrets} == {20}


def test_the_secret_in_text_is_that_of_the_qr_code(user: User) -> None:
    secret = second_factor.new_secret()
    address = urlsplit(TOTPDevice(user=user, key=secret).config_url)
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/Real Estate CRM:Maria"
    assert parse_qs(address.query)["secret"] == [second_factor.readable_secret(secret).replace(" ", "")]
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", second_factor.readable_secret(secret))


@pytest.mark.parametrize("name", ["a", "ä" * 150, "😀" * 150, '"><script>alert(1)</script>', "</svg>"])
def test_the_qr_code_is_a_drawing_whatever_the_name(name: str) -> None:
    drawing = second_factor.qr_code(User(username=name), second_factor.new_secret())
    assert re.fullmatch(r'<svg viewBox="[0-9 ]+">(<path[ a-zA-Z0-9="#.-]+/>)+</svg>', drawing)


def test_a_code_sent_many_times_at_once_is_accepted_once(concurrent_db: None) -> None:
    user = make_user(is_staff=True)
    with_second_factor(user)
    code = code_of(user)
    results = together(*[partial(second_factor.verify, user, code)] * 6)
    assert sum(result is not None for result in results) == 1


def test_a_recovery_code_sent_many_times_at_once_is_accepted_once(concurrent_db: None) -> None:
    user = make_user(is_staff=True)
    code = with_second_factor(user)[0]
    results = together(*[partial(second_factor.verify, user, code)] * 6)
    assert sum(result is not None for result in results) == 1
    assert second_factor.recovery_codes_left(user) == 9


def test_apps_that_are_set_up_at_once_replace_each_other(concurrent_db: None) -> None:
    user = make_user(is_staff=True)
    secrets = [second_factor.new_secret() for _ in range(4)]
    results = together(*[partial(second_factor.enable, user, secret, code_for(secret)) for secret in secrets])
    assert all(results)
    assert TOTPDevice.objects.count() == 1
    assert second_factor.recovery_codes_left(user) == 10


def test_deactivating_keeps_the_factor(user: User) -> None:
    with_second_factor(user)
    user.is_active = False
    user.save()
    assert second_factor.app_of(user)


def test_the_command_resets_it(user: User) -> None:
    with_second_factor(user)
    out = io.StringIO()
    call_command("reset_second_factor", "mARIA", stdout=out)
    assert out.getvalue() == "The second factor of Maria was removed.\n"
    assert second_factor.app_of(user) is None
    assert second_factor.recovery_codes_left(user) == 0
    entry = AccountEvent.objects.get()
    assert (entry.action, entry.channel, entry.target_user_id) == ("second_factor_reset", "cli", user.pk)


@pytest.mark.parametrize(("name", "problem"), [("nobody", "no user nobody"), ("maria", "has no second factor")])
def test_the_command_says_what_is_missing(user: User, name: str, problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        call_command("reset_second_factor", name)
    assert not AccountEvent.objects.exists()
