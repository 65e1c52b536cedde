"""Error pages, and forms sent after the session has expired."""

import pytest
from django.test import Client

from leads.models import Lead
from tests.admin.lead_forms import open_form
from tests.admin.lists import visible_text
from tests.admin.people import browser_of
from tests.factories import make_lead

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/admin/users/user/", 403, "Permission denied You do not have permission for this page or action."),
        ("/admin/leads/lead/999/history/", 404, "Page not found"),
        ("/admin/nowhere/", 404, "Page not found"),
    ],
)
def test_error_pages_link_to_home(path: str, status: int, message: str) -> None:
    reply = browser_of("staff").get(path)
    assert reply.status_code == status
    assert message in visible_text(reply.content.decode())
    assert '<a href="/admin/">Home</a>' in reply.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/admin/leads/lead/?<script>=1",
        "/admin/leads/lead/?password__startswith=a",
        "/admin/users/user/?password__startswith=a",
        "/admin/activities/activity/?nothing=1",
        "/admin/leads/importrun/?user__password__startswith=a",
        "/admin/leads/lead/?_to_field=email",
    ],
)
def test_invalid_queries(path: str, caplog: pytest.LogCaptureFixture) -> None:
    reply = browser_of("superuser").get(path)
    assert reply.status_code == 400
    assert "Bad request The address or the form is invalid" in visible_text(reply.content.decode())
    assert "<script>=" not in reply.content.decode()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_form_with_too_many_fields(boss: Client) -> None:
    lead = make_lead(first_name="Ada")
    form = {f"field-{number}": "1" for number in range(1001)}
    reply = boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**form, "first_name": "Eve"})
    assert reply.status_code == 400
    assert "Nothing was changed." in visible_text(reply.content.decode())
    assert Lead.objects.get().first_name == "Ada"


def test_a_form_from_before_the_last_login() -> None:
    lead = make_lead(first_name="Ada")
    browser = browser_of("staff")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    reply = strict.post(f"/admin/leads/lead/{lead.pk}/change/", {"first_name": "Eve"})
    assert reply.status_code == 403
    assert "Reload the page and try again." in visible_text(reply.content.decode())
    lead.refresh_from_db()
    assert lead.first_name == "Ada"


def test_a_form_after_the_session_expired(boss: Client) -> None:
    lead = make_lead(first_name="Ada")
    page = f"/admin/leads/lead/{lead.pk}/change/"
    form = open_form(boss, page)
    del boss.cookies["sessionid"]
    reply = boss.post(page, {**form, "first_name": "Augusta"}, follow=True)
    assert reply.redirect_chain == [(f"/admin/login/?next={page}", 302)]
    assert "Your session expired; nothing was saved." in visible_text(reply.content.decode())
    assert Lead.objects.get().first_name == "Ada"


def test_a_page_after_the_session_expired(client: Client) -> None:
    assert "nothing was saved" not in client.get("/admin/leads/lead/", follow=True).content.decode()
