"""Authorization of the kinds of users that tests/test_permissions.py and tests/admin/test_permissions.py omit.

``tests/test_permissions.py`` (API) and ``tests/admin/test_permissions.py`` hold the tables and compare them with the
URL map; here the API is asked by the office's staff, managers and superusers, and the back office by people whose
account, or whose right to be there, has just been taken away.
"""

from itertools import product
from typing import Any

import pytest
from django.test import Client

from tests.admin.people import make_person
from tests.admin.test_permissions import PAGES, path_of
from tests.admin.test_permissions import objects as objects
from tests.conftest import Api, Case
from tests.factories import bearer, make_lead
from tests.test_permissions import PROTECTED, ask, path_to
from users.models import User

pytestmark = pytest.mark.django_db

OFFICE = ("staff", "manager", "superuser")
MANAGERS = ("manager", "superuser")
# Calls for which an agent lacks the right: who has it, and what they get.
WITH_RIGHT: dict[tuple[str, str], tuple[tuple[str, ...], int]] = {
    ("POST", "api/leads/import"): (OFFICE, 422),  # without a file
    ("GET", "api/leads/imports"): (OFFICE, 200),
    ("GET", "api/leads/imports/<import_id>"): (OFFICE, 404),
    ("GET", "api/leads/imports/<import_id>/rejects"): (OFFICE, 404),
    ("POST", "api/leads/imports/<import_id>/undo"): (MANAGERS, 404),
    ("GET", "api/leads/export"): (OFFICE, 200),
    ("POST", "api/leads/<lead_id>/merge"): (MANAGERS, 404),  # with an unknown lead
    ("PUT", "api/activities/<activity_id>"): (MANAGERS, 200),
    ("PATCH", "api/activities/<activity_id>"): (MANAGERS, 200),
    ("PATCH", "api/activities/follow-ups/<follow_up_id>"): (MANAGERS, 200),
    ("DELETE", "api/activities/follow-ups/<follow_up_id>"): (MANAGERS, 204),
    ("POST", "api/activities/follow-ups/<follow_up_id>/done"): (MANAGERS, 200),
    ("DELETE", "api/activities/<activity_id>"): (MANAGERS, 204),
}


@pytest.mark.parametrize("who", ["agent", "staff", "manager", "superuser"])
def test_the_api_is_the_same_for_everybody_but_for_rights(who: str, case: Case) -> None:
    headers, lead = bearer(make_person(who)), make_lead()
    for method, route, body, status in PROTECTED:
        allowed, status_with_right = WITH_RIGHT.get((method, route), ((), status))
        with case(method, route):
            expected = status_with_right if who in allowed else status
            assert ask(headers, method, path_to(route, lead), body).status_code == expected


def shut_out(user: User) -> None:
    """Deactivate, as the back office does."""
    user.is_active = False
    user.save(update_fields=["is_active"])


def demoted(user: User) -> None:
    """Remove the access to the back office."""
    User.objects.filter(pk=user.pk).update(is_staff=False)


def logged_out(user: User) -> None:
    """Log out everywhere."""
    User.objects.revoke_tokens(user)


def robbed(user: User) -> None:
    """Change the password."""
    User.objects.change_password(user, "somebody else's password")


@pytest.mark.slow
def test_a_session_ends_at_once_on_every_page(objects: dict[str, Any], case: Case) -> None:
    for kind, ending in product(["staff", "manager", "superuser"], [shut_out, demoted, logged_out, robbed]):
        with case(kind, ending):
            user, browser = make_person(kind), Client()
            browser.force_login(user)
            assert browser.get("/admin/").status_code == 200
            ending(user)
            for method, route in PAGES:
                reply = browser.generic(method, path_of(route, objects))
                assert reply.status_code == 302, route
                assert reply["Location"].startswith("/admin/login/"), route


@pytest.mark.parametrize("kind", ["staff", "manager", "superuser"])
def test_a_token_ends_at_once_on_every_route(kind: str) -> None:
    user = make_person(kind)
    token, lead = bearer(user), make_lead()
    assert Api(token).get("/api/users/me").status_code == 200
    shut_out(user)
    for method, route, body, _ in PROTECTED:
        assert ask(token, method, "/" + route.replace("<lead_id>", str(lead.pk)), body).status_code == 401, route
