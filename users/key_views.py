"""``/api/users/me/keys``: the keys that programs use in place of their user's token."""

from typing import Any, cast

from django.db import transaction
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.errors import ApiError
from crm_project.http.schema import operation
from crm_project.http.schema_components import LOCATION
from crm_project.http.viewsets import RuleViewSet
from users.api_keys import MAX_KEYS, ApiKey
from users.audit import Action, Channel, log_account_event
from users.models import User
from users.serializers import ApiKeyCreateSerializer, ApiKeySerializer, IssuedKeySerializer

NO_KEY = "Key not found"


class KeyViewSet(RuleViewSet):
    """The user's own keys. No key reaches them."""

    tag = "Users"
    keeps_replies = False  # a response contains the key
    closed_to_keys = True
    queryset = ApiKey.objects.all()
    serializer_class = ApiKeySerializer
    input_classes = {"create": ApiKeyCreateSerializer}
    strict_actions = ("list", "create", "destroy")
    dry_run_actions = ("create", "destroy")

    @operation("list_keys", "List keys", "The keys")
    def list(self, request: Request) -> Response:
        """Return the user's keys without their secrets. An expired key remains until it is deleted."""
        return Response([self.get_serializer(key).data for key in self._own()])

    @operation(
        "create_key",
        "Create a key",
        "The key; `key` is shown this once",
        201,
        response=IssuedKeySerializer,
        refusals={409: f"The user has {MAX_KEYS} keys"},
        parameters=[LOCATION],
    )
    def create(self, request: Request) -> Response:
        """Create a key for a program, which sends it as `Authorization: Bearer <key>`. It may do what its user may,
        within its scopes; `write` does not include `read`. `expires_on` is the last day (UTC) on which it works.
        """
        values = self.validate_body().validated_data
        user = cast(User, request.user)
        with transaction.atomic():
            list(User.objects.filter(pk=user.pk).select_for_update().values_list("pk"))  # two at once are counted both
            if self._own().count() >= MAX_KEYS:
                raise ApiError(status.HTTP_409_CONFLICT, f"You have {MAX_KEYS} keys; delete one first")
            key, text = ApiKey.objects.issue(user, **values)
            _log(Action.KEY_CREATED, user, key)
        row: dict[str, Any] = {**self.get_serializer(key).data, "key": text}
        headers = {"Location": f"/api/users/me/keys/{key.pk}"}
        return Response(row, status.HTTP_201_CREATED, headers=headers)

    @operation("delete_key", "Delete a key", "It does not work any more", 204, refusals={404: NO_KEY})
    def destroy(self, request: Request, key_id: str) -> Response:
        """Revoke a key at once."""
        with transaction.atomic():
            key = self._own().filter(pk=self.path_id("key_id", NO_KEY)).first()
            if key is None:
                raise NotFound(NO_KEY)
            key.delete()
            _log(Action.KEY_REVOKED, cast(User, request.user), key)
        return Response(None, status.HTTP_204_NO_CONTENT)

    def _own(self) -> Any:
        return ApiKey.objects.filter(user=cast(User, self.request.user))


def _log(action: Action, user: User, key: ApiKey) -> None:
    log_account_event(action, actor=user, target=user, channel=Channel.API, after={"api_key": key.name})
