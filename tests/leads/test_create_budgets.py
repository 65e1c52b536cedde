"""POST /api/leads: what the two budgets may be."""

import json
from itertools import product
from typing import Any

import pytest

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case

pytestmark = pytest.mark.django_db

MINIMAL = {"first_name": "Ada", "last_name": "Lovelace", "email": "", "phone": ""}
BIGGEST = 2**63 - 1


def create(api: Api, **fields: Any) -> dict[str, Any]:
    reply = api.post("/api/leads", {**MINIMAL, **fields})
    assert reply.status_code == 201, reply.content
    return reply.json()


def problems(api: Api, **fields: Any) -> list[tuple[str, list[Any]]]:
    found = refused(api.post("/api/leads", {**MINIMAL, **fields}))
    assert not Lead.objects.exists()
    return found


def test_lenient_integers(api: Api, case: Case) -> None:
    for (value, stored), field in product(
        [(0, 0), (BIGGEST, BIGGEST), (300000.0, 300_000), ("300000", 300_000), (" 007 ", 7), (str(BIGGEST), BIGGEST)],
        ["budget_min", "budget_max"],
    ):
        with case(value, stored, field):
            out = create(api, **{field: value})
            assert out[field] == stored
            assert type(out[field]) is int
            assert getattr(Lead.objects.get(), field) == stored


def test_bad_integers(api: Api, case: Case) -> None:
    for (value, type), field in product(
        [
            (-1, "greater_than_equal"),
            ("-1", "greater_than_equal"),
            (BIGGEST + 1, "less_than_equal"),
            (str(BIGGEST + 1), "less_than_equal"),
            (1e300, "less_than_equal"),
            (0.5, "int_from_float"),
            ("0.5", "int_parsing"),
            ("", "int_parsing"),
            ("300,000", "int_parsing"),
            ("1e3", "int_parsing"),
            ("٣", "int_parsing"),
            (True, "int_type"),
            ([1], "int_type"),
            ({}, "int_type"),
        ],
        ["budget_min", "budget_max"],
    ):
        with case(value, type, field):
            assert problems(api, **{field: value}) == [(type, ["body", field])]


def test_integers_beyond_any_machine_word_are_refused(api: Api) -> None:
    row = json.dumps({**MINIMAL, "budget_min": 10**400})
    assert [loc[0] for _, loc in refused(api.send("POST", "/api/leads", row))] == ["body"]
    assert not Lead.objects.exists()


def test_crossed_budgets(api: Api) -> None:
    assert problems(api, budget_min=2, budget_max=1) == [("value_error", ["body", "budget_max"])]
    assert problems(api, budget_min="10", budget_max=9.0) == [("value_error", ["body", "budget_max"])]
    assert create(api, budget_min=2, budget_max="2")["budget_max"] == 2


def test_a_bad_budget_is_not_also_called_crossed(api: Api) -> None:
    assert problems(api, budget_min="x", budget_max=1) == [("int_parsing", ["body", "budget_min"])]
