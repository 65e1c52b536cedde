"""Set-password links: who can create them, how they work, and when they become invalid."""

from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.admin.people import KINDS, browser_of, join, make_groups, make_person
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import PASSWORD, bearer, make_user
from tests.users.mails import HOST, link_in, set_mail
from tests.users.test_refresh import me, renew, start
from tests.users.trying import HERE, log_in, statuses
from users.audit import AccountEvent
from users.models import LoginFailure, User
from users.permissions import MANAGERS, STAFF

pytestmark = pytest.mark.django_db

NEW_USER = {"username": "carla", "email": "carla@example.com", "first_name": "Carla", "last_name": "Díaz"}
NEW, OTHER = "a rarely used sentence", "another such sentence"
INVALID = "Invalid link"


def add(browser: Client, **fields: str) -> str:
    """Create a user; return the page."""
    return browser.post("/admin/users/user/add/", {**NEW_USER, **fields}).content.decode()


def create_link(browser: Client, user: User, **more: Any) -> str:
    """Create a link for a user; return its path."""
    return link_in(browser.post(f"/admin/users/user/{user.pk}/password/", **more).content.decode())


def follow(link: str, browser: Client | None = None) -> tuple[Client, str]:
    """Open a link in a new client; return the client and the address of the form."""
    browser = browser or Client(REMOTE_ADDR=HERE)
    reply = browser.get(link)
    return browser, reply["Location"] if reply.status_code == 302 else ""


def choose(link: str, password: str = NEW) -> Any:
    """Open a link and set the password; return the reply."""
    browser, form = follow(link)
    return browser.post(form, {"new_password1": password, "new_password2": password}) if form else browser.get(link)


def works(link: str) -> bool:
    """Return whether the link opens a form."""
    browser, form = follow(link)
    return bool(form) and INVALID not in browser.get(form).content.decode()


def test_a_new_user_chooses_a_password_by_link(manager: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="crm"):
        page = add(manager, password1="known to the manager", password2="known to the manager")
        carla = User.objects.get(username="carla")
        assert "User carla added." in page
        assert not carla.has_usable_password()
        assert choose(link_in(page))["Location"] == "/admin/set-password/done/"
    assert log_in("carla", NEW).status_code == 200
    events = [record for record in caplog.records if record.name == "crm.events"]
    assert [(record.msg, vars(record)["facts"]) for record in events] == [
        ("password_link_made", {"owner_id": carla.pk}),
        ("password_set_by_link", {"owner_id": carla.pk}),
    ]
    created, stored = AccountEvent.objects.filter(action__startswith="password_").order_by("pk")
    assert (created.action, created.target_user_id, stored.action) == ("password_link_made", carla.pk, "password_set")
    assert created.actor_id != carla.pk
    assert stored.actor_id == carla.pk
    assert NEW not in f"{created.changes}{stored.changes}"


def test_granting_access_does_not_invalidate_a_link(manager: Client) -> None:
    link = link_in(add(manager))
    carla = User.objects.get(username="carla")
    group = Group.objects.get(name=STAFF).pk
    form = {**NEW_USER, "is_active": "on", "is_staff": "on", "groups": [group]}
    assert manager.post(f"/admin/users/user/{carla.pk}/change/", form).status_code == 302
    assert choose(link).status_code == 302
    assert Client().post("/admin/login/?next=/admin/", {"username": "carla", "password": NEW}).status_code == 302


def test_the_current_password_works_until_the_link_is_used(manager: Client) -> None:
    agent = make_user(username="Zoë", is_staff=True)
    token, session, refresh = bearer(agent), Client(), start()
    session.force_login(agent)
    link = create_link(manager, agent)
    assert log_in(agent.username, PASSWORD).status_code == 200
    assert choose(link).status_code == 302
    assert statuses(log_in(agent.username, PASSWORD), log_in(agent.username, NEW)) == [401, 200]
    assert Api(token).get("/api/users/me").status_code == 401
    assert [me(refresh), renew(refresh).status_code] == [401, 401]
    assert session.get("/admin/")["Location"].startswith("/admin/login/")


def test_a_link_does_not_log_in(manager: Client) -> None:
    user = make_person("staff")
    browser, form = follow(create_link(manager, user))
    assert browser.post(form, {"new_password1": NEW, "new_password2": NEW}).status_code == 302
    assert "Your password is set" in browser.get("/admin/set-password/done/").content.decode()
    assert browser.get("/admin/")["Location"].startswith("/admin/login/")


def test_a_link_works_once(manager: Client, agent: User) -> None:
    link = create_link(manager, agent)
    first, second = follow(link), follow(link)
    assert first[0].post(first[1], {"new_password1": NEW, "new_password2": NEW}).status_code == 302
    reply = second[0].post(second[1], {"new_password1": OTHER, "new_password2": OTHER})
    assert INVALID in reply.content.decode()
    assert not works(link)
    assert User.objects.get(pk=agent.pk).check_password(NEW)


def test_of_two_concurrent_requests_one_sets_the_password(concurrent_db: None) -> None:
    agent = make_user(username="carla")
    link = create_link(browser_of("superuser"), agent)
    windows = [follow(link) for _ in range(2)]
    choices = ["the first of the sentences", "the second of the sentences"]
    replies = together(
        *(
            partial(browser.post, form, {"new_password1": choice, "new_password2": choice})
            for (browser, form), choice in zip(windows, choices, strict=True)
        )
    )
    assert sorted(statuses(*replies)) == [200, 302]
    stored = User.objects.get(pk=agent.pk)
    assert [stored.check_password(choice) for choice in choices] == [reply.status_code == 302 for reply in replies]
    assert (stored.token_version, AccountEvent.objects.filter(action="password_set").count()) == (2, 1)


def test_a_link_works_for_a_day(manager: Client, agent: User, monkeypatch: pytest.MonkeyPatch) -> None:
    link = create_link(manager, agent)
    now = timezone.now().timestamp()
    day = timedelta(days=1).total_seconds()
    monkeypatch.setattr("time.time", lambda: now + day - 60)
    assert works(link)
    monkeypatch.setattr("time.time", lambda: now + day + 60)
    assert not works(link)


def change_password(user: User) -> None:
    User.objects.change_password(user, OTHER)


def log_out_everywhere(user: User) -> None:
    User.objects.revoke_tokens(user)


def erase(user: User) -> None:
    User.objects.anonymize(user)


def set_fields(user: User, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(user, name, value)
    user.save()


@pytest.mark.parametrize(
    "change",
    [
        change_password,
        log_out_everywhere,
        erase,
        partial(set_fields, email="other@example.com"),
        partial(set_fields, username="other"),
        partial(set_fields, is_active=False),
    ],
)
def test_changes_of_the_account_invalidate_a_link(manager: Client, agent: User, change: Any) -> None:
    link = create_link(manager, agent)
    browser, form = follow(link)
    change(User.objects.get(pk=agent.pk))
    assert not works(link)
    assert INVALID in browser.post(form, {"new_password1": NEW, "new_password2": NEW}).content.decode()
    assert not User.objects.get(pk=agent.pk).check_password(NEW)


def test_reactivation_does_not_restore_a_link(manager: Client, agent: User) -> None:
    link = create_link(manager, agent)
    set_fields(agent, is_active=False)
    set_fields(agent, is_active=True)
    assert not works(link)


@pytest.mark.parametrize("more", ["superuser", "a group", "a permission"])
def test_a_link_is_invalid_if_the_account_gets_more_permissions(manager: Client, agent: User, more: str) -> None:
    """A manager could otherwise create a link, wait until the user is promoted, and become a superuser."""
    link = create_link(manager, agent)
    permission = Permission.objects.get(codename="delete_lead")
    if more == "superuser":
        set_fields(agent, is_staff=True, is_superuser=True)
    elif more == "a group":
        auditors = Group.objects.create(name="Auditors")
        auditors.permissions.add(permission)
        agent.groups.add(auditors)
    else:
        agent.user_permissions.add(permission)
    assert not works(link)


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, {"groups": ()}])
def test_a_link_is_invalid_if_its_creator_loses_permissions(agent: User, change: dict[str, Any]) -> None:
    creator, browser = make_person("manager"), Client()
    browser.force_login(creator)
    link = create_link(browser, agent)
    assert works(link)
    if "groups" in change:
        creator.groups.clear()
    else:
        set_fields(creator, **change)
    assert not works(link)


def test_permissions(agent: User, case: Case) -> None:
    for who in [*KINDS]:
        with case(who):
            boss = make_person("superuser")
            browser = browser_of(who)
            expected = {"anonymous": (302, 302), "agent": (302, 302), "staff": (403, 403), "manager": (200, 403)}
            pages = [f"/admin/users/user/{user.pk}/password/" for user in (agent, boss)]
            assert tuple(statuses(*(browser.post(page) for page in pages))) == expected.get(who, (200, 200))
            assert tuple(statuses(*(browser.get(page) for page in pages))) == expected.get(who, (200, 200))


def test_get_creates_no_link_and_post_needs_a_csrf_token(agent: User) -> None:
    make_groups()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_person("manager"))
    page = f"/admin/users/user/{agent.pk}/password/"
    assert "/admin/set-password/" not in browser.get(page).content.decode()
    assert browser.post(page).status_code == 403
    assert not AccountEvent.objects.filter(action="password_link_made").exists()


def test_passwords_of_others_cannot_be_set_directly(manager: Client, agent: User) -> None:
    passwords = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    manager.post(f"/admin/users/user/{agent.pk}/password/", passwords)
    assert User.objects.get(pk=agent.pk).check_password(PASSWORD)


def test_the_own_password_has_another_page() -> None:
    user, browser = make_person("manager"), Client()
    browser.force_login(user)
    assert browser.post(f"/admin/users/user/{user.pk}/password/")["Location"] == "/admin/password_change/"


def test_a_deactivated_account_gets_no_link(manager: Client) -> None:
    page = manager.post(f"/admin/users/user/{make_user(is_active=False).pk}/password/").content.decode()
    assert "This account is deactivated. Reactivate it first." in page
    assert "/admin/set-password/" not in page


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("password123", "This password is too common."),
        ("carla.diaz@example.com", "too similar to the email"),
        ("short", "at least 8 characters"),
    ],
)
def test_weak_passwords_are_rejected(manager: Client, password: str, message: str) -> None:
    user = make_user(username="carla", email="carla.diaz@example.com")
    link = create_link(manager, user)
    assert message in choose(link, password).content.decode()
    browser, form = follow(link)
    assert "match" in browser.post(form, {"new_password1": NEW, "new_password2": OTHER}).content.decode()
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert works(link)


def test_a_link_fulfils_the_requirement_of_a_new_password(manager: Client) -> None:
    user = make_user(must_change_password=True)
    choose(create_link(manager, user))
    assert not User.objects.get(pk=user.pk).must_change_password


def test_setting_a_password_deletes_failed_logins(manager: Client, agent: User) -> None:
    for _ in range(5):
        log_in(agent.username)
    assert log_in(agent.username, PASSWORD).status_code == 429
    choose(create_link(manager, agent))
    assert not LoginFailure.objects.exists()
    assert log_in(agent.username, NEW).status_code == 200


def test_the_token_is_only_in_the_first_address(manager: Client, agent: User) -> None:
    link = create_link(manager, agent)
    browser, form = follow(link)
    token = link.rstrip("/").rpartition("/")[2]
    assert token not in form
    page = browser.get(form)
    assert token not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "same-origin"


def test_the_token_is_not_logged(manager: Client, agent: User, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    from crm_project.logs import JSONFormatter

    with caplog.at_level("DEBUG"):
        link = create_link(manager, agent)
        choose(link)
        Client().get(link)
    log = "\n".join(map(JSONFormatter().format, caplog.records))
    assert "admin/set-password/<uidb64>/<token>/" in log
    assert link.rstrip("/").rpartition("/")[2] not in log


def test_forged_links(db: None, case: Case) -> None:
    for uid, token in product(
        ["MQ", "", "%", "\0", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ", "é"],
        ["", "set-password", "0", "0.1.2", "0:1:2", "\0", "é", "a" * 3000],
    ):
        with case(uid, token):
            make_user(pk=1)
            browser = Client(raise_request_exception=False)
            for reply in (
                browser.get(f"/admin/set-password/{uid}/{token}/"),
                browser.post(f"/admin/set-password/{uid}/{token}/", {"new_password1": NEW, "new_password2": NEW}),
            ):
                assert reply.status_code in (200, 301, 302, 404)
                if reply.status_code == 200:
                    assert INVALID in reply.content.decode()
            assert User.objects.get(pk=1).check_password(PASSWORD)


def test_a_link_is_for_one_account(manager: Client, agent: User) -> None:
    link, other = create_link(manager, agent), create_link(manager, make_user())
    uid, token = other.split("/")[3], link.split("/")[4]
    assert not works(f"/admin/set-password/{uid}/{token}/")


def test_the_host_of_the_link(manager: Client, agent: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = [HOST]
    page = f"/admin/users/user/{agent.pk}/password/"
    assert f"http://{HOST}/admin/set-password/" in manager.post(page, headers={"host": HOST}).content.decode()
    assert manager.post(page, headers={"host": "evil.example"}).status_code == 400
    forwarded = manager.post(page, headers={"host": HOST, "x-forwarded-host": "evil.example"}).content.decode()
    assert "evil" not in forwarded


def test_links_end_with_their_secret_key(manager: Client, agent: User, settings: Any) -> None:
    link = create_link(manager, agent)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-8Jq2mZx0Lw5vTq9RbNc3Yh7KdPfGs4Ua"
    assert works(link)
    settings.SECRET_KEY_FALLBACKS = []
    assert not works(link)


def test_no_mail_without_a_mail_server(manager: Client, agent: User) -> None:
    create_link(manager, agent)
    assert mail.outbox == []


def test_the_link_is_mailed(manager: Client, settings: Any) -> None:
    set_mail(settings)
    page = add(manager, first_name="Carla <b>")
    assert "The link was also sent to the user’s email address." in page
    (message,) = mail.outbox
    assert (message.to, message.from_email) == (["carla@example.com"], "crm@example.com")
    assert link_in(message.body) == link_in(page)
    assert 'account "carla"' in message.body
    assert "Hello Carla <b> Díaz," in message.body
    assert choose(link_in(message.body)).status_code == 302


def test_no_mail_without_an_address(manager: Client, settings: Any) -> None:
    set_mail(settings)
    page = manager.post(f"/admin/users/user/{make_user(email='').pk}/password/").content.decode()
    assert "/admin/set-password/" in page
    assert "could not be sent" not in page
    assert mail.outbox == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid"])
def test_a_failing_mail_server(
    manager: Client, agent: User, settings: Any, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    set_mail(settings)
    host, _, port = address.partition(":")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = host, int(port or 25)
    with caplog.at_level("INFO", logger="crm"):
        page = manager.post(f"/admin/users/user/{agent.pk}/password/").content.decode()
    assert "The mail could not be sent. Give the link to the user yourself." in page
    assert works(link_in(page))
    assert "mail_failed" in [record.msg for record in caplog.records]


def test_links_are_not_in_django_s_log(manager: Client, agent: User) -> None:
    create_link(manager, agent)
    assert not LogEntry.objects.filter(change_message__contains="set-password/").exists()


def test_a_link_for_another_manager(manager: Client) -> None:
    """Managers can create links for managers: both have the same permissions."""
    other = make_user(is_staff=True)
    join(other, MANAGERS)
    assert works(create_link(manager, other))
