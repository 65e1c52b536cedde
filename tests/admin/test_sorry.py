"""What people see when a page is not for them, is not there, or takes nothing from them any more."""

import pytest
from django.test import Client

from leads.models import Lead
from tests.admin.lead_forms import opened
from tests.admin.lists import told
from tests.admin.people import browser_of
from tests.factories import make_lead

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/admin/users/user/", 403, "Your account may not do this"),
        ("/admin/leads/lead/999/history/", 404, "There is no such page"),
        ("/admin/nowhere/", 404, "There is no such page"),
    ],
)
def test_there_is_a_way_back(path: str, status: int, words: str) -> None:
    reply = browser_of("staff").get(path)
    assert reply.status_code == status
    assert words in told(reply.content.decode())
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
def test_what_no_page_asks_for_is_told_in_words(path: str, caplog: pytest.LogCaptureFixture) -> None:
    reply = browser_of("superuser").get(path)
    assert reply.status_code == 400
    assert "No page here asks for this." in told(reply.content.decode())
    assert "<script>=" not in reply.content.decode()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_form_of_too_many_fields_is_told_in_words(boss: Client) -> None:
    lead = make_lead(first_name="Ada")
    form = {f"field-{number}": "1" for number in range(1001)}
    reply = boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**form, "first_name": "Eve"})
    assert reply.status_code == 400
    assert "Nothing was changed." in told(reply.content.decode())
    assert Lead.objects.get().first_name == "Ada"


def test_a_form_from_before_the_last_log_in_says_what_to_do() -> None:
    lead = make_lead(first_name="Ada")
    browser = browser_of("staff")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    reply = strict.post(f"/admin/leads/lead/{lead.pk}/change/", {"first_name": "Eve"})
    assert reply.status_code == 403
    assert "Open the page anew and do it again." in told(reply.content.decode())
    lead.refresh_from_db()
    assert lead.first_name == "Ada"


def test_who_saves_after_the_session_has_ended_is_told(boss: Client) -> None:
    lead = make_lead(first_name="Ada")
    page = f"/admin/leads/lead/{lead.pk}/change/"
    form = opened(boss, page)
    del boss.cookies["sessionid"]
    reply = boss.post(page, {**form, "first_name": "Augusta"}, follow=True)
    assert reply.redirect_chain == [(f"/admin/login/?next={page}", 302)]
    assert "Nothing was saved: you were not logged in any more." in told(reply.content.decode())
    assert Lead.objects.get().first_name == "Ada"


def test_who_only_looks_after_the_session_has_ended_is_told_nothing(client: Client) -> None:
    assert "Nothing was saved" not in client.get("/admin/leads/lead/", follow=True).content.decode()
