"""The second factor of the back office: one-time codes of an app (TOTP) and recovery codes. django-otp stores both.

An app's secret is stored as it is, since its codes are computed from it. Of a recovery code, which has 80 random bits,
a digest is stored. Tokens of the API are not affected.
"""

import re
from base64 import b32encode, urlsafe_b64encode
from hashlib import sha256
from math import ceil
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING

import segno
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

if TYPE_CHECKING:
    from users.models import User

APP, RECOVERY = "Authenticator app", "Recovery codes"  # names of the devices
RECOVERY_CODES = 10
MAX_CODE = 40  # characters typed, spaces and hyphens included

_app_code = re.compile(r"[0-9]{6}")
_recovery_code = re.compile(r"[a-z2-7]{16}")


def app_of(user: "User") -> TOTPDevice | None:
    """Return the user's authenticator app; with one, every login to the back office takes a code."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


def recovery_codes_left(user: "User") -> int:
    """Return how many recovery codes are unused."""
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def described(user: "User") -> list[dict[str, object]]:
    """Return what is stored of the user's second factor without its secrets, for who asks what is stored of them."""
    columns = ("name", "created_at", "last_used_at")
    return [row for model in (TOTPDevice, StaticDevice) for row in model.objects.filter(user=user).values(*columns)]


def new_secret() -> str:
    """Return a random secret of 160 bits, hex-encoded as django-otp stores it."""
    return token_hex(20)


def readable_secret(secret: str) -> str:
    """Return the secret as people type it into an app: Base32 in groups of four."""
    text = b32encode(bytes.fromhex(secret)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def qr_code(user: "User", secret: str) -> str:
    """Return the QR code that apps read the secret from, as an SVG element."""
    address = TOTPDevice(user=user, key=secret).config_url
    code = segno.make(address, error="l", micro=False)
    return code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)


def enable(user: "User", secret: str, code: str) -> list[str] | None:
    """Make the app with that secret the user's second factor if ``code`` is one of its codes.

    Returns the new recovery codes, or ``None`` for a wrong code. An earlier app and its recovery codes end.
    """
    with transaction.atomic():
        _lock(user)
        device = TOTPDevice.objects.create(user=user, name=APP, key=secret, confirmed=False)
        if not (_app_code.fullmatch(compact(code)) and verify_token(user, device.persistent_id, compact(code))):
            device.delete()
            return None
        TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        return new_recovery_codes(user)


def new_recovery_codes(user: "User") -> list[str]:
    """Replace the user's recovery codes; the new ones are stored as digests and cannot be shown again."""
    codes = [b32encode(token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        _lock(user)
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name=RECOVERY)
        for code in codes:
            device.token_set.create(token=_digest(device, code))
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]


def remove(user: "User") -> bool:
    """Take the app and the recovery codes away; return whether there was an app."""
    with transaction.atomic():
        _lock(user)
        StaticDevice.objects.filter(user=user).delete()
        removed, _ = TOTPDevice.objects.filter(user=user).delete()
    return bool(removed)


def unlock(user: "User") -> bool:
    """End the delays that wrong codes have caused; return whether there were any."""
    ended = 0
    for model in (TOTPDevice, StaticDevice):
        delayed = model.objects.filter(user=user, throttling_failure_count__gt=0)
        ended += delayed.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    return bool(ended)


def verify(user: "User", code: str) -> Device | None:
    """Return the device that accepts ``code``, of the app or for recovery. A code is accepted once."""
    device = _device_for(user, code)
    if device is None:
        return None
    token = _digest(device, compact(code)) if isinstance(device, StaticDevice) else compact(code)
    verified: Device | None = verify_token(user, device.persistent_id, token)
    return verified


def wait(user: "User", code: str) -> int:
    """Return the seconds for which django-otp accepts no such code after wrong ones: 1, 2, 4, 8 …; 0 for none."""
    device = _device_for(user, code)
    allowed, reason = device.verify_is_allowed() if device else (True, {})
    return 0 if allowed else max(1, ceil((reason["locked_until"] - timezone.now()).total_seconds()))


def compact(code: str) -> str:
    """Return ``code`` without spaces and hyphens, in lower case."""
    return re.sub(r"[\s-]", "", code).lower()


def _lock(user: "User") -> None:
    """Let one request at a time replace a user's devices: two would each leave their own."""
    list(get_user_model().objects.select_for_update().filter(pk=user.pk).values_list("pk"))


def _device_for(user: "User", code: str) -> Device | None:
    """Return the device that a code of this form belongs to; ``None`` for text that is no code."""
    if _app_code.fullmatch(compact(code)):
        return app_of(user)
    if _recovery_code.fullmatch(compact(code)):
        return StaticDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()
    return None


def _digest(device: StaticDevice, code: str) -> str:
    """Return what is stored of a recovery code: 96 bits, as many as the column holds."""
    return urlsafe_b64encode(sha256(f"{device.pk}:{code}".encode()).digest()[:12]).decode()
