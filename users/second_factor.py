"""The second factor of the back office: one-time codes of an app (TOTP) and recovery codes. django-otp stores both.

An app's secret is stored unencrypted, because its codes are computed from it. Recovery codes, which have 80 random
bits, are stored as digests. API tokens are not affected.
"""

import re
from base64 import b32encode, urlsafe_b64encode
from hashlib import sha256
from math import ceil
from secrets import token_bytes, token_hex

import segno
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from users.base_user import AbstractUser

APP, RECOVERY = "Authenticator app", "Recovery codes"  # names of the devices
RECOVERY_CODES = 10
MAX_CODE = 40  # characters, with spaces and hyphens

_app_code = re.compile(r"[0-9]{6}")
_recovery_code = re.compile(r"[a-z2-7]{16}")


def app_of(user: AbstractUser) -> TOTPDevice | None:
    """Return the user's authenticator app. A user who has one enters a code at every login to the back office."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


def recovery_codes_left(user: AbstractUser) -> int:
    """Return how many recovery codes are unused."""
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def described(user: AbstractUser) -> list[dict[str, object]]:
    """Return the stored data of the user's second factor without its secrets, for the export of personal data."""
    columns = ("name", "created_at", "last_used_at")
    return [row for model in (TOTPDevice, StaticDevice) for row in model.objects.filter(user=user).values(*columns)]


def new_secret() -> str:
    """Return a random secret of 160 bits, hex-encoded as django-otp stores it."""
    return token_hex(20)


def readable_secret(secret: str) -> str:
    """Return the secret as it is typed into an app: Base32 in groups of four."""
    text = b32encode(bytes.fromhex(secret)).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def qr_code(user: AbstractUser, secret: str) -> str:
    """Return the QR code of the secret, as an SVG element."""
    address = TOTPDevice(user=user, key=secret).config_url
    code = segno.make(address, error="l", micro=False)
    return code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)


def enable(user: AbstractUser, secret: str, code: str) -> list[str] | None:
    """Make the app with that secret the user's second factor, and return new recovery codes; ``None`` for a wrong code.

    An earlier app and its recovery codes are deleted.
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


def new_recovery_codes(user: AbstractUser) -> list[str]:
    """Replace the user's recovery codes, and return the new ones. They are stored as digests, so this happens once."""
    codes = [b32encode(token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        _lock(user)
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name=RECOVERY)
        for code in codes:
            device.token_set.create(token=_digest(device, code))
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in codes]


def remove(user: AbstractUser) -> bool:
    """Delete the app and the recovery codes; return whether there was an app."""
    with transaction.atomic():
        _lock(user)
        StaticDevice.objects.filter(user=user).delete()
        removed, _ = TOTPDevice.objects.filter(user=user).delete()
    return bool(removed)


def unlock(user: AbstractUser) -> bool:
    """Reset the delays after wrong codes; return whether there were any."""
    count = 0
    for model in (TOTPDevice, StaticDevice):
        delayed = model.objects.filter(user=user, throttling_failure_count__gt=0)
        count += delayed.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    return bool(count)


def verify(user: AbstractUser, code: str) -> Device | None:
    """Return the device that accepts ``code``, which may be one of the app or a recovery code, each usable once."""
    device = _device_for(user, code)
    if device is None:
        return None
    token = _digest(device, compact(code)) if isinstance(device, StaticDevice) else compact(code)
    verified: Device | None = verify_token(user, device.persistent_id, token)
    return verified


def wait(user: AbstractUser, code: str) -> int:
    """Return the seconds until django-otp accepts such a code again: 1, 2, 4, 8 … after wrong codes, otherwise 0."""
    device = _device_for(user, code)
    allowed, reason = device.verify_is_allowed() if device else (True, {})
    return 0 if allowed else max(1, ceil((reason["locked_until"] - timezone.now()).total_seconds()))


def compact(code: str) -> str:
    """Return ``code`` without spaces and hyphens, in lower case."""
    return re.sub(r"[\s-]", "", code).lower()


def _lock(user: AbstractUser) -> None:
    """Lock the user's row, so that only one request at a time replaces the devices."""
    list(get_user_model().objects.select_for_update().filter(pk=user.pk).values_list("pk"))


def _device_for(user: AbstractUser, code: str) -> Device | None:
    """Return the device for codes of this form, or ``None``."""
    if _app_code.fullmatch(compact(code)):
        return app_of(user)
    if _recovery_code.fullmatch(compact(code)):
        return StaticDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()
    return None


def _digest(device: StaticDevice, code: str) -> str:
    """Return the digest of a recovery code: 96 bits, which is the length of the column."""
    return urlsafe_b64encode(sha256(f"{device.pk}:{code}".encode()).digest()[:12]).decode()
