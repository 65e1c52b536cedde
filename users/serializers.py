"""Users on the wire. The rules judge (``users/rules.py``); these translate and describe the schema."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from crm_project.api.schema import TIMESTAMP
from crm_project.api.times import iso
from users.models import User


@extend_schema_field(TIMESTAMP)
class TimestampField(serializers.Field[Any, Any, str, Any]):
    """UTC with six digits and no zone."""

    def to_representation(self, value: Any) -> str:
        """``2025-10-07T18:10:00.000000``."""
        return iso(value)


@extend_schema_serializer(component_name="UserCreate")
class UserCreateSerializer(serializers.Serializer[Any]):
    """The body of a registration, for the schema."""

    username = serializers.CharField(min_length=3, max_length=150)
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(min_length=8, max_length=4096)
    first_name = serializers.CharField(max_length=150, allow_blank=True)
    last_name = serializers.CharField(max_length=150, allow_blank=True)


@extend_schema_serializer(component_name="UserOut")
class UserOutSerializer(serializers.ModelSerializer[User]):
    """A user as the API shows one."""

    created_at = TimestampField()

    class Meta:
        model = User
        fields = ("id", "username", "email", "first_name", "last_name", "created_at")


@extend_schema_serializer(component_name="Token")
class TokenSerializer(serializers.Serializer[Any]):
    """Exactly the contract's two keys."""

    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=["bearer"])


@extend_schema_serializer(component_name="LoginIn")
class LoginSerializer(serializers.Serializer[Any]):
    """The body of a JSON log-in."""

    username = serializers.CharField()
    password = serializers.CharField()


@extend_schema_serializer(component_name="TokenForm")
class TokenFormSerializer(serializers.Serializer[Any]):
    """The OAuth2 password form; only the first two matter."""

    username = serializers.CharField()
    password = serializers.CharField()
    grant_type = serializers.ChoiceField(choices=["password"], required=False)
    scope = serializers.CharField(required=False, allow_blank=True)
    client_id = serializers.CharField(required=False, allow_blank=True)
    client_secret = serializers.CharField(required=False, allow_blank=True)
