"""Somebody leaves the office: who takes over the open leads and follow-ups."""

import pytest
from django.test import Client

from activities.models import FollowUp
from leads.models import Lead, LeadChange
from tests.admin.lead_forms import open_form
from tests.admin.lists import page
from tests.conftest import Api
from tests.factories import make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaver(api: Api, agent: User) -> User:
    """Return an agent with two open leads, a closed one, and two open follow-ups."""
    leads = [make_lead(owner_id=agent.pk, status=status) for status in ("new", "contacted", "closed")]
    for lead in leads[:2]:
        body = {"title": "Call", "kind": "call", "due_on": "2026-12-03"}
        assert api.post(f"/api/leads/{lead.pk}/follow-ups", body).status_code == 201
    return agent


def address(user: User) -> str:
    return f"/admin/users/user/{user.pk}/hand-over/"


def owners() -> list[int | None]:
    return list(Lead.objects.order_by("pk").values_list("owner_id", flat=True))


def test_deactivating_in_the_list_asks(boss: Client, leaver: User) -> None:
    successor = make_user()
    form = {"action": "deactivate", "confirmed": "1", "_selected_action": str(leaver.pk)}
    reply = boss.post("/admin/users/user/", form)
    assert (reply.status_code, reply["Location"]) == (302, address(leaver))
    html = page(boss, address(leaver))
    assert "2 open leads" in html
    assert "2 open follow-ups" in html
    assert f'value="{leaver.pk}"' not in html
    reply = boss.post(address(leaver), {"to": str(successor.pk)})
    assert reply.status_code == 302
    assert "Handed over: 2 open leads and 2 open follow-ups." in page(boss, reply["Location"])
    assert owners() == [successor.pk, successor.pk, leaver.pk]
    assert set(FollowUp.objects.values_list("assignee_id", flat=True)) == {successor.pk}
    assert LeadChange.objects.filter(changes__has_key="owner_id").count() == 2
    assert "nothing to hand over" in page(boss, address(leaver))


def test_deactivating_on_the_page_asks(boss: Client, leaver: User) -> None:
    path = f"/admin/users/user/{leaver.pk}/change/"
    reply = boss.post(path, open_form(boss, path, "user_form"))  # which reads no ticked boxes
    assert (reply.status_code, reply["Location"]) == (302, address(leaver))
    assert boss.post(address(leaver), {"to": "nobody"}).status_code == 302
    assert owners() == [None, None, leaver.pk]


def test_who_cannot_take_over(boss: Client, leaver: User) -> None:
    gone = make_user(is_active=False)
    for given in ("", "x", "0", str(gone.pk), str(leaver.pk), "9" * 18):
        html = boss.post(address(leaver), {"to": given}).content.decode()
        assert "Nothing was handed over: choose an active user." in html
    assert set(owners()) == {leaver.pk}


def test_several_are_listed_with_links(boss: Client, leaver: User) -> None:
    other = make_user()
    form = {"action": "deactivate", "confirmed": "1", "_selected_action": [str(leaver.pk), str(other.pk)]}
    html = boss.post("/admin/users/user/", form, follow=True).content.decode()
    assert f"{leaver.name} still has 2 open leads and 2 open follow-ups." in html
    assert address(leaver) in html
    assert address(other) not in html
