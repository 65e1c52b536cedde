"""The page of the audit log of accounts."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.account_log import SENTENCES
from tests.admin.conftest import boss as boss
from tests.conftest import Case
from tests.factories import make_user
from users.audit import AccountEvent, Action, log_account_event
from users.models import User

pytestmark = pytest.mark.django_db

PAGE = "/admin/users/accountevent/"


def log(action: Action = Action.CHANGED, **fields: Any) -> None:
    defaults = {"actor": None, "target": None, "channel": "admin"}
    log_account_event(action, **{**defaults, **fields})


def rows_text(browser: Client, query: str = "") -> str:
    """Return the text of the rows of the list."""
    reply = browser.get(PAGE + query)
    assert reply.status_code == 200
    html = reply.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<tbody")[2].partition("</table>")[0]).split())


def test_it_works(boss: Client, agent: User) -> None:
    user = User.objects.get(username="boss")
    before = {"is_staff": False, "email": "", "groups": ["A", "B"]}
    log(actor=user, target=agent, before=before, after={"is_staff": True, "email": "x@y.zz", "groups": ["B", "C"]})
    page = rows_text(boss)
    assert f"boss changed the user {agent.username}." in page
    assert "Can log in to the back office: no → yes" in page
    assert "Email: (empty) → x@y.zz" in page
    assert "Groups: added C" in page
    assert "Groups: removed A" in page


def test_every_action_is_a_sentence() -> None:
    assert set(SENTENCES) == set(Action)


def test_own_accounts(boss: Client, agent: User) -> None:
    log(Action.PASSWORD_SET, actor=agent, target=agent)
    assert f"{agent.username} set the password of their own account." in rows_text(boss)


def test_the_page_of_an_entry_of_a_deleted_group(boss: Client) -> None:
    group = Group.objects.create(name="Interns")
    log(Action.GROUP_DELETED, target=group, before={"name": "Interns"})
    group.delete()
    page = boss.get(f"{PAGE}{AccountEvent.objects.get().pk}/change/")
    assert page.status_code == 200
    assert "deleted the group Interns." in page.content.decode()


def test_markup_is_escaped(boss: Client) -> None:
    log(target="<script>x</script>", before={"name": "<b>"}, after={"name": "<i>"})
    html = boss.get(PAGE).content.decode()
    assert "<script>x" not in html
    assert "<b>" not in html.partition("<tbody")[2]


def test_filters(boss: Client, case: Case) -> None:
    for query, found in [
        ("?action=deactivated", True),
        ("?action=changed", False),
        ("?action=nonsense", False),
        ("?channel=api", True),
        ("?channel=cli", False),
        ("?from=2020-01-01&to=2090-01-01", True),
        ("?from=2090-01-01", False),
        ("?from=nonsense", False),
        ("?actor=x", False),
        ("?target=99999999", False),
        ("?q=TARGET", True),
        ("?q=boss", True),
        ("?q=nobody", False),
    ]:
        with case(query, found):
            user, target = User.objects.get(username="boss"), make_user(username="target")
            log(Action.DEACTIVATED, actor=user, target=target, channel="api")
            assert ("deactivated target" in rows_text(boss, query)) == found


def test_filters_by_user(boss: Client) -> None:
    user, target = User.objects.get(username="boss"), make_user(username="target")
    log(Action.DEACTIVATED, actor=user, target=target)
    assert "deactivated target" in rows_text(boss, f"?actor={user.pk}&target={target.pk}")
    assert "deactivated target" not in rows_text(boss, f"?actor={target.pk}")


def test_the_number_of_queries_is_constant(boss: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            boss.get(PAGE)
        return len(queries)

    log(target=make_user())
    rows_text(boss)
    one = cost()
    for _ in range(30):
        log(target=make_user())
    assert cost() == one


def test_days_are_those_of_the_office(boss: Client) -> None:
    """At each moment, one of these zones has another day than UTC."""
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with timezone.override(name):
            day = timezone.localdate()
            log(Action.DEACTIVATED, target=make_user(username=f"of-{name}"), channel="api")
            assert f"deactivated of-{name}" in rows_text(boss, f"?from={day}&to={day}")
            assert f"deactivated of-{name}" not in rows_text(boss, f"?to={day - timedelta(days=1)}")
