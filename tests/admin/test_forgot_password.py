"""The page for forgotten passwords."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.conftest import Case
from tests.factories import make_user
from tests.users.mails import HOST, link_in, sent, set_mail
from tests.users.trying import ELSEWHERE, HERE, admin, statuses
from users.models import PasswordResetRequest, User
from users.retention import EXPIRING

pytestmark = pytest.mark.django_db

PAGE = "/admin/forgot-password/"
SAME = "If there is an account with this email address"
NEW = "a rarely used sentence"


@pytest.fixture(autouse=True)
def office(settings: Any) -> None:
    """Configure a mail server."""
    set_mail(settings)


@pytest.fixture
def carla() -> User:
    """Return a user who has forgotten the password."""
    return make_user(username="carla", email="Carla@Example.com", is_staff=True)


def request_link(email: str, address: str = HERE, **more: Any) -> Any:
    """Request a link."""
    return Client(REMOTE_ADDR=address).post(PAGE, {"email": email}, **more)


def later(**passed: float) -> None:
    """Let time pass since all requests."""
    PasswordResetRequest.objects.update(asked_at=F("asked_at") - timedelta(**passed))


def test_from_the_login_page_to_a_new_password(carla: User) -> None:
    assert f'href="{PAGE}"' in Client().get("/admin/login/").content.decode()
    assert 'name="email"' in Client().get(PAGE).content.decode()
    assert SAME in request_link(" carla@example.COM ").content.decode()
    (message,) = sent()
    assert (message.to, message.from_email) == (["Carla@Example.com"], "crm@example.com")
    link = link_in(message.body)
    browser = Client()
    form = browser.get(link)["Location"]
    assert browser.post(form, {"new_password1": NEW, "new_password2": NEW}).status_code == 302
    assert admin("carla", NEW).status_code == 302
    assert browser.get("/admin/").status_code == 302  # to the login page


def test_not_offered_without_a_mail_server(carla: User, settings: Any) -> None:
    settings.EMAIL_URL = ""
    assert "Forgot your password?" not in Client().get("/admin/login/").content.decode()
    assert statuses(Client().get(PAGE), request_link(carla.email)) == [404, 404]
    assert sent() == []


@pytest.mark.parametrize("pattern", ["*", ".example"])
def test_not_offered_with_a_pattern_of_hosts(carla: User, settings: Any, pattern: str) -> None:
    """An attacker could otherwise request a mail whose link sends the token to their host."""
    settings.ALLOWED_HOSTS = [pattern, "testserver"]
    assert "Forgot your password?" not in Client().get("/admin/login/").content.decode()
    assert request_link(carla.email, headers={"host": "evil.example"}).status_code == 404
    assert sent() == []


def test_the_host_of_the_link(carla: User) -> None:
    assert request_link(carla.email, headers={"host": "evil.example"}).status_code == 400
    request_link(carla.email, headers={"host": HOST, "x-forwarded-host": "evil.example"})
    (message,) = sent()
    assert f"http://{HOST}/admin/set-password/" in message.body


@pytest.mark.parametrize(
    "other",
    [
        {"is_staff": False},
        {"is_active": False},
        {"is_staff": False, "is_superuser": True},
        {"email": "other@example.com"},
    ],
)
def test_no_mail_to_others_and_the_same_reply(carla: User, other: dict[str, Any]) -> None:
    known = request_link(carla.email).content
    assert len(sent()) == 1
    User.objects.filter(pk=carla.pk).delete()
    make_user(**{"username": "carla", "email": "carla@example.com", **other})
    sent().clear()
    reply = request_link("carla@example.com")
    assert (reply.status_code, reply.content) == (200, known)
    assert sent() == []


def test_the_statements_do_not_depend_on_the_account(carla: User) -> None:
    runs = []
    for email in (carla.email, "nobody@example.com"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            request_link(email)
        runs.append([query["sql"].split("WHERE")[0].split("VALUES")[0] for query in queries])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 3


def test_twenty_requests_per_ip_address_and_hour(carla: User) -> None:
    replies = [request_link(f"name{number}@example.com") for number in range(20)]
    assert statuses(*replies) == [200] * 20
    reply = request_link(carla.email)
    assert reply.status_code == 429
    assert 3500 <= int(reply["Retry-After"]) <= 3600
    assert "Too many requests. Try again in 60 minutes." in reply.content.decode()
    assert sent() == []
    assert request_link(carla.email, ELSEWHERE).status_code == 200
    later(hours=1)
    assert request_link(carla.email).status_code == 200
    assert len(sent()) == 2


def test_three_mails_per_account_and_hour(carla: User) -> None:
    replies = [request_link(carla.email, f"198.51.100.{number}") for number in range(5)]
    assert len({reply.content for reply in replies}) == 1
    assert len(sent()) == 3
    later(hours=1)
    request_link(carla.email)
    assert len(sent()) == 4


def test_requests_do_not_lock_logins(carla: User) -> None:
    for _ in range(20):
        request_link(carla.email)
    assert admin("carla", "correct horse battery").status_code == 302


def test_a_failing_mail_server_does_not_change_the_reply(
    carla: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with caplog.at_level("INFO", logger="crm"):
        assert SAME in request_link(carla.email).content.decode()
        sent()
    (failed,) = (record for record in caplog.records if record.msg == "mail_failed")
    assert vars(failed)["facts"] == {"reason": "ConnectionRefusedError"}


def test_events_have_no_email_address(carla: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="crm"):
        request_link(carla.email)
        request_link("nobody@example.com")
    facts = [vars(record)["facts"] for record in caplog.records if record.msg == "password_link_mailed"]
    assert facts == [{"owner_id": carla.pk, "address": HERE}]
    assert "@" not in str([vars(record).get("facts") for record in caplog.records])


def test_invalid_addresses(carla: User, case: Case) -> None:
    for email in ["", " ", "a" * 255, "\0", "a\0b@example.com", "a@b.c\r\nBcc: x@y.z", "<b>", "é"]:
        with case(email):
            reply = request_link(email)
            assert reply.status_code == 200
            assert sent() == []


def test_the_csrf_token_is_required(carla: User) -> None:
    assert Client(enforce_csrf_checks=True).post(PAGE, {"email": carla.email}).status_code == 403
    assert sent() == []


def test_requests_are_deleted_after_an_hour(carla: User) -> None:
    from django.utils import timezone

    request_link(carla.email)
    prune = EXPIRING["requests for a new password"]
    assert prune(timezone.now()) == 0
    later(hours=1)
    assert prune(timezone.now()) == 1


def test_requests_of_an_erased_account_are_deleted(carla: User) -> None:
    request_link(carla.email)
    User.objects.anonymize(User.objects.get(pk=carla.pk))
    assert not PasswordResetRequest.objects.exists()
