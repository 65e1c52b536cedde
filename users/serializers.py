"""Serializers of users and tokens. ``users/validators.py`` validates the input."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from crm_project.http.serializers import Checked, RowSerializer, RuleSerializer, SchemaField
from crm_project.http.timestamps import iso
from users import validators
from users.models import ApiKey, User

# In samples: cut short, so that nobody tries them.
ACCESS_TOKEN = "eyJhbGciOiJIUzI1NiIs…"  # noqa: S105
REFRESH_TOKEN = "h3Jk0…"  # noqa: S105


class UserOutSerializer(RowSerializer):
    """A user."""

    field_rules = validators.REGISTRATION
    about = {"id": {"examples": [1]}}

    class Meta:
        model = User
        fields = ("id", "username", "email", "first_name", "last_name", "created_at")

    def to_representation(self, instance: User) -> dict[str, Any]:
        """Return the response's object."""
        row = {name: getattr(instance, name) for name in self.Meta.fields}
        return row | {"created_at": iso(instance.created_at)}


class UserCreateSerializer(RuleSerializer):
    """A registration."""

    field_rules = validators.REGISTRATION
    output_class = UserOutSerializer

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors."""
        return validators.check_registration(row)


class TokenSerializer(serializers.Serializer[Any]):
    """An access token, for ``Authorization: Bearer``."""

    access_token = SchemaField({"type": "string", "examples": [ACCESS_TOKEN]})
    token_type = SchemaField({"type": "string", "enum": ["bearer"]})


class TokenPairSerializer(TokenSerializer):
    """An access token and a refresh token."""

    expires_in = SchemaField(
        {"type": "integer", "minimum": 1, "description": "Seconds until `access_token` expires", "examples": [3600]}
    )
    refresh_token = SchemaField(
        {"type": "string", "description": "For one request to `/api/users/token/refresh`", "examples": [REFRESH_TOKEN]}
    )


TOKENS = PolymorphicProxySerializer(
    component_name="Tokens",
    serializers=[TokenSerializer, TokenPairSerializer],
    resource_type_field_name=None,
    many=False,
)


class LoginSerializer(RuleSerializer):
    """User name and password."""

    field_rules = validators.LOGIN
    # Any value is valid: the field is not part of the contract.
    scope = SchemaField({"type": "string", "description": "`offline_access` requests a refresh token"}, required=False)

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors."""
        return validators.check_login(row)


class TokenFormSerializer(RuleSerializer):
    """OAuth2's password form. The client's id and secret are ignored."""

    field_rules = validators.LOGIN
    grant_type = SchemaField({"type": "string", "enum": ["password"]}, required=False)
    scope = SchemaField({"type": "string", "description": "`offline_access` requests a refresh token"}, required=False)
    client_id = SchemaField({"type": "string"}, required=False)
    client_secret = SchemaField({"type": "string"}, required=False)

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors."""
        return validators.check_token_form(row)


class RenewalSerializer(RuleSerializer):
    """A refresh token. OAuth2's other fields are ignored."""

    field_rules = validators.RENEWAL
    output_class = TokenPairSerializer

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors."""
        return validators.check_renewal(row)


class PasswordChangeSerializer(RuleSerializer):
    """The current and the new password."""

    field_rules = validators.PASSWORD_CHANGE

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors."""
        return validators.check_password_change(row)


class ProfileSerializer(RuleSerializer):
    """The fields of the profile to change; the others stay. A new `email` needs `current_password`."""

    field_rules = validators.PROFILE
    output_class = UserOutSerializer
    optional = True

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors."""
        return validators.check_profile(row)


class ApiKeySerializer(RowSerializer):
    """A key for programs."""

    class Meta:
        model = ApiKey
        fields = ("id", "name", "created_at", "expires_on", "last_used_on")

    def get_fields(self) -> dict[str, Any]:
        """Scopes are two columns."""
        columns = super().get_fields()
        scopes = SchemaField(validators.API_KEY["scopes"].schema)
        return {"id": columns["id"], "name": columns["name"], "scopes": scopes, **columns}

    def to_representation(self, instance: ApiKey) -> dict[str, Any]:
        """Return the response's object."""
        days = {name: getattr(instance, name) for name in ("expires_on", "last_used_on")}
        return {
            "id": instance.pk,
            "name": instance.name,
            "scopes": instance.scopes,
            "created_at": iso(instance.created_at),
            **{name: day and day.isoformat() for name, day in days.items()},
        }


class IssuedKeySerializer(ApiKeySerializer):
    """A new key. Its text is shown only now."""

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, with the text of the key."""
        return {**super().get_fields(), "key": SchemaField({"type": "string", "examples": ["crm_7_h3Jk0…"]})}


class ApiKeyCreateSerializer(RuleSerializer):
    """A new key for a program."""

    field_rules = validators.API_KEY
    output_class = ApiKeySerializer


class DirectoryEntrySerializer(RowSerializer):
    """A user, as pickers show it."""

    about = {"id": {"examples": [1]}}

    class Meta:
        model = User
        fields = ("id", "first_name", "last_name", "is_active", "username")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; the user name is optional, because not every user may see it."""
        fields = super().get_fields()
        fields["username"] = SchemaField({"type": "string"}, required=False, help_text="One's own; managers see all")
        return fields
