"""``/api/users``: registration, the users of the office, the current user and logout."""

from typing import Any, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.tokens import Token

from crm_project.events import event
from crm_project.http import dry_run, totals
from crm_project.http.client_address import client_address
from crm_project.http.errors import ApiError, InvalidToken, ValidationFailed
from crm_project.http.pagination import PagePagination
from crm_project.http.parameters import collect, flag
from crm_project.http.schema import operation
from crm_project.http.schema_components import COUNT, LOCATION, TOTAL_HEADERS
from crm_project.http.viewsets import RuleViewSet
from crm_project.json_schema import boolean
from crm_project.json_schema import text as schema_text
from crm_project.validation import MISSING, FieldError, normalized_key, text, with_location, words
from users import directory, password_policy
from users.audit import Action, Channel, created_state, log_account_event
from users.login_views import LOCKED, TOKENS_REPLY, PublicViewSet, begin_attempt, tokens, too_many
from users.models import User
from users.refresh import RefreshToken
from users.serializers import (
    TOKENS,
    DirectoryEntrySerializer,
    PasswordChangeSerializer,
    ProfileSerializer,
    UserCreateSerializer,
    UserOutSerializer,
)
from users.throttle import Registration
from users.tokens import family_of

MAX_QUERY = 1000  # characters
NEW_PASSWORD = "new_password"  # noqa: S105  a field's name


class AccountViewSet(PublicViewSet):
    """Registration."""

    input_classes = {"register": UserCreateSerializer}

    @operation(
        "register_user",
        "Register",
        "The new user",
        201,
        refusals={
            403: "Registration is closed",
            409: "The user name or email address is taken",
            429: "Too many new accounts from this address",
        },
        parameters=[LOCATION],
    )
    def register(self, request: Request) -> Response:
        """Create an agent. User names and email addresses are unique without regard to case. A user name has no
        invisible characters and does not mix alphabets, except Latin with Chinese, Japanese or Korean. If the office
        approves new accounts, the login is a 403 until a manager has activated the account.
        """
        if not settings.REGISTRATION_OPEN:
            raise PermissionDenied("Registration is closed")
        serializer = self.validate_body()
        self.perform_register(serializer)
        return Response(serializer.data, status.HTTP_201_CREATED, headers={"Location": "/api/users/me"})

    def perform_register(self, serializer: UserCreateSerializer) -> None:
        """Store the new agent, or raise a 409 if the name or address is taken in any case.

        A taken name costs no hash, and counts towards the limit of new accounts, so that names cannot be enumerated.
        """
        values = serializer.validated_data
        address = client_address(self.request)
        if wait := Registration.objects.wait(address):
            raise too_many(wait, "Too many new accounts; try again later")
        if User.objects.is_taken(values["username"], values["email"]):
            raise _name_taken(address)
        try:
            with transaction.atomic():
                user = User.objects.register(**values, approval=settings.REGISTRATION_APPROVAL)
                Registration.objects.create(address=address)
                _log(Action.REGISTERED, user, created_state(user))
        except IntegrityError:  # another request has taken it at the same moment
            raise _name_taken(address) from None
        serializer.instance = user


class DirectoryViewSet(RuleViewSet):
    """The users of the office."""

    tag = "Users"
    queryset = User.objects.all()
    serializer_class = DirectoryEntrySerializer
    pagination_class = PagePagination
    strict_actions = ("list",)
    query_parameters = {"list": ("active", "q", "count")}

    @operation(
        "list_users",
        "List users",
        "The users of the page",
        parameters=[
            OpenApiParameter(
                "active", boolean(), description="`true`: those who can log in; `false`: deactivated ones"
            ),
            OpenApiParameter("q", schema_text(MAX_QUERY), description="Words that all occur in what is shown"),
            COUNT,
            *TOTAL_HEADERS,
        ],
    )
    def list(self, request: Request) -> Response:
        """For pickers, by last name and first name. User names are shown to managers; others see their own."""
        query = request.query_params
        page, errors = cast(PagePagination, self.paginator).validate(query)
        active = collect(errors, "active", query.get("active", ""), flag)
        searched = collect(errors, "q", query.get("q", ""), lambda given: words(text(given, MAX_QUERY)))
        wanted = collect(errors, "count", query.get("count"), lambda _: totals.wanted_count(request))
        if errors:
            raise ValidationFailed(errors)
        found = directory.find(cast(User, request.user), active, searched or [])
        rows = found[page.offset : page.offset + page.size]
        response = Response(rows)
        if wanted:
            totals.set_total(request, response, "users", (len(found), True), wanted, page.offset)
        return response


class MeViewSet(RuleViewSet):
    """The user of the token: profile, password and logout."""

    tag = "Users"
    keeps_replies = False  # responses contain tokens, and each failed attempt must be counted
    closed_to_keys = True
    any_scope_actions = ("me",)  # open to keys with whatever scope
    serializer_class = UserOutSerializer
    input_classes = {"change_password": PasswordChangeSerializer, "change_profile": ProfileSerializer}
    strict_actions = ("change_profile",)
    query_parameters = {"change_profile": (dry_run.PARAMETER,)}

    @operation("get_current_user", "Me", "The current user")
    def me(self, request: Request) -> Response:
        """Return the user of the token."""
        return Response(self.get_serializer(request.user).data)

    @operation(
        "change_profile",
        "Change the profile",
        "The user",
        refusals={403: "The current password is incorrect", 409: "The email address is taken", 429: LOCKED},
    )
    def change_profile(self, request: Request) -> HttpResponseBase:
        """Write the names and the email address that are sent. Another email address needs `current_password`."""
        values = self.validate_body().validated_data
        password = values.pop("current_password", None)
        user = User.objects.get(pk=cast(User, request.user).pk)
        if values.get("email", user.email) != user.email:
            if password is None:
                raise ValidationFailed([FieldError(MISSING[0], ("body", "current_password"), MISSING[1], None)])
            _check_password(request, user, password)
        # Not before the password is checked: a wrong one counts, also in a dry run.
        if dry_run.is_wanted(request):
            return dry_run.run(_save_profile, request, user, values)
        return _save_profile(request, user, values)

    @operation(
        "change_password",
        "Change the password",
        TOKENS_REPLY,
        response=TOKENS,
        refusals={403: "The current password is incorrect", 429: LOCKED},
    )
    def change_password(self, request: Request) -> Response:
        """Change the password, revoke all of the user's tokens, and return a new token as after a login, with a refresh
        token if the request's token came with one.
        """
        values = self.validate_body().validated_data
        user = User.objects.get(pk=cast(User, request.user).pk)
        if user.is_staff and (weak := password_policy.back_office_errors(values["new_password"], user, NEW_PASSWORD)):
            raise ValidationFailed(with_location(weak, "body"))
        _check_password(request, user, values["current_password"])
        with transaction.atomic():
            if not User.objects.change_password(user, values["new_password"]):
                raise InvalidToken("revoked")
            _log(Action.PASSWORD_SET, user)
        event("password_changed")
        return Response(tokens(user, refresh=family_of(cast(Token, request.auth)) is not None))

    @operation(
        "logout",
        "Log out",
        code=204,
        refusals={409: "The token came without a refresh token and belongs to no family"},
    )
    def logout(self, request: Request) -> Response:
        """Revoke the token's family: its refresh token and its access tokens."""
        family = family_of(cast(Token, request.auth))
        if family is None:
            raise ApiError(
                status.HTTP_409_CONFLICT,
                "This token has no refresh token and cannot be ended alone; POST /api/users/logout-all ends all",
            )
        RefreshToken.objects.revoke(family)
        event("token_family_ended", owner_id=request.user.pk, reason="logout")
        return Response(None, status.HTTP_204_NO_CONTENT)

    @operation("logout_everywhere", "Log out everywhere", code=204)
    def logout_all(self, request: Request) -> Response:
        """Revoke all of the user's tokens of both kinds, and end the back office sessions."""
        user = cast(User, request.user)
        with transaction.atomic():
            User.objects.revoke_tokens(user)
            _log(Action.LOGGED_OUT_EVERYWHERE, user)
        event("logged_out_everywhere")
        return Response(None, status.HTTP_204_NO_CONTENT)


def _check_password(request: Request, user: User, password: str) -> None:
    """Raise a 403 for a wrong password, which counts as a failed login."""
    attempt = begin_attempt(request, user.username)
    correct = user.check_password(password)
    attempt.record(correct)
    if not correct:
        raise PermissionDenied("The current password is incorrect")


def _save_profile(request: Request, user: User, values: dict[str, Any]) -> Response:
    """Store and log what has changed, and return the user; raise a 409 if the email address is taken."""
    before = {name: getattr(user, name) for name in values}
    taken = ApiError(status.HTTP_409_CONFLICT, "Email already exists")
    key = normalized_key(values.get("email", "")) or None
    if key and User.objects.filter(email_key=key).exclude(pk=user.pk).exists():
        raise taken
    for name, value in values.items():
        setattr(user, name, value)
    try:
        with transaction.atomic():
            if before != values:
                user.save()
                log_account_event(
                    Action.CHANGED, actor=user, target=user, channel=Channel.API, before=before, after=values
                )
    except IntegrityError:  # another request has taken it at the same moment
        raise taken from None
    return Response(UserOutSerializer(user).data)


def _log(action: Action, user: User, after: dict[str, Any] | None = None) -> None:
    """Log a user's change of their own account."""
    log_account_event(action, actor=user, target=user, channel=Channel.API, after=after)


def _name_taken(address: str) -> ApiError:
    Registration.objects.create(address=address)
    return ApiError(status.HTTP_409_CONFLICT, "Username or email already exists")
