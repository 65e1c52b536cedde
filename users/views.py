"""``/api/users``: register, log in in two ways, stay logged in and log out, and who am I."""

from typing import Any, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import QueryDict
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.tokens import Token

from crm_project.api.addresses import client_address
from crm_project.api.errors import Refused, Unprocessable
from crm_project.api.json import FormParser, JSONParser, MultiPartParser
from crm_project.api.views import ApiViewSet, body_of, judged_row
from crm_project.events import event
from crm_project.values import Problem, located
from users import password_policy, rules, second_factor
from users.attempts import Attempt, Registration, TooMany
from users.audit import Action, Channel, created_state, log_account_event
from users.managers import AwaitingApproval
from users.models import User
from users.refresh import Issued, RefreshToken
from users.serializers import (
    CHANGE_PASSWORD,
    LOGIN,
    LOGOUT,
    LOGOUT_ALL,
    ME,
    REGISTER,
    RENEW,
    TOKEN,
    UserOutSerializer,
)
from users.tokens import access_token, family_of

NEW_PASSWORD = "new_password"  # noqa: S105  a field's name
OFFLINE = "offline_access"  # OpenID's word for "with a refresh token"


class PublicViewSet(ApiViewSet):
    """Asks for no token, and looks at none: a client's Basic header is no reason to refuse it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """A wrong password is a 401 here, and every 401 carries the challenge."""
        return "Bearer"


class AccountViewSet(PublicViewSet):
    """Registration and the JSON log-in."""

    @REGISTER
    def register(self, request: Request) -> Response:
        """A new agent: 201, or 409 where the name or address is taken in any case.

        Where registrations need approval, the reply is the same, and the account waits for a manager.
        A name that is taken costs no hash, and counts as a new account does: else names could be tried without end.
        """
        if not settings.REGISTRATION_OPEN:
            raise PermissionDenied("Registration is closed")
        values = judged_row(body_of(request), rules.check_registration)
        address = client_address(request)
        if wait := Registration.objects.wait(address):
            raise _too_many(wait, "Too many new accounts; try again later")
        if User.objects.is_taken(values["username"], values["email"]):
            raise _name_taken(address)
        try:
            with transaction.atomic():
                user = User.objects.register(**values, approval=settings.REGISTRATION_APPROVAL)
                Registration.objects.create(address=address)
                _log(Action.REGISTERED, user, created_state(user))
        except IntegrityError:  # somebody else has taken it at the same moment
            raise _name_taken(address) from None
        return Response(UserOutSerializer(user).data, status.HTTP_201_CREATED)

    @LOGIN
    def login(self, request: Request) -> Response:
        """A token for a JSON body of user name and password."""
        body = body_of(request)
        return _log_in(request, judged_row(body, rules.check_login), body.get("scope"))


class TokenViewSet(PublicViewSet):
    """OAuth2's password flow, as a form."""

    parser_classes = (FormParser, MultiPartParser)

    @TOKEN
    def token(self, request: Request) -> Response:
        """A token for the form; ``grant_type`` is "password" or left out, the client's own fields are ignored."""
        form = cast(QueryDict, request.data)
        fields = {name: form[name] for name in form}
        grant = fields.get("grant_type") or "password"
        if grant != "password":
            problem = Problem(
                "string_pattern_mismatch", ("body", "grant_type"), "String should match pattern '^password$'", grant
            )
            raise Unprocessable([problem])
        return _log_in(request, judged_row(fields, rules.check_login), fields.get("scope"))


class RenewalViewSet(PublicViewSet):
    """Refresh tokens: as JSON, and as the form that OAuth2 clients send."""

    parser_classes = (JSONParser, FormParser)

    @RENEW
    def renew(self, request: Request) -> Response:
        """A new pair for the newest refresh token of a family."""
        values = judged_row(body_of(request), rules.check_renewal)
        issued = RefreshToken.objects.renew(values["refresh_token"])
        if issued is None:
            raise AuthenticationFailed("Could not validate credentials")
        return Response(_pair(issued))


class MeViewSet(ApiViewSet):
    """The user the token speaks for, and how long it does."""

    keeps_replies = False  # there are tokens in them, and a failure must be counted whatever becomes of the request

    @ME
    def me(self, request: Request) -> Response:
        """The current user."""
        return Response(UserOutSerializer(cast(User, request.user)).data)

    @CHANGE_PASSWORD
    def change_password(self, request: Request) -> Response:
        """A new password, which ends all tokens; the reply is what a log-in with it would be."""
        values = judged_row(body_of(request), rules.check_password_change)
        user = User.objects.get(pk=cast(User, request.user).pk)
        if user.is_staff and (weak := password_policy.back_office_problems(values["new_password"], user, NEW_PASSWORD)):
            raise Unprocessable(located(weak, "body"))
        attempt = _attempt(request, user.username)
        right = user.check_password(values["current_password"])
        attempt.ended(right)
        if not right:
            raise PermissionDenied("The current password is incorrect")
        with transaction.atomic():
            if not User.objects.change_password(user, values["new_password"]):
                raise AuthenticationFailed("Could not validate credentials")
            _log(Action.PASSWORD_SET, user)
        event("password_changed")
        return Response(_tokens(user, refresh=family_of(cast(Token, request.auth)) is not None))

    @LOGOUT
    def logout(self, request: Request) -> Response:
        """End the family that the token belongs to; a 409 for a token that belongs to none."""
        family = family_of(cast(Token, request.auth))
        if family is None:
            raise Refused(
                status.HTTP_409_CONFLICT,
                "This token has no refresh token and cannot be ended alone; POST /api/users/logout-all ends all",
            )
        RefreshToken.objects.end(family)
        event("token_family_ended", owner_id=request.user.pk, reason="logout")
        return Response(None, status.HTTP_204_NO_CONTENT)

    @LOGOUT_ALL
    def logout_all(self, request: Request) -> Response:
        """End every token and every session of the user."""
        user = cast(User, request.user)
        with transaction.atomic():
            User.objects.end_tokens(user)
            _log(Action.LOGGED_OUT_EVERYWHERE, user)
        event("logged_out_everywhere")
        return Response(None, status.HTTP_204_NO_CONTENT)


def _log(action: Action, user: User, after: dict[str, Any] | None = None) -> None:
    """Log what a user did with their own account."""
    log_account_event(action, actor=user, target=user, channel=Channel.API, after=after)


def _name_taken(address: str) -> Refused:
    Registration.objects.create(address=address)
    return Refused(status.HTTP_409_CONFLICT, "Username or email already exists")


def _log_in(request: Request, credentials: dict[str, str], scope: object) -> Response:
    attempt = _attempt(request, credentials["username"])
    try:
        user = User.objects.by_credentials(**credentials)
    except AwaitingApproval:
        attempt.ended(True)
        raise Refused(status.HTTP_403_FORBIDDEN, "This account is waiting for a manager's approval") from None
    # With an app, only the code forgets failures: they count wrong codes too.
    if user is None or not (user.is_staff and second_factor.app_of(user)):
        attempt.ended(user is not None)
    if user is None:
        raise AuthenticationFailed("Incorrect username or password")
    return Response(_tokens(user, refresh=isinstance(scope, str) and OFFLINE in scope.split()))


def _attempt(request: Request, username: str) -> Attempt:
    try:
        return Attempt(username, client_address(request))
    except TooMany as limit:
        raise _too_many(limit.wait, "Too many failed attempts; try again later") from None


def _too_many(wait: int, detail: str) -> Refused:
    return Refused(status.HTTP_429_TOO_MANY_REQUESTS, detail, {"Retry-After": str(wait)})


def _tokens(user: User, refresh: bool) -> dict[str, Any]:
    if refresh:
        return _pair(RefreshToken.objects.start(user))
    return {"access_token": access_token(user), "token_type": "bearer"}


def _pair(issued: Issued) -> dict[str, Any]:
    return {
        "access_token": access_token(issued.user, issued.family),
        "token_type": "bearer",
        "expires_in": settings.ACCESS_TOKEN_EXPIRE_MINUTES * 60,
        "refresh_token": issued.token,
    }
