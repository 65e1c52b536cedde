"""The admin's users pages."""

import io
import sqlite3
from contextlib import closing

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.admin.people import browser_of, make_groups
from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_lead, make_user
from tests.users.trying import HERE, log_in
from users.models import User
from users.permissions import STAFF

pytestmark = pytest.mark.django_db

NEW = {"username": "carla", "email": "carla@example.com", "first_name": "Carla", "last_name": "Díaz"}


def add(browser: Client, **fields: str) -> str:
    return browser.post("/admin/users/user/add/", {**NEW, **fields}).content.decode()


def test_it_works(boss: Client, anonymous: Api) -> None:
    page = add(boss)
    assert "The user carla was added." in page
    assert "/admin/set-password/" in page  # tests/admin/test_password_links.py goes on from here
    carla = User.objects.get(username="carla")
    assert (carla.email_key, carla.is_staff) == ("carla@example.com", False)
    for password in ("", "!", carla.password):
        login = anonymous.post("/api/users/login", {"username": "Carla", "password": password})
        assert login.status_code == 401


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "ab", "Enter at least 3 characters."),
        ("username", "CÁRLOS", "exists already"),
        ("email", "nowhere", "Enter a valid email address."),
        ("email", "CARLOS@EXAMPLE.COM", "exists already"),
    ],
)
def test_rules_of_the_api_hold(boss: Client, field: str, value: str, message: str) -> None:
    make_user(username="cárlos", email="carlos@example.com")
    assert message in add(boss, **{field: value})
    assert not User.objects.filter(first_name="Carla").exists()


def test_log_in_ignores_case(client: Client, db: None) -> None:
    make_user(username="Boss", is_staff=True)
    reply = client.post("/admin/login/?next=/admin/", {"username": "bOSS", "password": PASSWORD})
    assert reply.status_code == 302
    assert reply["Location"] == "/admin/"


def test_deactivation_ends_tokens_for_good(boss: Client, agent: User) -> None:
    old = bearer(agent)
    page = f"/admin/users/user/{agent.pk}/change/"
    form = {"username": agent.username, "email": agent.email, "first_name": "A", "last_name": "B"}
    boss.post(page, form)
    agent.refresh_from_db()
    assert (agent.is_active, agent.first_name) == (False, "A")
    boss.post(page, {**form, "is_active": "on"})
    agent.refresh_from_db()
    assert agent.is_active
    assert Client(headers=old).get("/api/users/me").status_code == 401


def test_agents_stay_out(agent: User, client: Client) -> None:
    client.force_login(agent)
    assert client.get("/admin/users/user/").status_code == 302


@pytest.mark.parametrize(
    ("field", "value"), [("username", "bo"), ("email", "notmail"), ("password", "short"), ("username", "")]
)
def test_the_first_administrator_obeys_the_rules(
    db: None, monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    given = {"username": "boss", "email": "", "password": "a long password", field: value}
    for name, text in given.items():
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name.upper()}", text)
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False, stdout=io.StringIO())
    assert not User.objects.exists()


def test_the_first_administrator_needs_no_address(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"username": "boss", "email": "", "password": "a long password"}.items():
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name.upper()}", text)
    call_command("createsuperuser", interactive=False, stdout=io.StringIO())
    assert User.objects.get(is_superuser=True).check_password("a long password")


@pytest.mark.parametrize(("is_staff", "told"), [("", True), ("on", False)])
def test_a_group_without_a_way_in_is_told(boss: Client, agent: User, is_staff: str, told: bool) -> None:
    make_groups()
    staff = Group.objects.get(name=STAFF)
    identity = {"username": agent.username, "email": agent.email, "first_name": "Agent", "last_name": "One"}
    form = {**identity, "is_active": "on", "groups": str(staff.pk), **({"is_staff": "on"} if is_staff else {})}
    reply = boss.post(f"/admin/users/user/{agent.pk}/change/", form, follow=True).content.decode()
    assert list(agent.groups.all()) == [staff]
    assert ("cannot log in here yet" in reply) == told


def test_an_address_that_is_locked_is_shown_and_unlocked(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        log_in(f"name{number}")
    manager, right = browser_of("manager"), make_user()
    assert log_in(right.username, PASSWORD).status_code == 429
    page = manager.get("/admin/users/user/").content.decode()
    assert f"<code>{HERE}</code>" in page
    unlock = "/admin/users/user/unlock-address/"
    assert browser_of("staff").post(unlock, {"address": HERE}).status_code == 403
    assert manager.get(unlock, {"address": HERE}).status_code == 302
    assert log_in(right.username, PASSWORD).status_code == 429
    with caplog.at_level("INFO", logger="crm"):
        told = manager.post(unlock, {"address": HERE}, follow=True).content.decode()
    assert f"The address {HERE} can log in again." in told
    assert "<code>" not in told
    assert [vars(it)["facts"] for it in caplog.records if it.msg == "address_unlocked"] == [{"address": HERE}]
    assert log_in(right.username, PASSWORD).status_code == 200
    for gone in (HERE, "", "nonsense\0", "<b>"):
        assert "not locked any more" in manager.post(unlock, {"address": gone}, follow=True).content.decode()


def test_what_is_denied_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="crm"):
        assert browser_of("staff").get("/admin/users/user/").status_code == 403
        assert browser_of("staff").get("/admin/personal-data/").status_code == 403
    assert [it.msg for it in caplog.records if it.name == "crm.events"] == ["permission_denied"] * 2


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="is about SQLite's one lock")
def test_forms_are_shown_while_an_import_has_the_lock(concurrent_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = browser_of("superuser")
    user, group = make_user(), Group.objects.create(name="Interns")
    lead = make_lead()
    pages = ("users/user/add/", f"users/user/{user.pk}/change/", f"auth/group/{group.pk}/delete/", "auth/group/")
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    connection.close()
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for page in (*pages, "leads/lead/add/", f"leads/lead/{lead.pk}/change/"):
            assert boss.get(f"/admin/{page}").status_code == 200
        other.execute("ROLLBACK")
