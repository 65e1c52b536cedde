"""Actions on users and keys ask first, and are in the account log."""

from typing import Any

import pytest
from django.test import Client

from tests.admin.lists import visible_text
from tests.factories import make_user
from tests.users.test_approval import waiting
from users.audit import AccountEvent
from users.models import ApiKey, User

pytestmark = pytest.mark.django_db
USERS = "/admin/users/user/"


def asked(reply: Any, title: str) -> str:
    """Return the text of the page after checking that it asks the question."""
    html = str(reply.content.decode())
    assert f"<h2>{title}</h2>" in html
    assert 'name="confirmed" value="1"' in html
    return visible_text(html)


def test_an_action_on_users_asks_first(manager: Client, agent: User) -> None:
    form = {"action": "deactivate", "_selected_action": [agent.pk, make_user(username="otto").pk]}
    text = asked(manager.post(USERS, form), "Deactivate 2 users?")
    assert "They can no longer log in" in text
    assert "otto" in text
    assert User.objects.filter(is_active=False).count() == 0
    assert "2 users deactivated." in manager.post(USERS, form | {"confirmed": "1"}, follow=True).content.decode()
    assert AccountEvent.objects.filter(action="deactivated", channel="admin").count() == 2


def test_the_decision_on_a_registration_asks_first(manager: Client) -> None:
    nora = waiting(username="nora")
    page = f"{USERS}{nora.pk}/approval/"
    for decision, title in (("approve", "Approve 1 account?"), ("decline", "Decline 1 account?")):
        assert "nora" in asked(manager.post(page, {"decision": decision}), title)
    assert User.objects.get(pk=nora.pk).is_waiting
    assert not AccountEvent.objects.filter(target_user=nora).exists()


def test_revoking_a_key_asks_first(manager: Client, agent: User) -> None:
    key = ApiKey.objects.issue(agent, "Zapier", ["read"], None)[0]
    form = {"action": "revoke", "_selected_action": [key.pk]}
    text = asked(manager.post("/admin/users/apikey/", form), "Revoke 1 API key?")
    assert f"Zapier, of {agent.username}" in text
    assert ApiKey.objects.exists()
    manager.post("/admin/users/apikey/", form | {"confirmed": "1"})
    assert not ApiKey.objects.exists()
    assert AccountEvent.objects.filter(target_user=agent, action="api_key_revoked").count() == 1
