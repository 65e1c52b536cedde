"""Tokens: SimpleJWT signs and verifies; what a claim must look like and whom it still speaks for is decided here."""

import re
from functools import lru_cache
from time import time
from typing import Any

from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from crm_project.validation import MAX_BIGINT
from users.models import User
from users.signing_keys import RotatingAccessToken

VERSION_CLAIM = "token_version"
FAMILY_CLAIM = "family"
REMEMBERED = 1000  # tokens of one worker
TokenClaims = tuple[int, int, str | None]  # a user's id, the version their tokens are at, the family of the token
_id = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)
_family = re.compile(r"[0-9a-f]{32}\Z")


def access_token(user: User, family: str | None = None) -> str:
    """A signed token for ``user``: ``sub`` is the id as a string, ``token_version`` what log-out everywhere raises.

    One that is handed out beside a refresh token names the ``family`` that it ends with.
    """
    token = RotatingAccessToken()
    token["sub"] = str(user.pk)
    token[VERSION_CLAIM] = user.token_version
    if family:
        token[FAMILY_CLAIM] = family
    return str(token)


def family_of(token: Token) -> str | None:
    """The family of refresh tokens that a verified access token belongs to, if any."""
    family: str | None = token.get(FAMILY_CLAIM)
    return family


class BearerAuthentication(JWTAuthentication):
    """``Authorization: Bearer <JWT>``, the scheme in any case; no cookie, no query parameter."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """The user and the token; ``None`` without a bearer token; 401 with a bad one."""
        scheme, _, raw = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token, whose = _signed(raw.strip(), tuple(settings.SECRET_KEY_FALLBACKS))
        if token["exp"] <= time():
            raise _refused()
        user = User.objects.get_by_token_claims(*whose)
        if user is None:
            raise _refused()
        return user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 must carry in ``WWW-Authenticate``."""
        return "Bearer"


@lru_cache(REMEMBERED)
def _signed(raw: str, old_keys: tuple[str, ...]) -> tuple[Token, TokenClaims]:
    """A token that one of our keys signed, and whom it claims to speak for.

    Verifying costs a tenth of a request, and what our keys signed once they signed for good: so it is remembered. That
    time goes on, and that users change, is for the caller to see to. Who is refused is not remembered.
    """
    try:
        token = RotatingAccessToken(raw.encode())  # type: ignore[arg-type]
    # A signed token can still hold an exp of 10**30 or of the wrong type, which is not SimpleJWT's TokenError, or
    # of 10**18, which the C library refuses with an OSError.
    except (TokenError, ValueError, OverflowError, OSError, TypeError, RecursionError):
        raise _refused() from None
    return token, _claims(token)


def _claims(token: Token) -> TokenClaims:
    subject, version, family = token.get("sub"), token.get(VERSION_CLAIM), token.get(FAMILY_CLAIM)
    if not isinstance(token.get("iat"), int):
        raise _refused()
    if not isinstance(subject, str) or not _id.match(subject) or int(subject) > MAX_BIGINT:
        raise _refused()
    if type(version) is not int or not 0 < version < 2**31:
        raise _refused()
    if FAMILY_CLAIM in token and not (isinstance(family, str) and _family.match(family)):
        raise _refused()
    return int(subject), version, family


def _refused() -> AuthenticationFailed:
    return AuthenticationFailed("Could not validate credentials")
