"""``make demo``: sample data."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, F

from activities.management.commands import demo as command
from activities.models import Activity
from leads.models import Lead
from tests.factories import make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def demo(**options: bool) -> str:
    """Return the output of the command."""
    output = StringIO()
    call_command("demo", stdout=output, **options)
    return output.getvalue()


@pytest.mark.parametrize("leads", [pytest.param(100, marks=pytest.mark.fast), 500])
def test_it_works(leads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (command.LEADS, command.ACTIVITIES) == (500, 1500)
    monkeypatch.setattr(command, "LEADS", leads)
    monkeypatch.setattr(command, "ACTIVITIES", 3 * leads)
    printed = demo()
    assert (Lead.objects.count(), Activity.objects.count()) == (leads, 3 * leads)
    assert set(Lead.objects.values_list("status", flat=True)) == {
        "new", "contacted", "qualified", "negotiation", "closed", "lost"
    }  # fmt: skip
    counted = Lead.objects.annotate(real=Count("activities"))
    assert not counted.exclude(activity_count=F("real")).exists()
    assert all(Lead.objects.active().due(when).exists() for when in ("overdue", "today", "week", "none"))
    assert Lead.objects.contactable("call").count() < Lead.objects.exclude(phone="").count()
    name, password = re.search(r"Agents (\S+), .* password (\S+)", printed).groups()  # type: ignore[union-attr]
    assert User.objects.authenticate(name, password) is not None


@pytest.mark.fast
def test_it_leaves_real_leads_alone() -> None:
    make_lead()
    with pytest.raises(CommandError, match="leads already"):
        demo()
    assert Lead.objects.count() == 1


def test_the_same_office_every_time() -> None:
    demo()
    demo(force=True)
    made = list(Lead.objects.order_by("id").values_list("first_name", "phone", "status"))
    assert sorted(made[:500]) == sorted(made[500:])
