"""``/api/users``: login, and renewal of tokens."""

from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.client_address import client_address
from crm_project.http.errors import ApiError, InvalidToken
from crm_project.http.json import FormParser, JSONParser, MultiPartParser
from crm_project.http.schema import operation
from crm_project.http.viewsets import RuleViewSet
from users import second_factor
from users.managers import AwaitingApproval
from users.models import User
from users.refresh import IssuedToken, RefreshToken
from users.serializers import (
    TOKENS,
    LoginSerializer,
    RenewalSerializer,
    TokenFormSerializer,
    UserOutSerializer,
)
from users.throttle import LoginAttempt, Throttled
from users.tokens import access_token

OFFLINE = "offline_access"  # OpenID's word for "with a refresh token"
TOKENS_REPLY = "A token, and a refresh token if it was requested"
LOCKED = "Too many failed attempts with this user name, or others, from this address; the password was not checked"
LOGIN_REFUSALS = {
    401: "Incorrect username or password",
    403: "The account awaits a manager's approval; only if the password is correct",
    429: LOCKED,
}


class PublicViewSet(RuleViewSet):
    """Operations without a token. An ``Authorization`` header is ignored."""

    tag = "Users"
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = UserOutSerializer

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of the 401 for a wrong password."""
        return "Bearer"


class LoginViewSet(PublicViewSet):
    """A login with JSON or a form."""

    parser_classes = (JSONParser, FormParser)
    input_classes = {"login": LoginSerializer}

    @operation("login", "Log in with JSON", TOKENS_REPLY, response=TOKENS, refusals=LOGIN_REFUSALS)
    def login(self, request: Request) -> Response:
        """Return a token for a user name and password. With `offline_access` in `scope` also a refresh token. A form is
        accepted, too.
        """
        return _log_in(request, **self.validate_body().validated_data)


class TokenViewSet(PublicViewSet):
    """OAuth2's password flow, with a form."""

    parser_classes = (FormParser, MultiPartParser)
    input_classes = {"token": TokenFormSerializer}

    @operation("create_token", "Log in with a form", TOKENS_REPLY, response=TOKENS, refusals=LOGIN_REFUSALS)
    def token(self, request: Request) -> Response:
        """OAuth2's password flow. With `offline_access` in `scope` the response has a refresh token."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return _log_in(request, **serializer.validated_data)


class RenewalViewSet(PublicViewSet):
    """Refresh tokens, sent as JSON or as the form of OAuth2 clients."""

    parser_classes = (JSONParser, FormParser)
    input_classes = {"renew": RenewalSerializer}

    @operation(
        "refresh_token",
        "Renew a token",
        "The new pair",
        refusals={401: "The refresh token is unknown, used, expired or revoked"},
    )
    def renew(self, request: Request) -> Response:
        """Return a new pair for a refresh token, which can be used once. Using it again after a few seconds revokes its
        family: all refresh and access tokens since the same login.
        """
        token = self.validate_body().validated_data["refresh_token"]
        issued = RefreshToken.objects.renew(token)
        if issued is None:
            raise InvalidToken(RefreshToken.objects.fault_of(token))
        return Response(_pair(issued))


def _log_in(request: Request, username: str, password: str, scope: object) -> Response:
    attempt = begin_attempt(request, username)
    try:
        user = User.objects.authenticate(username, password)
    except AwaitingApproval:
        attempt.record(True)
        raise ApiError(status.HTTP_403_FORBIDDEN, "This account is waiting for a manager's approval") from None
    # If the user has an authenticator app, only a correct code resets the failures, because they include wrong codes.
    if user is None or not (user.is_staff and second_factor.app_of(user)):
        attempt.record(user is not None)
    if user is None:
        raise AuthenticationFailed("Incorrect username or password")
    return Response(tokens(user, refresh=isinstance(scope, str) and OFFLINE in scope.split()))


def begin_attempt(request: Request, username: str) -> LoginAttempt:
    """Begin an attempt to log in; raise a 429 after too many failures."""
    try:
        return LoginAttempt(username, client_address(request))
    except Throttled as throttled:
        raise too_many(throttled.wait, "Too many failed attempts; try again later") from None


def too_many(wait: int, detail: str) -> ApiError:
    """Return a 429 with the seconds to wait."""
    return ApiError(status.HTTP_429_TOO_MANY_REQUESTS, detail, {"Retry-After": str(wait)})


def tokens(user: User, refresh: bool) -> dict[str, Any]:
    """Return the reply to a login, with a refresh token if ``refresh``."""
    if refresh:
        return _pair(RefreshToken.objects.start(user))
    return {"access_token": access_token(user), "token_type": "bearer"}


def _pair(issued: IssuedToken) -> dict[str, Any]:
    return {
        "access_token": access_token(issued.user, issued.family),
        "token_type": "bearer",
        "expires_in": settings.ACCESS_TOKEN_EXPIRE_MINUTES * 60,
        "refresh_token": issued.token,
    }
