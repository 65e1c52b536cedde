"""Export and erasure of accounts and of the records with their names."""

import io
import re
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from activities.models import Activity
from leads.models import ImportRun, Lead
from tests.admin.second_factors import with_second_factor
from tests.admin.test_import_page import form, upload
from tests.conftest import Api
from tests.factories import PASSWORD, bearer, lead_row, make_activity, make_lead, make_user
from tests.maintenance.test_privacy import ACTIVITY, EMAIL, NAMES, everything, exported, file_of, run
from tests.maintenance.test_privacy import boss as boss
from users.admin import UserAdmin
from users.audit import AccountEvent
from users.models import LoginFailure, RefreshToken, User
from users.tokens import BearerAuthentication

pytestmark = pytest.mark.django_db

FULL_NAME = {"first_name": NAMES[0], "last_name": NAMES[1]}


def log_as_before(user: User) -> None:
    """Return an entry of Django's log about a user, as earlier versions wrote it."""
    LogEntry.objects.log_actions(User.objects.get(username="boss").pk, [user], CHANGE)


def signed_in(user: User) -> str:
    """Return a refresh token of the user."""
    form = {"username": user.username, "password": PASSWORD, "scope": "offline_access"}
    return str(Api({}).post("/api/users/login", form).json()["refresh_token"])


@pytest.fixture
def leaver(boss: Client) -> User:
    """Return an agent with data in every place where users are stored."""
    user = make_user(username="zerelda", email=EMAIL, first_name=NAMES[0], last_name=NAMES[1], is_staff=True)
    signed_in(user)
    with_second_factor(user)
    api = Api({**bearer(user), "Idempotency-Key": "once"})
    lead = api.post("/api/leads", lead_row()).json()["id"]
    api.put(f"/api/leads/{lead}", {"phone": "1"})
    api.post(f"/api/leads/{lead}/activities", {**ACTIVITY, "title": "Intro", "notes": None})
    ImportRun.objects.create(file_name="a.csv", sha256="0", state="undone", user=user, started_by=user.name)
    ImportRun.objects.update(undone_by=user.name, undone_by_user=user)
    Api({}).post("/api/users/login", {"username": "zerelda", "password": "wrong password"})
    boss.post(
        f"/admin/users/user/{user.pk}/change/",
        {"username": "zerelda", "email": EMAIL, "first_name": NAMES[0], "last_name": NAMES[1], "is_active": "on"},
    )
    log_as_before(user)
    return user


def test_the_export_of_a_user(leaver: User) -> None:
    found = exported()
    assert found["users"][0]["username"] == "zerelda"
    assert "password" not in found["users"][0]
    assert [factor["name"] for factor in found["second_factors"]] == ["Authenticator app", "Recovery codes"]
    assert not {*TOTPDevice.objects.values_list("key", flat=True)} & {*re.findall("[0-9a-f]{40}", str(found))}
    assert not any(token in str(found) for token in StaticToken.objects.values_list("token", flat=True))
    assert [activity["activity_type"] for activity in found["activities_signed"]] == ["call"]
    assert "Intro" not in str(found["activities_signed"])
    assert [entry["kind"] for entry in found["changes_made"]] == ["changed"]
    (created,) = found["leads_created"]
    assert (created["name"], created["created_channel"]) == (" ".join(NAMES), "api")
    assert "email" not in created, "what leads are about is other people's"
    assert len(found["logins_remembered"]) == len(found["failed_logins"]) == len(found["imports_started"]) == 1


def test_an_erased_user(leaver: User) -> None:
    headers, refresh = bearer(User.objects.get(pk=leaver.pk)), signed_in(leaver)
    session = Client()
    session.force_login(User.objects.get(pk=leaver.pk))
    assert Api(headers).get("/api/users/me").status_code == 200
    run("erase_person", EMAIL, "--yes")
    left = everything()
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert [trace for trace in ("zerelda", "quuxley") if trace in left] == []
    assert Api(headers).get("/api/users/me").status_code == 401
    assert Api({}).post("/api/users/token/refresh", {"refresh_token": refresh}).status_code == 401
    assert session.get("/admin/").status_code == 302
    user = User.objects.get(pk=leaver.pk)
    name = f"erased-{user.pk}"
    assert (user.username, user.is_active, user.has_usable_password()) == (name, False, False)
    assert set(Activity.objects.values_list("user_name", "title")) == {(name, "Intro")}
    assert set(Lead.objects.values_list("created_by__user", "created_by__name")) == {(user.pk, name)}
    assert not LoginFailure.objects.exists()
    assert not RefreshToken.objects.exists()
    assert run("verify").strip().endswith("no differences")


def test_a_name_that_somebody_took_before(leaver: User) -> None:
    make_user(username=f"ERASED-{leaver.pk}")
    run("erase_person", EMAIL, "--yes")
    assert User.objects.get(pk=leaver.pk).username == f"erased-{leaver.pk}-"


def test_an_account_whose_user_name_is_the_address(boss: Client) -> None:
    make_user(username=EMAIL.upper(), email="zq@private.example", first_name="", last_name="")
    other = make_user(username="someone", email=EMAIL)
    assert len(exported()["users"]) == 2
    assert "2 users" in run("erase_person", EMAIL, "--yes").split("Erased:")[1]
    left = everything()
    assert [trace for trace in (EMAIL.lower(), "zq@private") if trace in left] == []
    other.refresh_from_db()
    assert not other.is_active


def test_who_undid_an_import_goes_by_the_account_and_not_by_its_name(boss: Client, tmp_path: Any) -> None:
    undoer = make_user(username="zerelda", email=EMAIL, is_staff=True, is_superuser=True, **FULL_NAME)
    make_user(username="namesake", email="n@example.com", **FULL_NAME)
    browser = Client()
    for name, user in (("theirs.csv", undoer), ("namesakes.csv", User.objects.get(username="namesake"))):
        User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
        run("import_leads", file_of(tmp_path, f"First name,Email\nAda,{name}@example.com\n", name))
        browser.force_login(User.objects.get(pk=user.pk))
        browser.post(f"/admin/leads/importrun/{ImportRun.objects.latest('pk').pk}/undo/")
    assert set(ImportRun.objects.values_list("undone_by", flat=True)) == {"Zerelda Quuxley"}
    User.objects.filter(pk=undoer.pk).update(first_name="Somebody", last_name="Else")
    assert [run["undone_by"] for run in exported()["imports_undone"]] == ["Zerelda Quuxley"]
    run("erase_person", EMAIL, "--yes")
    left = dict(ImportRun.objects.values_list("file_name", "undone_by"))
    assert left == {"theirs.csv": f"erased-{undoer.pk}", "namesakes.csv": "Zerelda Quuxley"}


def test_an_address_that_was_somebodys_user_name(api: Api, boss: Client, tmp_path: Any) -> None:
    fields = {"email": "zq@private.example", "first_name": "", "last_name": ""}
    user = make_user(username=EMAIL, is_staff=True, is_superuser=True, **fields)
    browser, keyed = Client(), Api(bearer(user))
    browser.force_login(user)
    lead = keyed.post("/api/leads", lead_row()).json()["id"]
    keyed.post(f"/api/leads/{lead}/activities", {**ACTIVITY, "title": "Intro"})
    rows = "First name,Last name,Email,Phone\nAda,King,a@example.com,1\n"
    browser.post(upload(browser, rows, "a.csv"), {**form(), "import": "1"})
    browser.post(f"/admin/leads/importrun/{ImportRun.objects.get().pk}/undo/")
    boss.post(f"/admin/users/user/{user.pk}/change/", {**fields, "username": "somebody", "is_active": "on"})
    make_lead(email=EMAIL)
    assert len([entry for entry in exported()["former_use_of_the_address"] if "record" in entry]) == 5
    assert "1 activities signed" in run("erase_person", EMAIL, "--yes").split("Erased:")[1]
    assert EMAIL.lower() not in everything()
    user.refresh_from_db()
    assert (user.username, user.is_active) == ("somebody", True)
    assert exported()["former_use_of_the_address"] == []


def test_the_form_of_an_account_that_is_erased_before_it_is_stored(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user(username="zerelda", email=EMAIL, first_name="", last_name="")
    save = UserAdmin.save_model

    def late(self: Any, request: Any, obj: Any, *given: Any, **named: Any) -> None:
        run("erase_person", EMAIL, "--yes")
        save(self, request, obj, *given, **named)

    monkeypatch.setattr(UserAdmin, "save_model", late)
    fields = {"username": "zerelda", "email": EMAIL, "first_name": "", "last_name": "Later", "is_active": "on"}
    boss.post(f"/admin/users/user/{user.pk}/change/", fields)
    assert set(AccountEvent.objects.values_list("target_name", flat=True)) == {f"erased-{user.pk}"}
    user.refresh_from_db()
    assert (user.username, user.is_active) == (f"erased-{user.pk}", False)


def test_what_an_account_signs_in_the_moment_of_its_erasure(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user(username="zerelda", email=EMAIL, first_name="", last_name="")
    api, lead = Api(bearer(user)), make_lead()
    authenticate = BearerAuthentication.authenticate

    def late(self: Any, request: Any) -> Any:
        known = authenticate(self, request)
        run("erase_person", EMAIL, "--yes")
        return known

    monkeypatch.setattr(BearerAuthentication, "authenticate", late)
    assert api.post(f"/api/leads/{lead.pk}/activities", ACTIVITY).status_code == 201
    assert api.post("/api/leads", lead_row()).status_code == 401
    assert "zerelda" in everything()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("verify", stdout=out)
    assert f"user {user.pk}: records with a former name is 1, should be 0" in out.getvalue()
    assert "1 differences, 1 repaired" in run("verify", "--repair")
    assert "no differences" in run("verify")
    assert set(Activity.objects.values_list("user_name", flat=True)) == {f"erased-{user.pk}"}


def test_who_is_called_like_somebody_erased_is_not() -> None:
    user = make_user(username="x", email=EMAIL)
    other = make_user(username=f"erased-{user.pk + 1}0", email="", first_name="", last_name="")
    make_activity(make_lead(), other)
    User.objects.filter(pk=other.pk).update(is_active=False, first_name="Later", username=f"erased-{other.pk}0")
    User.objects.filter(pk=other.pk).update(username_key=f"erased-{other.pk}0")
    run("erase_person", EMAIL, "--yes")
    assert [erased.pk for erased in User.objects.anonymized()] == [user.pk]
    assert "no differences" in run("verify")


def test_imports_that_an_account_signs_in_the_moment_of_its_erasure() -> None:
    user = make_user(username="zerelda", email=EMAIL)
    run("erase_person", EMAIL, "--yes")
    signed = {"user": user, "started_by": "zerelda", "undone_by_user": user, "undone_by": "zerelda"}
    ImportRun.objects.create(file_name="a.csv", sha256="0", state="undone", **signed)
    assert "1 differences, 1 repaired" in run("verify", "--repair")
    assert "zerelda" not in everything()
