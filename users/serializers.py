"""Users on the wire. The rules judge (``users/rules.py``); these translate and describe the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_field
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


class LoginSerializer(serializers.Serializer[Any]):
    """User name and password."""

    username = Described(untrimmed(examples=["agent1"]), help_text="In any case")
    password = Described(untrimmed(format="password", examples=["pass123456"]))


class TokenFormSerializer(serializers.Serializer[Any]):
    """OAuth2's password form; the client's own fields are ignored."""

    grant_type = Described({"type": "string", "enum": ["password", ""]}, required=False)
    username = Described(untrimmed(), help_text="In any case")
    password = Described(untrimmed(format="password"))
    scope = Described({"type": "string"}, required=False)
    client_id = Described({"type": "string"}, required=False)
    client_secret = Described({"type": "string"}, required=False)


_token = {
    200: OpenApiResponse(TokenSerializer, description="A token"),
    401: refusal("Incorrect username or password"),
}
REGISTER = operation(
    "register_user",
    "Users",
    "Register",
    "A new agent. User names and e-mail addresses are unique without regard to case.",
    request=UserCreateSerializer,
    responses={
        201: OpenApiResponse(UserOutSerializer, description="The new user"),
        403: refusal("Registration is closed"),
        409: refusal("The user name or e-mail address is taken"),
    },
)
LOGIN = operation(
    "login",
    "Users",
    "Log in with JSON",
    "A token for a user name and password.",
    request=LoginSerializer,
    responses=_token,
)
TOKEN = operation(
    "create_token",
    "Users",
    "Log in with a form",
    "OAuth2's password flow.",
    request=TokenFormSerializer,
    responses=_token,
)
ME = operation(
    "get_current_user",
    "Users",
    "Me",
    "The user whom the token speaks for.",
    responses={200: OpenApiResponse(UserOutSerializer, description="The current user")},
)
