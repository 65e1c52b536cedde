"""Checks and messages at the start of ``manage.py serve``, in addition to those in ``settings.py``."""

import sys

from django.conf import settings
from django.core.management import CommandError
from django.utils import timezone

from crm_project.operations import exposure, interpreter


def reachable_because(listening: str) -> str:
    """Return the reason why other machines can reach the server, or ""; raise ``CommandError`` if it must not start."""
    reason = exposure.reachable_because(
        host=settings.HOST,
        https=settings.HTTPS,
        trusted_proxies=settings.TRUSTED_NETWORKS,
        allowed_hosts=settings.ALLOWED_HOSTS,
        listening=listening,
    )
    error = exposure.unsafe_setting(
        reason, weak_keys=settings.WEAK_KEYS, debug=settings.DEBUG, registration_set=settings.REGISTRATION_SET
    )
    if error:
        raise CommandError(error)
    if reason and not settings.SECOND_FACTOR_SET:
        settings.REQUIRE_SECOND_FACTOR = "managers"  # settings.py does not know the address that is listened on
    return reason


def warnings() -> list[str]:
    """Return what an operator should change, although the server starts."""
    messages = [interpreter.warning(sys.version_info[:3], timezone.now().date())]
    if settings.WEAK_KEYS:
        messages.append(
            f"{settings.WEAK_KEYS[0]} is short or well known: anybody who guesses it can log in as any user. "
            "`make secret` prints a secure one."
        )
    if origins := exposure.insecure_origins(settings.HTTPS, settings.CORS_ALLOWED_ORIGINS):
        messages.append(
            f"CORS_ORIGINS contains {', '.join(origins)} although HTTPS=true: pages of any program on a user's own "
            "machine may call the API with the user's token. Use only the origins of your apps, or none."
        )
    return [message for message in messages if message]


def second_factor() -> str:
    """Return who needs a second factor for the back office, as text."""
    value = settings.REQUIRE_SECOND_FACTOR
    texts = {"nobody": "optional", "managers": "required of superusers and managers", "staff": "required of all staff"}
    return f"{texts[value]} (REQUIRE_SECOND_FACTOR={value})"


def registration() -> str:
    """Return who may create an account, as text."""
    if settings.REGISTRATION_APPROVAL:
        return "by approval: a manager activates each new account (REGISTRATION_OPEN=approval)"
    if settings.REGISTRATION_OPEN:
        return "open: anybody may create an account (REGISTRATION_OPEN=true)"
    return "closed: administrators and managers create the accounts (REGISTRATION_OPEN=false)"
