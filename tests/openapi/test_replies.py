"""Replies have exactly the fields, in the order, that the schema describes."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from activities.models import Activity
from leads.included import INCLUDED as RENDERED
from leads.serializers import INCLUDED
from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, lead_row, make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

DOCUMENT: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)


def assert_is(name: str, reply: HttpResponse) -> None:
    """The reply's object, or the first of its array, is the component ``name``."""
    assert reply.status_code < 300, reply.content
    body = reply.json()
    one = body[0] if isinstance(body, list) else body
    component = DOCUMENT["components"]["schemas"][name]
    # What is not required comes where ``include`` asks for it.
    asked = [field for field in component["properties"] if field in component.get("required", ()) or field in one]
    assert list(one) == asked
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(one)] == []


def test_included_fields(api: Api) -> None:
    lead = make_lead()
    keys = ",".join(INCLUDED)
    assert_is("LeadOut", api.get(f"/api/leads/{lead.pk}", include=keys))
    assert list(api.get("/api/leads", include=keys).json()[0])[-len(INCLUDED) :] == list(INCLUDED) == list(RENDERED)


def test_users(api: Api, agent: User) -> None:
    assert_is("UserOut", api.get("/api/users/me"))
    assert_is("Token", api.post("/api/users/login", {"username": agent.username, "password": PASSWORD}))


def test_leads(api: Api) -> None:
    lead = make_lead(budget_min=300000, property_interest="2BR condo")
    assert_is("LeadOut", api.get(f"/api/leads/{lead.pk}"))
    assert_is("LeadOut", api.get("/api/leads"))
    assert_is("LeadOut", api.post("/api/leads", [lead_row()]))
    assert_is("LeadOut", api.put(f"/api/leads/{lead.pk}", {"is_active": False}))


def test_history(api: Api, agent: User) -> None:
    lead = make_lead(budget_min=1)
    path = f"/api/leads/{lead.pk}/history"
    assert_is("HistoryEntry", api.get(path))
    api.put(f"/api/leads/{lead.pk}", {"budget_min": None, "budget_max": 2**63 - 1, "phone": ""})
    assert_is("HistoryEntry", api.get(path))
    make_activity(lead, agent)
    Activity.objects.update(channel=None)
    assert_is("HistoryEntry", api.get(path))


def test_activities_and_dashboard(api: Api, agent: User) -> None:
    lead = make_lead()
    make_activity(lead, agent, duration=12)
    assert_is("ActivityOut", api.get(f"/api/leads/{lead.pk}/activities"))
    assert_is("ActivityOut", api.post(f"/api/leads/{lead.pk}/activities", activity_row()))
    assert_is("DashboardStats", api.get("/api/dashboard"))
    assert list(api.get("/api/dashboard").json()["leads_by_status"][0]) == ["status", "count"]


def described(path: str) -> set[str]:
    """Return the query parameters of a path's GET in the document."""
    parameters = DOCUMENT["paths"][path]["get"].get("parameters", [])
    return {parameter["name"] for parameter in parameters if parameter["in"] == "query"}


READS = [path for path, methods in DOCUMENT["paths"].items() if path.startswith("/api/") and "get" in methods]
NAMES = set().union(*map(described, READS))


def test_parameters_are_described_where_they_work(api: Api, case: Case) -> None:
    for path in READS:
        with case(path):
            undescribed = dict.fromkeys(NAMES - described(path), "")
            reply = api.get(re.sub("{[a-z_]+}", "1", path), **undescribed, strict="true")
            unknown = {error["loc"][1] for error in reply.json()["detail"] if error["type"] == "extra_forbidden"}
            assert unknown == NAMES - described(path)
