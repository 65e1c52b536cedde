"""Users with a second factor, their codes, and time that passes without waiting."""

import base64
import re
import time
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.factories import PASSWORD
from tests.users.trying import HERE
from users import second_factor
from users.models import User

LOGIN, CODE, SET_UP = "/admin/login/", "/admin/login/code/", "/admin/second-factor/set-up/"
OWN = "/admin/second-factor/"
WRONG = "000000"


def code_of(user: User) -> str:
    """Return the user's current code."""
    device = TOTPDevice.objects.get(user=user)
    return code_for(device.key, device.drift)


def code_for(secret: str, drift: int = 0) -> str:
    """Return the current code of a secret."""
    totp = TOTP(bytes.fromhex(secret), drift=drift)
    totp.time = time.time()
    return f"{totp.token():06d}"


def wrong_code(user: User) -> str:
    """Return six digits that are not the user's code."""
    code = code_of(user)
    return f"{(int(code) + 500_000) % 1_000_000:06d}"


def with_second_factor(user: User) -> list[str]:
    """Set up the user's second factor; return its recovery codes. The first code can be used again."""
    secret = second_factor.new_secret()
    codes = second_factor.enable(user, secret, code_for(secret))
    assert codes
    code_passes(user)
    return codes


def code_passes(user: User) -> None:
    """Allow the current code again, and end all delays."""
    TOTPDevice.objects.filter(user=user).update(last_t=-1)
    delays_pass()


def delays_pass() -> None:
    """End the delays after wrong codes."""
    for model in (TOTPDevice, StaticDevice):
        earlier = F("throttling_failure_timestamp") - timedelta(days=1)
        model.objects.update(throttling_failure_timestamp=earlier)


def after_password(user: User, address: str = HERE, after: str = "/admin/") -> Client:
    """Return a client after the first step of the login."""
    client = Client(REMOTE_ADDR=address)
    reply = client.post(f"{LOGIN}?next={after}", {"username": user.username, "password": PASSWORD})
    assert reply.status_code == 302
    assert reply["Location"].startswith(f"{CODE}?next=")
    return client


def give(client: Client, code: str, after: str = "/admin/") -> Any:
    """Enter a code in the second step."""
    return client.post(CODE, {"code": code}, QUERY_STRING=f"next={after}")


def is_in(client: Client) -> bool:
    """Return whether the home page opens."""
    return client.get("/admin/").status_code == 200


def secret_on(page: HttpResponse) -> str:
    """Return the secret of the set-up page, as django-otp stores it."""
    match = re.search(r'second-factor-secret">([A-Z2-7 ]+)<', page.content.decode())
    assert match
    return base64.b32decode(match[1].replace(" ", "")).hex()


def recovery_codes_on(page: HttpResponse) -> list[str]:
    """Return the recovery codes of a page."""
    return re.findall(r"<li><code>([a-z2-7-]{19})</code></li>", page.content.decode())
