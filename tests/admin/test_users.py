"""The pages of users."""

import io
import sqlite3
from contextlib import closing

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from tests.admin.lead_forms import fields_in
from tests.admin.people import browser_of, make_groups
from tests.admin.test_password_links import add
from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_lead, make_user
from tests.users.trying import HERE, log_in
from users.models import User
from users.permissions import STAFF

pytestmark = pytest.mark.django_db


def test_it_works(boss: Client, anonymous: Api) -> None:
    page = add(boss)
    assert "User carla added." in page
    assert "/admin/set-password/" in page  # tests/admin/test_password_links.py has the rest
    carla = User.objects.get(username="carla")
    assert (carla.email_key, carla.is_staff) == ("carla@example.com", False)
    for password in ("", "!", carla.password):
        login = anonymous.post("/api/users/login", {"username": "Carla", "password": password})
        assert login.status_code == 401


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "ab", "Enter at least 3 characters."),
        ("username", "CÁRLOS", "already exists"),
        ("email", "nowhere", "Enter a valid email address."),
        ("email", "CARLOS@EXAMPLE.COM", "already exists"),
    ],
)
def test_validation(boss: Client, field: str, value: str, message: str) -> None:
    make_user(username="cárlos", email="carlos@example.com")
    assert message in add(boss, **{field: value})
    assert not User.objects.filter(first_name="Carla").exists()


def test_login_ignores_case(client: Client, db: None) -> None:
    make_user(username="Boss", is_staff=True)
    reply = client.post("/admin/login/?next=/admin/", {"username": "bOSS", "password": PASSWORD})
    assert reply.status_code == 302
    assert reply["Location"] == "/admin/"


def test_deactivation_revokes_tokens_permanently(boss: Client, agent: User) -> None:
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


def test_agents_cannot_log_in(agent: User, client: Client) -> None:
    client.force_login(agent)
    assert client.get("/admin/users/user/").status_code == 302


def create_administrator(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    account = {"username": "theresia.huber", "email": "", "password": "a long password", **fields}
    for name, value in account.items():
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name.upper()}", value)
    call_command("createsuperuser", interactive=False, stdout=io.StringIO())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "bo", "at least 3 characters"),
        ("username", "", "cannot be blank"),
        ("email", "notmail", "email"),
        ("password", "short", "at least 8 characters"),
        ("password", "password123", "too common"),
        ("password", "theresia.huber", "too similar to the username"),
    ],
)
def test_the_first_administrator_is_validated(
    db: None, monkeypatch: pytest.MonkeyPatch, field: str, value: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        create_administrator(monkeypatch, **{field: value})
    assert not User.objects.exists()


def test_the_first_administrator_needs_no_email(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_administrator(monkeypatch)
    assert User.objects.get(is_superuser=True).check_password("a long password")


@pytest.mark.parametrize(("is_staff", "warned"), [("", True), ("on", False)])
def test_a_group_without_access_is_a_warning(boss: Client, agent: User, is_staff: str, warned: bool) -> None:
    make_groups()
    staff = Group.objects.get(name=STAFF)
    identity = {"username": agent.username, "email": agent.email, "first_name": "Agent", "last_name": "One"}
    form = {**identity, "is_active": "on", "groups": str(staff.pk), **({"is_staff": "on"} if is_staff else {})}
    reply = boss.post(f"/admin/users/user/{agent.pk}/change/", form, follow=True).content.decode()
    assert list(agent.groups.all()) == [staff]
    assert ("is in a group but cannot log in here" in reply) == warned


def test_a_blocked_ip_address_is_shown_and_unlocked(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        log_in(f"name{number}")
    manager, user = browser_of("manager"), make_user()
    assert log_in(user.username, PASSWORD).status_code == 429
    page = manager.get("/admin/users/user/").content.decode()
    assert f"<code>{HERE}</code>" in page
    unlock = "/admin/users/user/unlock-address/"
    assert browser_of("staff").post(unlock, {"address": HERE}).status_code == 403
    assert manager.get(unlock, {"address": HERE}).status_code == 302
    assert log_in(user.username, PASSWORD).status_code == 429
    asked = manager.post(unlock, {"address": HERE}).content.decode()
    assert "Unlock 1 IP address?" in asked
    assert "Everybody can log in from there again at once" in asked
    assert log_in(user.username, PASSWORD).status_code == 429
    with caplog.at_level("INFO", logger="crm"):
        html = manager.post(unlock, fields_in(asked, "confirm_form") | {"confirmed": "1"}, follow=True).content.decode()
    assert f"IP address {HERE} unlocked." in html
    assert "<code>" not in html
    assert [vars(record)["facts"] for record in caplog.records if record.msg == "address_unlocked"] == [
        {"address": HERE}
    ]
    assert log_in(user.username, PASSWORD).status_code == 200
    for address in (HERE, "", "nonsense\0", "<b>"):
        assert (
            "That IP address is not locked." in manager.post(unlock, {"address": address}, follow=True).content.decode()
        )


def test_denied_requests_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="crm"):
        assert browser_of("staff").get("/admin/users/user/").status_code == 403
        assert browser_of("staff").get("/admin/personal-data/").status_code == 403
    assert [record.msg for record in caplog.records if record.name == "crm.events"] == ["permission_denied"] * 2


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite has one lock for writing")
def test_forms_open_while_an_import_has_the_lock(concurrent_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
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
