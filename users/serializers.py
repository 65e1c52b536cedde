"""Users on the wire: what comes in is validated by ``users/validators.py``."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from crm_project.http.serializers import Checked, RowSerializer, RuleSerializer, SchemaField
from crm_project.http.timestamps import iso
from users import validators
from users.models import User


class UserOutSerializer(RowSerializer):
    """A user."""

    class Meta:
        model = User
        fields = ("id", "username", "email", "first_name", "last_name", "created_at")

    def to_representation(self, instance: User) -> dict[str, Any]:
        """The user's own facts."""
        row = {name: getattr(instance, name) for name in self.Meta.fields}
        return row | {"created_at": iso(instance.created_at)}


class UserCreateSerializer(RuleSerializer):
    """A registration."""

    field_rules = validators.REGISTRATION
    output_class = UserOutSerializer

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.check_registration(row)


class TokenSerializer(serializers.Serializer[Any]):
    """A token, for ``Authorization: Bearer``."""

    access_token = serializers.CharField()
    token_type = SchemaField({"type": "string", "enum": ["bearer"]})


class TokenPairSerializer(TokenSerializer):
    """A token and what renews it."""

    expires_in = serializers.IntegerField(min_value=1, help_text="Seconds that `access_token` is good for")
    refresh_token = serializers.CharField(help_text="For `/api/users/token/refresh`, once")


TOKENS = PolymorphicProxySerializer(
    component_name="Tokens",
    serializers=[TokenSerializer, TokenPairSerializer],
    resource_type_field_name=None,
    many=False,
)


class LoginSerializer(RuleSerializer):
    """User name and password."""

    field_rules = validators.LOGIN
    # Of whatever type: a field that did not exist before must not make a log-in fail.
    scope = SchemaField(
        {"examples": ["offline_access"], "description": "`offline_access`: a refresh token too"}, required=False
    )

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.check_login(row)


class TokenFormSerializer(RuleSerializer):
    """OAuth2's password form; the client's own fields are ignored."""

    field_rules = validators.LOGIN
    grant_type = SchemaField({"type": "string", "enum": ["password", ""]}, required=False)
    scope = SchemaField(
        {"type": "string", "description": "`offline_access` asks for a refresh token too"}, required=False
    )
    client_id = SchemaField({"type": "string"}, required=False)
    client_secret = SchemaField({"type": "string"}, required=False)

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.check_token_form(row)


class RenewalSerializer(RuleSerializer):
    """A refresh token; OAuth2's other fields are ignored."""

    field_rules = validators.RENEWAL
    output_class = TokenPairSerializer

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.check_renewal(row)


class PasswordChangeSerializer(RuleSerializer):
    """The password one has, and the one to have from now on."""

    field_rules = validators.PASSWORD_CHANGE

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.check_password_change(row)
