"""The entries of the back office, the API and the commands in the audit log of accounts."""

import io
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from tests.admin.people import browser_of
from tests.admin.test_actions import confirm, start
from tests.admin.test_password_links import choose
from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_lead, make_user
from tests.users.mails import link_in
from tests.users.trying import HERE, log_in
from users.audit import AccountEvent
from users.models import User

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "a brand new password"


def entry() -> AccountEvent:
    """Return the only entry, after checking that it has no secret."""
    event: AccountEvent = AccountEvent.objects.get()
    assert "argon2" not in str(event.changes)
    assert NEW_PASSWORD not in str(vars(event))
    return event


def summary(event: AccountEvent) -> tuple[str, str, str, str]:
    return event.action, event.channel, event.actor_name, event.target_name


def form_of(user: User, **fields: Any) -> dict[str, Any]:
    identity = {name: getattr(user, name) for name in ("username", "email", "first_name", "last_name")}
    return {**identity, "is_active": "on", "wants_reminders": "on", **fields}


def change(boss: Client, user: User, **fields: Any) -> None:
    assert boss.post(f"/admin/users/user/{user.pk}/change/", form_of(user, **fields)).status_code == 302


def test_a_user_is_created(boss: Client) -> None:
    names = {"username": "carla", "email": "carla@example.com", "first_name": "Carla", "last_name": "D"}
    boss.post("/admin/users/user/add/", names)
    created, link = AccountEvent.objects.order_by("pk")
    assert summary(created) == ("created", "admin", "boss", "carla")
    assert created.target_user == User.objects.get(username="carla")
    assert created.changes["email"] == [None, "carla@example.com"]
    assert summary(link) == ("password_link_made", "admin", "boss", "carla")


def test_a_user_is_changed(boss: Client, agent: User) -> None:
    change(boss, agent, first_name="Other")
    assert summary(entry()) == ("changed", "admin", "boss", agent.username)
    assert entry().changes == {"first_name": ["Agent", "Other"]}
    assert not LogEntry.objects.exists(), "logged in the audit log only"


def test_a_form_without_changes(boss: Client, agent: User) -> None:
    change(boss, agent)
    assert not AccountEvent.objects.exists()


def test_a_user_is_renamed(boss: Client, agent: User) -> None:
    old = agent.username
    change(boss, agent, username="renamed")
    assert (entry().target_name, entry().changes) == ("renamed", {"username": [old, "renamed"]})


def test_rights_are_granted(boss: Client, agent: User) -> None:
    group, right = Group.objects.create(name="Interns"), Permission.objects.get(codename="view_lead")
    rights = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk], "user_permissions": [right.pk]}
    change(boss, agent, **rights)
    assert entry().action == "rights_changed"
    assert entry().changes == {
        "is_staff": [False, True],
        "is_superuser": [False, True],
        "groups": [[], ["Interns"]],
        "rights": [[], ["leads.view_lead"]],
    }


def test_the_form_deactivates_and_reactivates(boss: Client, agent: User) -> None:
    change(boss, agent, is_active="")
    change(boss, agent)
    assert list(AccountEvent.objects.order_by("pk").values_list("action", "changes")) == [
        ("deactivated", {"is_active": [True, False]}),
        ("reactivated", {"is_active": [False, True]}),
    ]


def test_actions_deactivate_and_reactivate(boss: Client, agent: User) -> None:
    other = make_user()
    for action in ("deactivate", "reactivate"):
        boss.post("/admin/users/user/", {"action": action, "confirmed": "1", "_selected_action": [agent.pk, other.pk]})
    assert sorted(AccountEvent.objects.values_list("action", "target_user", "actor_name")) == [
        ("deactivated", agent.pk, "boss"),
        ("deactivated", other.pk, "boss"),
        ("reactivated", agent.pk, "boss"),
        ("reactivated", other.pk, "boss"),
    ]


def test_users_and_addresses_are_unlocked(boss: Client, agent: User) -> None:
    for _ in range(5):
        log_in(agent.username)
    for _ in range(2):
        boss.post("/admin/users/user/", {"action": "unlock", "confirmed": "1", "_selected_action": [agent.pk]})
    assert summary(entry()) == ("unlocked", "admin", "boss", agent.username)
    for number in range(20):
        log_in(f"name{number}")
    boss.post("/admin/users/user/unlock-address/", {"address": HERE, "confirmed": "1"})
    assert summary(AccountEvent.objects.first()) == ("address_unlocked", "admin", "boss", HERE)


def test_a_password_is_set_by_link(boss: Client, agent: User) -> None:
    page = boss.post(f"/admin/users/user/{agent.pk}/password/").content.decode()
    assert (*summary(entry()), entry().changes) == ("password_link_made", "admin", "boss", agent.username, {})
    assert choose(link_in(page)).status_code == 302
    stored = AccountEvent.objects.first()
    assert (*summary(stored), stored.changes) == ("password_set", "admin", agent.username, agent.username, {})


def test_own_password_in_the_back_office(boss: Client) -> None:
    wrong = {"old_password": "wrong", "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    boss.post("/admin/password_change/", wrong)
    assert not AccountEvent.objects.exists()
    assert boss.post("/admin/password_change/", {**wrong, "old_password": PASSWORD}).status_code == 302
    assert summary(entry()) == ("password_set", "admin", "boss", "boss")


def test_groups(boss: Client) -> None:
    right, member = Permission.objects.get(codename="view_lead"), make_user()
    boss.post("/admin/auth/group/add/", {"name": "Interns"})
    group = Group.objects.get(name="Interns")
    boss.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Trainees", "permissions": [right.pk]})
    member.groups.add(group)
    boss.post("/admin/auth/group/", {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"})
    other = Group.objects.create(name="Others")
    boss.post(f"/admin/auth/group/{other.pk}/delete/", {"post": "yes"})
    entries = AccountEvent.objects.order_by("pk")
    assert [(*summary(event), event.changes) for event in entries] == [
        ("group_created", "admin", "boss", "Interns", {"name": [None, "Interns"], "rights": [None, []]}),
        (
            *("group_changed", "admin", "boss", "Trainees"),
            {"name": ["Interns", "Trainees"], "rights": [[], ["leads.view_lead"]]},
        ),
        (
            *("group_deleted", "admin", "boss", "Trainees"),
            {"name": ["Trainees", None], "rights": [["leads.view_lead"], None], "members": [[member.pk], None]},
        ),
        (
            *("group_deleted", "admin", "boss", "Others"),
            {"name": ["Others", None], "rights": [[], None], "members": [[], None]},
        ),
    ]


def test_registration(anonymous: Api) -> None:
    body = {"username": "carla", "email": "carla@example.com", "password": NEW_PASSWORD}
    names = {"first_name": "Carla", "last_name": "D"}
    assert anonymous.post("/api/users/register", {**body, **names}).status_code == 201
    assert anonymous.post("/api/users/register", {**body, **names}).status_code == 409
    assert summary(entry()) == ("registered", "api", "carla", "carla")
    assert len(entry().request_id) == 16


def test_own_password_in_the_api(agent: User, api: Api) -> None:
    body = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    assert api.post("/api/users/me/password", body).status_code == 403
    assert api.post("/api/users/me/password", {**body, "current_password": PASSWORD}).status_code == 200
    assert summary(entry()) == ("password_set", "api", agent.username, agent.username)


def test_log_out_everywhere(agent: User, api: Api) -> None:
    api.post("/api/users/logout-all")
    assert summary(entry()) == ("logged_out_everywhere", "api", agent.username, agent.username)


def test_commands(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"username": "boss", "email": "", "password": NEW_PASSWORD}.items():
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name.upper()}", text)
    call_command("createsuperuser", interactive=False, stdout=io.StringIO())
    created = entry()
    assert (created.action, created.channel, created.actor) == ("created", "cli", None)
    assert created.changes["is_superuser"] == [None, True]
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"another {NEW_PASSWORD}")
    call_command("changepassword", "boss", stdout=io.StringIO())
    assert User.objects.get().check_password(f"another {NEW_PASSWORD}")
    changed = AccountEvent.objects.first()
    assert (changed.action, changed.channel, changed.target_name) == ("password_set", "cli", "boss")


def test_downloads(boss: Client) -> None:
    lead = make_lead()
    list(confirm(boss, start(boss, "export", [lead]), format="csv").streaming_content)
    assert summary(entry()) == ("exported_leads", "admin", "boss", "")
    assert entry().changes == {"leads": [None, 1], "format": [None, "csv"]}


def test_personal_data(agent: User) -> None:
    manager = browser_of("superuser")
    actor = User.objects.latest("pk").username
    lead = make_lead(email=agent.email)
    list(manager.post("/admin/personal-data/download/", {"email": agent.email}).streaming_content)
    assert summary(entry()) == ("exported_personal_data", "admin", actor, agent.username)
    assert entry().changes == {"leads": [None, 1], "lead_ids": [None, [lead.pk]]}
    page = manager.post("/admin/personal-data/erase/", {"email": agent.email})
    form = {"email": agent.email, "typed": agent.email, "agreed": page.context["agreed"]}
    manager.post("/admin/personal-data/erase/", form)
    name = f"erased-{agent.pk}"
    assert [summary(event) for event in AccountEvent.objects.order_by("pk")] == [
        ("exported_personal_data", "admin", actor, name),
        ("erased_personal_data", "admin", actor, name),
    ]


def test_erased_users_are_in_no_entry(boss: Client) -> None:
    user = make_user(username="zerelda", email="zq@example.com", first_name="Zerelda", last_name="Quuxley")
    other = make_user(username="other", email="o@example.com")
    change(boss, user, first_name="Zelda")
    Api(bearer(user)).post("/api/users/logout-all")
    User.objects.filter(pk=user.pk).update(email="zq2@example.com", email_key="zq2@example.com")
    change(boss, other, email="zq@example.com")
    change(boss, other, email="o@example.com", username="zq2@example.com")
    User.objects.filter(pk=user.pk).update(email="zq@example.com", email_key="zq@example.com")
    out = io.StringIO()
    call_command("export_person", "zq@example.com", stdout=out)
    assert "Zelda" in out.getvalue()
    assert "o@example.com" not in out.getvalue()
    call_command("erase_person", "zq@example.com", "--yes", stdout=io.StringIO())
    entries = str([vars(event) for event in AccountEvent.objects.all()])
    assert [text for text in ("zerelda", "Zerelda", "Zelda", "zq@") if text in entries] == []
    assert "o@example.com" in entries
    assert AccountEvent.objects.get(action="logged_out_everywhere").actor_name == f"erased-{user.pk}"
