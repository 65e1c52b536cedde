"""The audit log of accounts: the contents of entries, and that no entry is changed or deleted."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from crm_project.db.append_only import ImmutableRecord
from tests.factories import make_user
from users.audit import (
    AccountEvent,
    Action,
    Channel,
    group_state,
    log_account_event,
    user_state,
)
from users.models import User

pytestmark = pytest.mark.django_db


def log(**given: Any) -> AccountEvent | None:
    defaults: dict[str, Any] = {"actor": None, "target": None, "channel": Channel.CLI}
    return log_account_event(given.pop("action", Action.CHANGED), **{**defaults, **given})


def test_it_works(agent: User) -> None:
    boss = make_user(username="boss")
    before, after = {"email": "a@b.cd", "is_staff": False}, {"email": "a@b.cd", "is_staff": True}
    log(actor=boss, target=agent, channel="admin", before=before, after=after)
    entry = AccountEvent.objects.get()
    assert (entry.action, entry.channel) == ("changed", "admin")
    assert (entry.actor, entry.actor_name) == (boss, "boss")
    assert (entry.target_user, entry.target_name) == (agent, agent.username)
    assert entry.changes == {"is_staff": [False, True]}


def test_nothing_is_logged_where_nothing_changed(agent: User) -> None:
    same = {"email": "a@b.cd"}
    assert log(target=agent, before=same, after=same) is None
    assert not AccountEvent.objects.exists()


def test_an_operator_is_named_by_the_system(agent: User) -> None:
    by_command, by_system = log(target=agent), log(target=agent, channel="api")
    assert by_command is not None
    assert by_command.actor_id is None
    assert by_command.actor_name
    assert by_system is not None
    assert by_system.actor_name == "system"


@pytest.mark.parametrize("field", ["password", "token", "secret"])
def test_secrets_are_refused(agent: User, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        log(target=agent, after={field: "x"})
    assert not AccountEvent.objects.exists()


def test_an_action_that_is_unknown_is_refused(agent: User) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        log(action="nonsense", target=agent)


def test_an_entry_goes_with_its_change(agent: User) -> None:
    with transaction.atomic():
        log(target=agent)
        transaction.set_rollback(True)
    assert not AccountEvent.objects.exists()


def test_entries_are_neither_changed_nor_deleted(agent: User) -> None:
    entry = log(target=agent)
    assert entry
    entry.actor_name = "somebody else"
    entries = AccountEvent.objects.all()
    for forbidden in (
        entry.save,
        entry.delete,
        entries.delete,
        lambda: entries.update(actor_name="x"),
    ):
        with pytest.raises(ImmutableRecord):
            forbidden()
    assert AccountEvent.objects.get().actor_name != "somebody else"


def test_entries_outlive_their_group() -> None:
    group = Group.objects.create(name="Interns")
    log(action=Action.GROUP_DELETED, target=group, before=group_state(group))
    number = group.pk
    group.delete()
    entry = AccountEvent.objects.get()
    assert (entry.target_group_id, entry.target_name) == (number, "Interns")
    assert entry.changes == {"name": ["Interns", None], "rights": [[], None]}


def test_states_name_groups_and_rights(agent: User) -> None:
    group, right = Group.objects.create(name="Interns"), Permission.objects.get(codename="view_lead")
    before = user_state(agent)
    agent.groups.add(group)
    agent.user_permissions.add(right)
    agent.is_staff = True
    agent.save()
    log(target=agent, before=before, after=user_state(agent))
    assert AccountEvent.objects.get().changes == {
        "is_staff": [False, True],
        "groups": [[], ["Interns"]],
        "rights": [[], ["leads.view_lead"]],
    }


def test_the_erasure_of_a_person_overwrites_names(agent: User) -> None:
    log(target=agent)
    assert AccountEvent.objects.filter(target_user=agent).overwrite(target_name="erased-1") == 1
    assert AccountEvent.objects.get().target_name == "erased-1"
