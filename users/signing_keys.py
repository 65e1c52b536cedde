"""Rotation of signing keys: ``SECRET_KEY`` signs tokens; those that ``SECRET_KEY_FALLBACKS`` signed remain valid."""

from typing import Any

from django.conf import settings
from jwt.exceptions import InvalidSignatureError
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken
from rest_framework_simplejwt.tokens import AccessToken, Token


class RotatingTokenBackend(TokenBackend):
    """SimpleJWT's backend, which also verifies with the fallback keys."""

    def decode(self, token: Token, verify: bool = True) -> dict[str, Any]:
        """Return the claims of a valid token; raise ``TokenBackendError`` for any other."""
        try:
            return super().decode(token, verify)
        except TokenBackendError as error:
            if not isinstance(error.__cause__, InvalidSignatureError):
                raise
            for key in settings.SECRET_KEY_FALLBACKS:
                try:
                    return TokenBackend(self.algorithm, key).decode(token, verify)
                except TokenBackendExpiredToken:
                    raise
                except TokenBackendError:  # signed with another key
                    continue
            raise


class RotatingAccessToken(AccessToken):
    """An access token that ``RotatingTokenBackend`` signs and verifies."""

    _token_backend = RotatingTokenBackend(settings.ALGORITHM, settings.SECRET_KEY)
