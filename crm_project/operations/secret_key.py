"""Whether the ``SECRET_KEY`` is that of the other servers of the database, which issue tokens with it.

The database has a hash of the key as of a password: salted, and slow to compute. A key of ``make secret`` cannot be
found from it, and a guess at a weak one costs some 70 ms and 16 MiB. It takes that time at each start.
"""

import logging

from django.conf import settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DatabaseError, InterfaceError, connections

from crm_project.operations.models import SecretKeyFingerprint

ROW = 1  # the only id
OTHER_KEY = (
    "SECRET_KEY is not the one that this database was served with: tokens and sessions of other servers, and earlier "
    "ones, would be invalid. Set the same SECRET_KEY on all servers, or add the earlier one to SECRET_KEY_FALLBACKS. "
    "`manage.py serve --new-secret` starts with this key all the same, and logs everybody out."
)

logger = logging.getLogger(__name__)

_is_checked = False  # by ``manage.py serve``, before it loads the application and forks its workers


def check_secret_key_once() -> None:
    """Raise ``ImproperlyConfigured`` for another key, unless this process has checked it. WSGI servers call it.

    A worker that starts while the database is unavailable, or not migrated yet, starts unchecked: gunicorn ends all
    workers if a new one fails. Its connection is closed again, because workers may be forked afterwards.
    """
    if _is_checked:
        return
    try:
        check_secret_key()
    except CommandError as error:
        raise ImproperlyConfigured(str(error)) from None
    except (DatabaseError, InterfaceError):
        logger.warning("The SECRET_KEY was not compared with that of other servers: the database is not ready")
    finally:
        connections.close_all()


def check_secret_key(accept_new: bool = False) -> None:
    """Raise ``CommandError`` unless the stored fingerprint is that of ``SECRET_KEY`` or of one of its fallbacks.

    Store the fingerprint of ``SECRET_KEY`` if there is none, if a fallback has replaced it, or if any key is accepted.
    """
    global _is_checked
    defaults = {"encoded": lambda: fingerprint(settings.SECRET_KEY)}  # called only for a new row
    stored, _ = SecretKeyFingerprint.objects.get_or_create(pk=ROW, defaults=defaults)
    if not is_of(settings.SECRET_KEY, stored):
        if not accept_new and not any(is_of(key, stored) for key in settings.SECRET_KEY_FALLBACKS):
            raise CommandError(OTHER_KEY)
        stored.encoded = fingerprint(settings.SECRET_KEY)
        stored.save()
    _is_checked = True


def fingerprint(key: str) -> str:
    """Return a new fingerprint of a key."""
    hasher = ScryptPasswordHasher()
    return hasher.encode(key, hasher.salt(), p=1)


def is_of(key: str, stored: SecretKeyFingerprint) -> bool:
    """Return whether the fingerprint is that of the key."""
    return ScryptPasswordHasher().verify(key, stored.encoded)
