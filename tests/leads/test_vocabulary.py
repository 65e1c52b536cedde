"""GET /api/leads/vocabulary."""

import pytest

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def test_it_works(api: Api, agent: User) -> None:
    for status, source in (("new", "Zillow"), ("new", "ZILLOW"), ("lost", "walk-in"), ("visited", "zillow")):
        lead = make_lead(status=status, source=source)
        make_activity(lead, agent, activity_type="call" if status == "new" else "viewing")
    gone = make_lead(status="gone", source="Gone")
    make_activity(gone, agent, activity_type="call")
    Lead.objects.filter(pk=gone.pk).update(is_active=False)
    words = api.get("/api/leads/vocabulary").json()
    assert list(words) == ["statuses", "sources", "activity_types", "tags"]
    assert [(row["value"], row["count"], row["pipeline"], row["open"]) for row in words["statuses"]] == [
        ("new", 2, True, True),
        ("contacted", 0, True, True),
        ("qualified", 0, True, True),
        ("negotiation", 0, True, True),
        ("closed", 0, True, False),
        ("lost", 1, True, False),
        ("visited", 1, False, True),
    ]
    assert words["sources"] == [{"value": "walk-in", "count": 1}, {"value": "zillow", "count": 3}]
    assert words["activity_types"] == [{"value": "call", "count": 2}, {"value": "viewing", "count": 2}]
    assert words["tags"] == []


def test_it_takes_no_parameters(api: Api) -> None:
    assert refused(api.get("/api/leads/vocabulary?status=new")) == [("extra_forbidden", ["query", "status"])]
