"""Users on the wire. The rules judge (``users/rules.py``); these translate and describe the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from crm_project.api.fields import TIMESTAMP, Described, email, text, untrimmed
from crm_project.api.schema import operation, refusal
from crm_project.api.times import iso
from users.models import User
from users.rules import LONGEST_NAME, LONGEST_PASSWORD, SHORTEST_PASSWORD, SHORTEST_USERNAME


@extend_schema_field(TIMESTAMP)
class TimestampField(serializers.Field[Any, Any, str, Any]):
    """UTC with six digits and no zone."""

    def to_representation(self, value: Any) -> str:
        """``2025-10-07T18:10:00.000000``."""
        return iso(value)


class UserCreateSerializer(serializers.Serializer[Any]):
    """A registration."""

    username = Described(text(LONGEST_NAME, SHORTEST_USERNAME, examples=["agent1"]))
    email = Described(email())
    password = Described(
        untrimmed(LONGEST_PASSWORD, SHORTEST_PASSWORD, format="password", examples=["pass123456"]),
        help_text="Spaces count",
    )
    first_name = Described(text(LONGEST_NAME, examples=["Agent"]))
    last_name = Described(text(LONGEST_NAME, examples=["One"]))


class UserOutSerializer(serializers.ModelSerializer[User]):
    """A user."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    created_at = TimestampField()

    class Meta:
        model = User
        fields = ("id", "username", "email", "first_name", "last_name", "created_at")


class TokenSerializer(serializers.Serializer[Any]):
    """A token, for ``Authorization: Bearer``."""

    access_token = serializers.CharField()
    token_type = Described({"type": "string", "enum": ["bearer"]})


class TokenPairSerializer(TokenSerializer):
    """A token and what renews it."""

    expires_in = serializers.IntegerField(min_value=1, help_text="Seconds that `access_token` is good for")
    refresh_token = serializers.CharField(help_text="For `/api/users/token/refresh`, once")


class LoginSerializer(serializers.Serializer[Any]):
    """User name and password."""

    username = Described(untrimmed(examples=["agent1"]), help_text="In any case")
    password = Described(untrimmed(format="password", examples=["pass123456"]))
    # Of whatever type: a field that did not exist before must not make a log-in fail.
    scope = Described(
        {"examples": ["offline_access"]}, required=False, help_text="`offline_access`: a refresh token too"
    )


class RenewalSerializer(serializers.Serializer[Any]):
    """A refresh token; OAuth2's other fields are ignored."""

    refresh_token = Described(untrimmed())


class PasswordChangeSerializer(serializers.Serializer[Any]):
    """The password one has, and the one to have from now on."""

    current_password = Described(untrimmed(format="password"))
    new_password = Described(
        untrimmed(LONGEST_PASSWORD, SHORTEST_PASSWORD, format="password"), help_text="Spaces count"
    )


class TokenFormSerializer(serializers.Serializer[Any]):
    """OAuth2's password form; the client's own fields are ignored."""

    grant_type = Described({"type": "string", "enum": ["password", ""]}, required=False)
    username = Described(untrimmed(), help_text="In any case")
    password = Described(untrimmed(format="password"))
    scope = Described({"type": "string"}, required=False, help_text="`offline_access` asks for a refresh token too")
    client_id = Described({"type": "string"}, required=False)
    client_secret = Described({"type": "string"}, required=False)


LOCKED = refusal("Too many failures of this user name, or of others, from this address; nothing was checked")
_tokens = OpenApiResponse(
    PolymorphicProxySerializer(
        component_name="Tokens",
        serializers=[TokenSerializer, TokenPairSerializer],
        resource_type_field_name=None,
        many=False,
    ),
    description="A token, and what renews it where that was asked for",
)
_logged_in = {
    200: _tokens,
    401: refusal("Incorrect username or password"),
    403: refusal("The account is waiting for a manager's approval; said where the password is right"),
    429: LOCKED,
}
REGISTER = operation(
    "register_user",
    "Users",
    "Register",
    "A new agent. User names and e-mail addresses are unique without regard to case. A user name has no invisible "
    "characters and does not mix alphabets (Latin may stand beside Chinese, Japanese or Korean): else a 422. Where the "
    "office approves new accounts, the account cannot log in (403) before a manager has activated it.",
    request=UserCreateSerializer,
    responses={
        201: OpenApiResponse(UserOutSerializer, description="The new user"),
        403: refusal("Registration is closed"),
        409: refusal("The user name or e-mail address is taken"),
        429: refusal("Too many new accounts from this address"),
    },
)
LOGIN = operation(
    "login",
    "Users",
    "Log in with JSON",
    "A token for a user name and password. With `offline_access` among the words of `scope` also a refresh token.",
    request=LoginSerializer,
    responses=_logged_in,
)
TOKEN = operation(
    "create_token",
    "Users",
    "Log in with a form",
    "OAuth2's password flow. With `offline_access` among the words of `scope` also a refresh token.",
    request=TokenFormSerializer,
    responses=_logged_in,
)
RENEW = operation(
    "refresh_token",
    "Users",
    "Renew a token",
    "A new pair for a refresh token. It is good once: used again later than a few seconds after, it ends its family, "
    "that is, all refresh and access tokens that began with the same log-in.",
    request=RenewalSerializer,
    responses={
        200: OpenApiResponse(TokenPairSerializer, description="The new pair"),
        401: refusal("The refresh token is unknown, used, expired or revoked"),
    },
)
LOGOUT = operation(
    "logout",
    "Users",
    "Log out",
    "Ends the family of the token: its refresh token and its access tokens.",
    request=None,
    responses={204: None, 409: refusal("The token came without a refresh token and belongs to no family")},
)
LOGOUT_ALL = operation(
    "logout_everywhere",
    "Users",
    "Log out everywhere",
    "Ends all of the user's tokens of both kinds, and sessions of the back office.",
    request=None,
    responses={204: None},
)
CHANGE_PASSWORD = operation(
    "change_password",
    "Users",
    "Change the password",
    "Ends all of the user's tokens and replies with a new one, as a log-in would; with a refresh token where the token "
    "that asks came with one.",
    request=PasswordChangeSerializer,
    responses={200: _tokens, 403: refusal("The current password is incorrect"), 429: LOCKED},
)
ME = operation(
    "get_current_user",
    "Users",
    "Me",
    "The user whom the token speaks for.",
    responses={200: OpenApiResponse(UserOutSerializer, description="The current user")},
)
