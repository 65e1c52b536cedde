"""The key ring: SECRET_KEY signs tokens, and those that a key of ``SECRET_KEY_FALLBACKS`` signed are still good."""

from typing import Any

from django.conf import settings
from jwt.exceptions import InvalidSignatureError
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.tokens import AccessToken, Token


class RotatingTokenBackend(TokenBackend):
    """SimpleJWT's backend; a token that our key did not sign is tried with the old ones."""

    def decode(self, token: Token, verify: bool = True) -> dict[str, Any]:
        """The claims of a good token; ``TokenBackendError`` for any other."""
        try:
            return super().decode(token, verify)
        except TokenBackendError as error:
            if not isinstance(error.__cause__, InvalidSignatureError):
                raise
            for key in settings.SECRET_KEY_FALLBACKS:
                try:
                    return TokenBackend(self.algorithm, key).decode(token, verify)
                except TokenBackendError:  # another key's, or expired
                    continue
            raise


class RotatingAccessToken(AccessToken):
    """An access token that is signed and verified with the ring."""

    _token_backend = RotatingTokenBackend(settings.ALGORITHM, settings.SECRET_KEY)
