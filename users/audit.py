"""The audit log of accounts: who changed which user, group or right, when, through which channel, from what to what.

Every change of an account calls ``log_account_event`` in its own transaction, so that neither is stored without the
other. Entries are added and never changed. They have no retention: the log of who gave rights to whom stays for as long
as the database does, and erasing a person takes the person out of it.
"""

import getpass
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from crm_project.logs import REQUEST_ID, current

if TYPE_CHECKING:
    from users.models import User

Changes = dict[str, list[Any]]  # by field: the value before, the value after
State = Mapping[str, Any]

MAX_NAME = 150  # of users and groups
IDENTITY = ("username", "email", "first_name", "last_name")
ACCESS = ("is_active", "is_staff", "is_superuser")
OTHERS = ("must_change_password",)
SECRETS = frozenset({"password", "secret", "token", "key", "code", "codes", "hash"})


class ImmutableRecord(Exception):
    """Somebody tried to change or delete an entry of the audit log."""


class Channel(models.TextChoices):
    """The interface through which something was changed."""

    API = "api", "API"
    ADMIN = "admin", "Back office"
    IMPORT = "import", "Import"  # a file, whoever started its import
    CLI = "cli", "Command line"


class Actor(NamedTuple):
    """Who did something: ``user_id`` is ``None`` where nobody was logged in, ``name`` is as of writing."""

    user_id: int | None
    name: str
    channel: Channel

    @classmethod
    def of(cls, user: "User", channel: Channel) -> Self:
        """Return the logged-in ``user`` as an actor."""
        return cls(user.pk, user.name, channel)

    @classmethod
    def operator(cls, channel: Channel = Channel.CLI) -> Self:
        """Return whoever runs this process, by the name that the operating system knows."""
        return cls(None, getpass.getuser(), channel)


class Action(models.TextChoices):
    """What was done."""

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
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    GROUP_CREATED = "group_created"
    GROUP_CHANGED = "group_changed"
    GROUP_DELETED = "group_deleted"
    EXPORTED_LEADS = "exported_leads"
    EXPORTED_PERSONAL_DATA = "exported_personal_data"
    ERASED_PERSONAL_DATA = "erased_personal_data"
    MIGRATED_DATABASE = "migrated_database"


class AccountEventQuerySet(models.QuerySet["AccountEvent"]):
    """``AccountEvent.objects``."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise ImmutableRecord("the audit log of accounts is not changed")

    def delete(self) -> NoReturn:
        """Refuse."""
        raise ImmutableRecord("the audit log of accounts is not deleted")


class AccountEvent(models.Model):
    """One entry. ``changes`` holds ``{field: [before, after]}`` of the changed fields alone.

    Names are as of writing; ``actor`` is empty where an operator ran a command. The target is a user, a group, or
    neither (an address that was unlocked, a person who is in leads alone).
    """

    # No constraints in the database: entries outlive what they are about.
    at = models.DateTimeField()
    action = models.CharField(max_length=32)  # an ``Action``
    channel = models.CharField(max_length=8, choices=Channel.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    actor_name = models.CharField(max_length=MAX_NAME)
    target_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    target_group = models.ForeignKey(
        Group, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a new entry; refuse to change a stored one."""
        if not self._state.adding:
            raise ImmutableRecord("the audit log of accounts is not changed")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise ImmutableRecord("the audit log of accounts is not deleted")


def log_account_event(
    action: Action | str,
    *,
    actor: "User | None",
    target: "User | Group | str | None",
    channel: Channel | str,
    before: State | None = None,
    after: State | None = None,
) -> AccountEvent | None:
    """Add an entry to the audit log; to be called inside the transaction of the change.

    ``actor`` is ``None`` for an operator at the command line, ``target`` a text for what has no row of its own (an
    address). Of ``before`` and ``after`` the fields that differ are stored; where both are given and nothing differs,
    nothing has changed and nothing is logged. Neither may hold a password, a token or another secret.
    """
    changes = diff(before or {}, after or {})
    if before is not None and after is not None and not changes:
        return None
    if secrets := SECRETS & changes.keys():
        raise ValueError(f"not for the audit log: {', '.join(sorted(secrets))}")
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
    """The fields whose values differ; ``None`` stands for a field that is missing on one side."""
    fields = dict.fromkeys([*before, *after])
    return {field: [before.get(field), after.get(field)] for field in fields if before.get(field) != after.get(field)}


def user_state(user: "User") -> dict[str, Any]:
    """What the audit log compares of a user, as stored now: identity, access, groups and rights by name."""
    fields = type(user)._default_manager.filter(pk=user.pk).values(*IDENTITY, *ACCESS, *OTHERS).first() or {}
    return {
        **fields,
        "groups": sorted(user.groups.values_list("name", flat=True)),
        "rights": _rights(user.user_permissions),
    }


def created_state(user: "User") -> dict[str, Any]:
    """What a new user has, who has neither groups nor rights yet; without what is empty."""
    return {field: value for field in (*IDENTITY, *ACCESS) if (value := getattr(user, field))}


def group_state(group: Group) -> dict[str, Any]:
    """What the audit log compares of a group, as stored now."""
    name = Group.objects.filter(pk=group.pk).values_list("name", flat=True).first()
    return {"name": name, "rights": _rights(group.permissions)}


def rewrite(entries: AccountEventQuerySet, without: Callable[[Changes], Changes]) -> int:
    """Take values out of entries for good; return how many entries held any.

    With ``overwrite_names`` the one exception to ``ImmutableRecord``: the right to be erased comes first.
    """
    rows = entries.order_by().values_list("pk", "changes").iterator()
    held = [(pk, left) for pk, changes in rows if (left := without(changes)) != changes]
    for pk, left in held:
        models.QuerySet.update(AccountEvent.objects.filter(pk=pk), changes=left)
    return len(held)


def overwrite_names(entries: AccountEventQuerySet, column: str, name: str) -> int:
    """Put another name into ``column`` of entries that name an erased person; return how many there are."""
    return models.QuerySet.update(entries, **{column: name})


def _rights(permissions: Any) -> list[str]:
    pairs = permissions.values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{codename}" for app, codename in pairs)


def _system_name(channel: Channel | str) -> str:
    return getpass.getuser() if channel == Channel.CLI else "system"


def _target(target: "User | Group | str | None") -> dict[str, Any]:
    if target is None or isinstance(target, str):
        return {"target_name": (target or "")[:MAX_NAME]}
    if isinstance(target, Group):
        return {"target_group_id": target.pk, "target_name": target.name}
    return {"target_user_id": target.pk, "target_name": target.get_username()}
