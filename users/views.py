"""``/api/users``: register, two ways to log in, and who am I."""

from typing import cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import QueryDict
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.api.errors import Refused, Unprocessable
from crm_project.api.json import FormParser, MultiPartParser
from crm_project.api.views import ApiViewSet, body_of, judged_row
from crm_project.values import Problem
from users import rules
from users.models import User
from users.serializers import LOGIN, ME, REGISTER, TOKEN, UserOutSerializer
from users.tokens import access_token


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
        """A new agent: 201, or 409 where the name or address is taken in any case."""
        if not settings.REGISTRATION_OPEN:
            raise PermissionDenied("Registration is closed")
        values = judged_row(body_of(request), rules.check_registration)
        try:
            with transaction.atomic():
                user = User.objects.register(**values)
        except IntegrityError:
            raise Refused(status.HTTP_409_CONFLICT, "Username or email already exists") from None
        return Response(UserOutSerializer(user).data, status.HTTP_201_CREATED)

    @LOGIN
    def login(self, request: Request) -> Response:
        """A token for a JSON body of user name and password."""
        return _token(judged_row(body_of(request), rules.check_login))


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
        return _token(judged_row(fields, rules.check_login))


class MeViewSet(ApiViewSet):
    """The user the token speaks for."""

    @ME
    def me(self, request: Request) -> Response:
        """The current user."""
        return Response(UserOutSerializer(cast(User, request.user)).data)


def _token(credentials: dict[str, str]) -> Response:
    user = User.objects.by_credentials(**credentials)
    if user is None:
        raise AuthenticationFailed("Incorrect username or password")
    return Response({"access_token": access_token(user), "token_type": "bearer"})
