"""The audit log of accounts: who changed which user, group or right, when, through which channel, from what to what.

Every change of an account calls ``log_account_event`` in its own transaction, so that neither is stored without the
other. Entries are never changed or deleted, except that the erasure of a person overwrites that person's data.
"""

import getpass
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from crm_project.db.append_only import AppendOnlyModel, AppendOnlyQuerySet, Changes, unconstrained_foreign_key
from crm_project.logs import REQUEST_ID, current
from users.base_user import AbstractUser

State = Mapping[str, Any]

MAX_NAME = 150  # of users and groups
MAX_SIGNATURE = 301  # of "First Last" on records
IDENTITY = ("username", "email", "first_name", "last_name")
ACCESS = ("is_active", "is_staff", "is_superuser")
OTHER_FIELDS = ("must_change_password", "wants_reminders")
SECRETS = frozenset({"password", "secret", "token", "key", "code", "codes", "hash"})


class Channel(models.TextChoices):
    """The interface through which something was changed."""

    API = "api", "API"
    ADMIN = "admin", "Back office"
    IMPORT = "import", "Import"  # a file, whoever started its import
    CLI = "cli", "Command line"


class Actor(NamedTuple):
    """Who changes something, and how. ``user_id`` is ``None`` if nobody is logged in."""

    user_id: int | None
    name: str
    channel: Channel
    program: str = ""  # the name of the key that a program of the user's has

    @classmethod
    def of(cls, user: AbstractUser, channel: Channel, program: str = "") -> Self:
        """Return the logged-in ``user`` as an actor: "Lena Fischer", or "Zapier (Lena Fischer)" of a program."""
        return cls(user.pk, "", channel, program).named(user.name)

    def named(self, name: str) -> Self:
        """Return the actor whose user has this name."""
        return self._replace(name=f"{self.program} ({name})"[:MAX_SIGNATURE] if self.program else name)

    @classmethod
    def operator(cls) -> Self:
        """Return the operator who runs this process, with the name of the operating system's account."""
        return cls(None, getpass.getuser(), Channel.CLI)


class Action(models.TextChoices):
    """The kind of an entry."""

    REGISTERED = "registered"
    CREATED = "created"
    CHANGED = "changed"
    APPROVED = "approved"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    UNLOCKED = "unlocked"
    ADDRESS_UNLOCKED = "address_unlocked"
    RIGHTS_CHANGED = "rights_changed"
    PASSWORD_SET = "password_set"  # noqa: S105  the name of an action, as the next one
    PASSWORD_LINK_MADE = "password_link_made"  # noqa: S105
    SECOND_FACTOR_ENABLED = "second_factor_enabled"
    SECOND_FACTOR_DISABLED = "second_factor_disabled"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    SESSION_ENDED = "session_ended"
    KEY_CREATED = "api_key_created"
    KEY_REVOKED = "api_key_revoked"
    CALENDAR_LINK_CREATED = "calendar_link_created"
    CALENDAR_LINK_REVOKED = "calendar_link_revoked"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    GROUP_CREATED = "group_created"
    GROUP_CHANGED = "group_changed"
    GROUP_DELETED = "group_deleted"
    EXPORTED_LEADS = "exported_leads"
    EXPORTED_PERSONAL_DATA = "exported_personal_data"
    ERASED_PERSONAL_DATA = "erased_personal_data"
    MIGRATED_DATABASE = "migrated_database"


class AccountEventQuerySet(AppendOnlyQuerySet["AccountEvent"]):
    """``AccountEvent.objects``."""


class AccountEvent(AppendOnlyModel):
    """One entry of the audit log. ``changes`` contains ``{field: [before, after]}`` of the changed fields only.

    Names are those at the time of the entry. ``actor`` is empty if an operator ran a command. The target is a user, a
    group, or neither (an address that was unlocked, a person who is only a lead).
    """

    # No foreign key constraints in the database: entries remain when users and groups are deleted.
    at = models.DateTimeField()
    action = models.CharField(max_length=32)  # an ``Action``
    channel = models.CharField(max_length=8, choices=Channel.choices)
    actor = unconstrained_foreign_key(settings.AUTH_USER_MODEL)
    actor_name = models.CharField(max_length=MAX_NAME)
    target_user = unconstrained_foreign_key(settings.AUTH_USER_MODEL)
    target_group = unconstrained_foreign_key(Group)
    target_name = models.CharField(max_length=MAX_NAME, blank=True)
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    request_id = models.CharField(max_length=128, blank=True)

    objects: ClassVar = AccountEventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()  # superusers alone read it
        indexes = [
            models.Index(fields=["target_user", "-id"], name="account_events_of_target"),
            models.Index(fields=["actor", "-id"], name="account_events_of_actor"),
            models.Index(fields=["action", "-id"], name="account_events_of_action"),
            models.Index(fields=["at"], name="account_events_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name}"


def log_account_event(
    action: Action | str,
    *,
    actor: AbstractUser | None,
    target: AbstractUser | Group | str | None,
    channel: Channel | str,
    before: State | None = None,
    after: State | None = None,
) -> AccountEvent | None:
    """Add an entry to the audit log, in the transaction of the change; return it.

    ``actor`` is ``None`` for an operator at the command line. ``target`` is a text if it has no row, such as an IP
    address. The entry contains the fields that differ between ``before`` and ``after``; if both are given and no field
    differs, nothing is logged. Raises ``ValueError`` for passwords, tokens and other secrets.
    """
    changes = diff(before or {}, after or {})
    if before is not None and after is not None and not changes:
        return None
    if secrets := SECRETS & changes.keys():
        raise ValueError(f"secrets are not logged: {', '.join(sorted(secrets))}")
    request = current.get()
    return AccountEvent.objects.create(
        at=timezone.now(),
        action=Action(action),
        channel=Channel(channel),
        actor_id=actor.pk if actor else None,
        actor_name=(actor.get_username() if actor else _system_name(channel))[:MAX_NAME],
        **_target(target),
        changes=changes,
        request_id=request.META.get(REQUEST_ID, "") if request else "",
    )


def diff(before: State, after: State) -> Changes:
    """Return the fields with different values. ``None`` stands for a field that is missing on one side."""
    fields = dict.fromkeys([*before, *after])
    return {field: [before.get(field), after.get(field)] for field in fields if before.get(field) != after.get(field)}


def user_state(user: AbstractUser) -> dict[str, Any]:
    """Return the logged state of a user as stored now: identity, access, and groups and permissions by name."""
    fields = type(user)._default_manager.filter(pk=user.pk).values(*IDENTITY, *ACCESS, *OTHER_FIELDS).first() or {}
    return {
        **fields,
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "rights": _rights(user.user_permissions),
    }


def created_state(user: AbstractUser) -> dict[str, Any]:
    """Return the logged state of a new user, who has no groups and permissions yet, without empty values."""
    return {field: value for field in (*IDENTITY, *ACCESS) if (value := getattr(user, field))}


def group_state(group: Group) -> dict[str, Any]:
    """Return the logged state of a group as stored now."""
    name = Group.objects.filter(pk=group.pk).values_list("name", flat=True).first()
    return {"name": name, "rights": _rights(group.permissions)}


def _rights(permissions: Any) -> list[str]:
    pairs = permissions.values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{codename}" for app, codename in pairs)


def _system_name(channel: Channel | str) -> str:
    return getpass.getuser() if channel == Channel.CLI else "system"


def _target(target: AbstractUser | Group | str | None) -> dict[str, Any]:
    if target is None or isinstance(target, str):
        return {"target_name": (target or "")[:MAX_NAME]}
    if isinstance(target, Group):
        return {"target_group_id": target.pk, "target_name": target.name}
    return {"target_user_id": target.pk, "target_name": target.get_username()}
