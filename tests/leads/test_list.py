"""GET /api/leads: order and pages."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from django.utils import timezone

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_lead

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ids(api: Api, **query: object) -> list[int]:
    reply = api.get("/api/leads", **query)
    assert reply.status_code == 200, reply.content
    return [row["id"] for row in reply.json()]


def stored(count: int) -> list[int]:
    """Ids, newest first, of leads stored at the same moment."""
    leads = [make_lead() for _ in range(count)]
    Lead.objects.update(created_at=NOON)
    return sorted((lead.pk for lead in leads), reverse=True)


def test_it_works(api: Api) -> None:
    moment = datetime(2026, 3, 1, 12, 30, 15, 120, tzinfo=UTC)
    lead = make_lead(
        first_name="John",
        last_name="Smith",
        email="john.smith@example.com",
        phone="+1-555-0100",
        status="qualified",
        source="Referral",
        budget_min=300_000,
        budget_max=450_000,
        property_interest="2BR condo",
        created_at=moment,
        updated_at=NOON,
    )
    reply = api.get("/api/leads")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json() == [
        {
            "id": lead.pk,
            "first_name": "John",
            "last_name": "Smith",
            "email": "john.smith@example.com",
            "phone": "+1-555-0100",
            "status": "qualified",
            "source": "Referral",
            "budget_min": 300_000,
            "budget_max": 450_000,
            "property_interest": "2BR condo",
            "is_active": True,
            "created_at": "2026-03-01T12:30:15.000120",
            "updated_at": "2026-03-01T12:00:00.000000",
            "activity_count": 0,
        }
    ]


def test_no_lead_is_an_empty_list(api: Api) -> None:
    assert api.get("/api/leads").json() == []


def test_newest_first(api: Api) -> None:
    old = make_lead(created_at=NOON - timedelta(days=1))
    newest = make_lead(created_at=NOON + timedelta(days=1))
    middle = make_lead(created_at=NOON)
    assert ids(api) == [newest.pk, middle.pk, old.pk]


def test_among_equals_the_highest_id_comes_first(api: Api) -> None:
    expected = stored(5)
    assert ids(api) == expected


def test_an_edit_does_not_move_a_lead(api: Api) -> None:
    first, second = make_lead(created_at=NOON), make_lead(created_at=NOON + timedelta(seconds=1))
    assert api.put(f"/api/leads/{first.pk}", {"first_name": "Edited"}).status_code == 200
    assert ids(api) == [second.pk, first.pk]


def test_inactive_leads_are_not_listed(api: Api) -> None:
    make_lead(is_active=False)
    kept = make_lead()
    assert ids(api) == [kept.pk]


def test_page_and_size_have_defaults(api: Api) -> None:
    expected = stored(12)
    assert ids(api) == expected[:10]
    assert ids(api, page=2) == expected[10:]


def test_pages_partition_the_list(api: Api, case: Case) -> None:
    for size in [1, 3, 4, 7, 1000]:
        with case(size):
            expected = stored(7)
            pages = [ids(api, page=page, size=size) for page in range(1, 9)]
            assert [number for page in pages for number in page] == expected


def test_pages_partition_leads_of_one_bulk_request(api: Api) -> None:
    rows = [{"first_name": str(n), "last_name": "", "email": "", "phone": ""} for n in range(25)]
    created = [row["id"] for row in api.post("/api/leads", rows).json()]
    listed = [number for page in (1, 2, 3) for number in ids(api, page=page)]
    assert listed == sorted(created, reverse=True)


def test_beyond_the_last_page_the_list_is_empty(api: Api) -> None:
    stored(3)
    assert ids(api, page=2, size=3) == []
    assert ids(api, page=10**9, size=1000) == []


def test_bad_numbers_are_refused(api: Api, case: Case) -> None:
    for (value, type), name in product(
        [
            ("0", "greater_than_equal"),
            ("-1", "greater_than_equal"),
            ("", "int_parsing"),
            ("two", "int_parsing"),
            ("1.5", "int_parsing"),
            ("١", "int_parsing"),
            ("9" * 5000, "less_than_equal"),
        ],
        ["page", "size"],
    ):
        with case(value, type, name):
            assert refused(api.get("/api/leads", **{name: value})) == [(type, ["query", name])]


@pytest.mark.parametrize(("name", "highest"), [("page", 10**9), ("size", 1000)])
def test_the_upper_bounds_are_exact(api: Api, name: str, highest: int) -> None:
    assert ids(api, **{name: highest}) == []
    assert refused(api.get("/api/leads", **{name: highest + 1})) == [("less_than_equal", ["query", name])]


def test_every_bad_parameter_is_told_at_once(api: Api) -> None:
    problems = refused(api.get("/api/leads", page="x", size="0", min_budget="y"))
    assert sorted(loc[1] for _, loc in problems) == ["min_budget", "page", "size"]


def test_unknown_parameters_are_ignored(api: Api) -> None:
    expected = stored(2)
    assert ids(api, limit=1, offset=1, ordering="id", format="xml", first_name="nobody") == expected


def test_of_repeated_parameters_the_last_counts(api: Api) -> None:
    expected = stored(4)
    reply = api.client.get("/api/leads?size=1&page=9&page=1&size=3")
    assert [row["id"] for row in reply.json()] == expected[:3]


def test_a_trailing_slash_changes_nothing(api: Api) -> None:
    expected = stored(3)
    reply = api.get("/api/leads/", size=2)
    assert reply.status_code == 200
    assert [row["id"] for row in reply.json()] == expected[:2]


def test_a_new_lead_comes_first(api: Api) -> None:
    make_lead(created_at=timezone.now() - timedelta(seconds=1))
    created = api.post("/api/leads", {"first_name": "New", "last_name": "", "email": "", "phone": ""}).json()
    assert api.get("/api/leads", size=1).json() == [created]
