"""Access tokens. SimpleJWT signs and verifies them; this module validates the claims and finds the user."""

import re
from functools import lru_cache
from time import time
from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import Token

from crm_project.http.errors import InvalidToken
from crm_project.validation import MAX_BIGINT
from users.api_keys import PREFIX, ApiKey, KeyRejected
from users.base_user import AbstractUser
from users.models import User
from users.signing_keys import RotatingAccessToken

VERSION_CLAIM = "token_version"
FAMILY_CLAIM = "family"
CACHE_SIZE = 1000  # tokens in the cache of one worker
TokenClaims = tuple[int, int, str | None]  # user id, token version, family of refresh tokens
_id = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)
_family = re.compile(r"[0-9a-f]{32}\Z")


def access_token(user: AbstractUser, family: str | None = None) -> str:
    """Return a signed token for ``user``. ``sub`` is the id as a string; log-out everywhere changes ``token_version``.

    A token issued with a refresh token contains its ``family``, and is revoked with it.
    """
    token = RotatingAccessToken()
    token["sub"] = str(user.pk)
    token[VERSION_CLAIM] = user.token_version
    if family:
        token[FAMILY_CLAIM] = family
    return str(token)


def family_of(token: Token) -> str | None:
    """Return the family of refresh tokens of a verified access token, or ``None``."""
    family: str | None = token.get(FAMILY_CLAIM)
    return family


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` with an access token or a key, the scheme in any case; no cookie or parameter."""

    def authenticate(self, request: Request) -> tuple[Any, Token | ApiKey] | None:
        """Return the user and the token or key, or ``None`` without one; raise a 401 for an invalid one."""
        scheme, _, raw = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        raw = raw.strip()
        if raw.startswith(PREFIX):
            try:
                key = ApiKey.objects.authenticate(raw)
            except KeyRejected as rejected:
                raise InvalidToken(rejected.reason) from None
            return key.user, key
        token, claims = _verify(raw, tuple(settings.SECRET_KEY_FALLBACKS))
        if token["exp"] <= time():
            raise InvalidToken("expired")
        user = User.objects.get_by_token_claims(*claims)
        if user is None:
            raise InvalidToken("revoked")
        return user, token

    def authenticate_header(self, request: Request) -> str:
        """Return the ``WWW-Authenticate`` header of a 401."""
        return "Bearer"


@lru_cache(CACHE_SIZE)
def _verify(raw: str, old_keys: tuple[str, ...]) -> tuple[Token, TokenClaims]:
    """Return a token that one of our keys signed, and its claims; raise a 401 for any other.

    Verification takes a tenth of a request's time and the result does not change, so it is cached. The caller checks
    that the token has not expired and that the user is active. Exceptions are not cached.
    """
    try:
        token = RotatingAccessToken(raw.encode())  # type: ignore[arg-type]
    except ExpiredTokenError:
        raise InvalidToken("expired") from None
    # Other errors than SimpleJWT's TokenError: an exp of 10**30 or of the wrong type; OSError: an exp of 10**18.
    except (TokenError, ValueError, OverflowError, OSError, TypeError, RecursionError):
        raise InvalidToken("malformed") from None
    return token, _claims(token)


def _claims(token: Token) -> TokenClaims:
    subject, version, family = token.get("sub"), token.get(VERSION_CLAIM), token.get(FAMILY_CLAIM)
    if not isinstance(token.get("iat"), int):
        raise InvalidToken("malformed")
    if not isinstance(subject, str) or not _id.match(subject) or int(subject) > MAX_BIGINT:
        raise InvalidToken("malformed")
    if type(version) is not int or not 0 < version < 2**31:
        raise InvalidToken("malformed")
    if FAMILY_CLAIM in token and not (isinstance(family, str) and _family.match(family)):
        raise InvalidToken("malformed")
    return int(subject), version, family
