"""What ``manage.py serve`` checks and says at its start, beside what ``settings.py`` has refused already."""

import sys

from django.conf import settings
from django.core.management import CommandError
from django.utils import timezone

from crm_project.operations import exposure, interpreter


def reachable_through(listening: str) -> str:
    """What makes the server on that address reachable by other machines; ``CommandError`` where it must not start."""
    through = exposure.reachable_through(
        host=settings.HOST,
        https=settings.HTTPS,
        trusted_proxies=settings.TRUSTED_NETWORKS,
        allowed_hosts=settings.ALLOWED_HOSTS,
        listening=listening,
    )
    refusal = exposure.start_refusal(
        through, weak_keys=settings.WEAK_KEYS, debug=settings.DEBUG, registration_set=settings.REGISTRATION_SET
    )
    if refusal:
        raise CommandError(refusal)
    if through and not settings.SECOND_FACTOR_SET:
        settings.REQUIRE_SECOND_FACTOR = "managers"  # for a socket handed over, of which settings.py knows nothing
    return through


def warnings() -> list[str]:
    """What an operator should change, though the server starts."""
    found = [interpreter.warning(sys.version_info[:3], timezone.now().date())]
    if settings.WEAK_KEYS:
        found.append(
            f"{settings.WEAK_KEYS[0]} is short or well known: whoever guesses it can sign in as anybody. "
            "`make secret` prints a good one."
        )
    if origins := exposure.insecure_origins(settings.HTTPS, settings.CORS_ALLOWED_ORIGINS):
        found.append(
            f"CORS_ORIGINS names {', '.join(origins)} although HTTPS=true: a page from any program on a user's own "
            "machine may call the API with the user's token. Name the origins of your apps alone, or none."
        )
    return [warning for warning in found if warning]


def second_factor() -> str:
    """Who must log in to the back office with a second factor, in a few words."""
    required = settings.REQUIRE_SECOND_FACTOR
    who = {"nobody": "optional", "managers": "required of superusers and managers", "staff": "required of all staff"}
    return f"{who[required]} (REQUIRE_SECOND_FACTOR={required})"


def registration() -> str:
    """Who may make an account, in a few words."""
    if settings.REGISTRATION_APPROVAL:
        return "by approval: a manager activates each new account (REGISTRATION_OPEN=approval)"
    if settings.REGISTRATION_OPEN:
        return "open: everybody may make an account (REGISTRATION_OPEN=true)"
    return "closed: administrators and managers make the accounts (REGISTRATION_OPEN=false)"
