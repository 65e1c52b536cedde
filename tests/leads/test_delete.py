"""DELETE /api/leads/{lead_id}: soft."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from activities.models import Activity
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import activity_row, make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_it_works(api: Api) -> None:
    lead, other = make_lead(updated_at=LONG_AGO), make_lead()
    before = timezone.now()
    reply = api.delete(f"/api/leads/{lead.pk}")
    assert (reply.status_code, reply.content) == (204, b"")
    stored = Lead.objects.get(pk=lead.pk)
    assert (stored.is_active, stored.version, stored.first_name) == (False, 2, lead.first_name)
    assert before <= stored.updated_at <= timezone.now()
    assert [row["id"] for row in api.get("/api/leads").json()] == [other.pk]


def test_it_is_not_found_for_every_call_after_that(api: Api) -> None:
    lead = make_lead()
    path = f"/api/leads/{lead.pk}"
    assert api.delete(path).status_code == 204
    gone = [
        api.get(path),
        api.put(path, {"is_active": True}),
        api.patch(path, {}),
        api.delete(path),
        api.get(f"{path}/activities"),
        api.post(f"{path}/activities", activity_row()),
        api.post(f"{path}/activities", [activity_row()]),
    ]
    assert [reply.status_code for reply in gone] == [404] * len(gone)
    assert all(isinstance(reply.json()["detail"], str) for reply in gone)
    assert Lead.objects.get().version == 2
    assert not Activity.objects.exists()


def test_activities_are_kept(api: Api, agent: User) -> None:
    lead = make_lead()
    make_activity(lead, agent)
    api.delete(f"/api/leads/{lead.pk}")
    assert Activity.objects.filter(lead=lead).count() == 1
    assert Lead.objects.get().activity_count == 1


@pytest.mark.parametrize("number", ["0", "999999999", "9" * 40])
def test_no_such_lead(api: Api, number: str) -> None:
    make_lead()
    assert api.delete(f"/api/leads/{number}").status_code == 404
    assert Lead.objects.active().count() == 1


def test_an_id_that_is_no_number(api: Api) -> None:
    assert refused(api.delete("/api/leads/x")) == [("int_parsing", ["path", "lead_id"])]


def test_a_trailing_slash_changes_nothing(api: Api) -> None:
    assert api.delete(f"/api/leads/{make_lead().pk}/").status_code == 204
    assert not Lead.objects.active().exists()


def test_the_collection_cannot_be_deleted(api: Api) -> None:
    make_lead()
    assert refused(api.delete("/api/leads")) == [("missing", ["query", "id"])]
    assert Lead.objects.active().count() == 1
