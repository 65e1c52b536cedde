"""Columns that the server sets, sent through every channel; taken from the models."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client

from activities.models import Activity
from leads import validators
from leads.models import Lead
from tests.admin.lead_forms import open_form
from tests.admin.people import browser_of, ensure_groups
from tests.conftest import Api
from tests.factories import PASSWORD, activity_row, lead_row, make_activity, make_lead, make_user
from tests.importing.command import import_leads
from users.models import User
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db

OF_LEAD = {*validators.CREATE_RULES}
OF_ACTIVITY = {"activity_type", "title", "notes", "duration", "activity_date"}
OF_USER = {"username", "email", "first_name", "last_name", "password"}
EVIL: dict[str, Any] = {
    **dict.fromkeys(("id", "pk", "activity_count", "version", "token_version"), 4711),
    **dict.fromkeys(("created_at", "updated_at", "closed_at", "last_login", "at"), "1999-01-01T00:00:00"),
    **dict.fromkeys(
        ("search", "source_key", "email_key", "person_key", "username_key", "user_name", "channel"), "evil"
    ),
    **dict.fromkeys(("is_staff", "is_superuser"), True),
    **dict.fromkeys(("is_active",), False),
}


def sent_for(model: type[Model], own: set[str]) -> dict[str, Any]:
    """Return a value for every column and relation that the server sets, under both of its names."""
    both = [{field.name, getattr(field, "attname", field.name)} for field in model._meta.get_fields()]
    names = {name for names in both if own.isdisjoint(names) for name in names}
    return {"pk": 4711, **{name: EVIL.get(name, 1) for name in sorted(names)}}


LEAD, ACTIVITY, USER = sent_for(Lead, OF_LEAD), sent_for(Activity, OF_ACTIVITY), sent_for(User, OF_USER)
MOMENTS = {"id", "created_at", "updated_at", "change_time"}  # differ between rows


def stored(row: Model, *less: str) -> dict[str, Any]:
    """Return the values that the server has set in a row."""
    return {name: value for name, value in vars(row).items() if name[0] != "_" and name not in {*MOMENTS, *less}}


def assert_untouched(row: Any) -> None:
    """Assert that no timestamp and no number is a value of the request."""
    for name in MOMENTS & vars(row).keys():
        assert "1999" not in str(getattr(row, name))
        assert getattr(row, name) != 4711


def test_what_is_sent_names_the_columns() -> None:
    assert {"version", "import_run_id", "merged_into_id", "search", "is_active"} <= LEAD.keys()
    assert {"user_id", "user_name", "lead_id", "channel"} <= ACTIVITY.keys()
    assert {"is_superuser", "groups", "user_permissions", "token_version"} <= USER.keys()


@pytest.mark.parametrize("bulk", [False, True])
def test_new_leads(api: Api, bulk: bool) -> None:
    rows = [{**lead_row(email="", phone="", last_name="x"), **more} for more in (LEAD, {})]
    for body in [rows] if bulk else rows:
        assert api.post("/api/leads", body).status_code == 201
    evil, plain = Lead.objects.order_by("pk")
    assert stored(evil) == stored(plain)
    assert_untouched(evil)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_changed_leads(api: Api, method: str) -> None:
    evil, plain = make_lead(email="", phone="", last_name="x"), make_lead(email="", phone="", last_name="x")
    body = {name: value for name, value in LEAD.items() if name != "is_active"}  # which a client may set
    assert api.send(method, f"/api/leads/{evil.pk}", {**body, "first_name": "New"}).status_code == 200
    assert api.send(method, f"/api/leads/{plain.pk}", {"first_name": "New"}).status_code == 200
    evil, plain = (Lead.objects.get(pk=lead.pk) for lead in (evil, plain))
    assert stored(evil) == stored(plain)
    assert_untouched(evil)


@pytest.mark.parametrize("bulk", [False, True])
def test_activities(api: Api, agent: User, bulk: bool) -> None:
    make_user(), make_lead()
    lead = make_lead()
    row = activity_row(**ACTIVITY)
    assert api.post(f"/api/leads/{lead.pk}/activities", [row] if bulk else row).status_code == 201
    activity = Activity.objects.get()
    assert (activity.lead_id, activity.user_id, activity.user_name) == (lead.pk, agent.pk, agent.name)
    assert (activity.channel, activity.import_run_id) == ("api", None)
    assert_untouched(activity)
    assert set(Lead.objects.values_list("pk", "activity_count")) == {(lead.pk, 1), (lead.pk - 1, 0)}


def test_registration(anonymous: Api) -> None:
    account = {"first_name": "A", "last_name": "B", "password": PASSWORD}
    for name, more in (("evil", USER), ("plain", {})):
        body = {**more, **account, "username": name, "email": f"{name}@example.com"}
        assert anonymous.post("/api/users/register", body).status_code == 201
    evil, plain = User.objects.order_by("pk")
    own = ("username", "email", "username_key", "email_key", "password")
    assert stored(evil, *own) == stored(plain, *own)
    assert (evil.username_key, evil.is_superuser, evil.groups.count()) == ("evil", False, 0)
    assert_untouched(evil)


def test_a_new_password(api: Api, agent: User) -> None:
    before = stored(agent, "password", "token_version")
    body = {**USER, "user": 1, "username": "evil", "current_password": PASSWORD, "new_password": "another password"}
    assert api.post("/api/users/me/password", body).status_code == 200
    agent.refresh_from_db()
    assert stored(agent, "password", "token_version") == before
    assert agent.token_version == 2


FOR_FILES = {"created_at", "closed_at", "is_active", "tags"}
NOT_FOR_FILES = sorted(LEAD.keys() - {*FOR_FILES, "activities", "changes", "merged"})


def as_csv(evil: dict[str, Any]) -> str:
    """Return a CSV file of two rows; the first has all columns."""
    names = ["first_name", "last_name", *evil]
    return (
        "\n".join([",".join(names), ",".join(map(str, ["Ada", "x", *evil.values()])), "Ada,x" + "," * len(evil)]) + "\n"
    )


def as_jsonl(evil: dict[str, Any]) -> str:
    """Return the same as JSON Lines."""

    plain = {"first_name": "Ada", "last_name": "x"}
    return json.dumps({**plain, **evil}) + "\n" + json.dumps(plain) + "\n"


@pytest.mark.parametrize(("name", "written"), [("leads.csv", as_csv), ("leads.jsonl", as_jsonl)])
def test_import_columns(tmp_path: Path, name: str, written: Any) -> None:
    make_lead(), make_lead()
    path = tmp_path / name
    path.write_text(written({column: EVIL.get(column, 1) for column in NOT_FOR_FILES}))
    report = import_leads(path, "--ignore-unknown")
    assert report["created"] == 2
    plain, evil = Lead.objects.order_by("-pk")[:2]
    assert stored(evil) == stored(plain)
    assert evil.import_run_id == report["run"]
    assert_untouched(evil)


def test_the_form_of_a_lead(boss: Client) -> None:
    evil, plain = make_lead(email="", phone="", last_name="x"), make_lead(email="", phone="", last_name="x")
    for lead, more in ((evil, LEAD), (plain, {})):
        page = f"/admin/leads/lead/{lead.pk}/change/"
        form = {key: str(value) for key, value in more.items() if key != "is_active"} | open_form(boss, page)
        assert boss.post(page, {**form, "first_name": "New"}).status_code == 302
        lead.refresh_from_db()
    assert evil.first_name == "New"
    assert stored(evil) == stored(plain)
    assert_untouched(evil)


def test_the_form_that_logs_an_activity(boss: Client) -> None:
    make_user()
    other, lead = make_lead(), make_lead()
    form = {**{key: str(value) for key, value in ACTIVITY.items()}, **activity_row(notes="", duration="")}
    assert boss.post(f"/admin/leads/lead/{lead.pk}/log/", form).status_code == 302
    activity = Activity.objects.get()
    assert (activity.lead_id, activity.user.username, activity.channel) == (lead.pk, "boss", "admin")
    assert_untouched(activity)
    other.refresh_from_db()
    assert other.activity_count == 0


def test_a_manager_gives_nobody_more_than_the_form_offers() -> None:
    manager = browser_of("manager")
    user = make_user()
    ensure_groups()
    page = f"/admin/users/user/{user.pk}/change/"
    strong = Permission.objects.get(codename="delete_user").pk
    form = {key: str(value) for key, value in USER.items()} | {"is_superuser": "on", "user_permissions": [strong]}
    names = {"username": user.username, "email": user.email, "first_name": "New", "last_name": "y", "is_active": "on"}
    assert manager.post(page, {**form, **names, "groups": []}).status_code == 302
    changed = User.objects.get(pk=user.pk)
    assert changed.first_name == "New"
    assert (changed.is_superuser, changed.user_permissions.count()) == (False, 0)
    assert (changed.password, changed.token_version, changed.last_login) == (user.password, 1, None)
    assert_untouched(changed)


def test_a_manager_makes_no_superuser() -> None:
    manager, make = browser_of("manager"), "/admin/users/user/add/"
    group = Group.objects.get(name=MANAGERS).pk
    names = {"username": "evil", "email": "evil@example.com", "first_name": "", "last_name": ""}
    form = {**{key: str(value) for key, value in USER.items()}, "is_superuser": "on", "groups": [group]}
    assert manager.post(make, {**form, **names}).status_code == 200
    user = User.objects.get(username="evil")
    assert (user.is_superuser, user.is_staff, user.token_version, user.groups.count()) == (False, False, 1, 0)
    assert_untouched(user)


def test_activities_are_not_edited_at_all(boss: Client, agent: User) -> None:
    activity = make_activity(make_lead(), agent)
    before = stored(activity)
    assert boss.post(f"/admin/activities/activity/{activity.pk}/change/", {"title": "evil"}).status_code == 403
    activity.refresh_from_db()
    assert stored(activity).items() >= {"title": before["title"]}.items()


@pytest.fixture
def boss(db: None) -> Client:
    """Return a superuser's browser."""
    client = Client()
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client
