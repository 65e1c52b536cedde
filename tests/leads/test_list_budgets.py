"""GET /api/leads: min_budget and max_budget."""

from itertools import product

import pytest

from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_lead

pytestmark = pytest.mark.django_db

BIGGEST = 2**63 - 1
BUDGETS = {
    "none": (None, None),
    "from 100": (100, None),
    "to 200": (None, 200),
    "100 to 200": (100, 200),
    "zero": (0, 0),
    "300 to biggest": (300, BIGGEST),
}


def test_it_works(api: Api, case: Case) -> None:
    for query, expected in [
        ({"min_budget": 0}, {"from 100", "to 200", "100 to 200", "zero", "300 to biggest"}),
        ({"min_budget": 100}, {"from 100", "to 200", "100 to 200", "300 to biggest"}),
        ({"min_budget": 101}, {"to 200", "100 to 200", "300 to biggest"}),
        ({"min_budget": 200}, {"to 200", "100 to 200", "300 to biggest"}),
        ({"min_budget": 201}, {"300 to biggest"}),
        ({"min_budget": BIGGEST}, {"300 to biggest"}),
        ({"max_budget": 0}, {"zero"}),
        ({"max_budget": 99}, {"zero"}),
        ({"max_budget": 100}, {"from 100", "100 to 200", "zero"}),
        ({"max_budget": 199}, {"from 100", "100 to 200", "zero"}),
        ({"max_budget": 200}, {"from 100", "to 200", "100 to 200", "zero"}),
        ({"max_budget": BIGGEST}, {"from 100", "to 200", "100 to 200", "zero", "300 to biggest"}),
        ({"min_budget": 150, "max_budget": 150}, {"100 to 200"}),
        ({"min_budget": 100, "max_budget": 100}, {"from 100", "100 to 200"}),
        ({"min_budget": 250, "max_budget": 300}, {"300 to biggest"}),
        ({"min_budget": 201, "max_budget": 299}, set()),
        ({"min_budget": 200, "max_budget": 100}, {"100 to 200"}),
        ({"min_budget": " 0201 "}, {"300 to biggest"}),
    ]:
        with case(query, expected):
            for name, (lowest, highest) in BUDGETS.items():
                make_lead(first_name=name, budget_min=lowest, budget_max=highest)
            reply = api.get("/api/leads", **query)
            assert reply.status_code == 200
            assert {row["first_name"] for row in reply.json()} == expected


def test_bad_budgets_are_refused(api: Api, case: Case) -> None:
    for (value, type), name in product(
        [
            ("lots", "int_parsing"),
            ("1.5", "int_parsing"),
            ("1,000", "int_parsing"),
            ("-1", "greater_than_equal"),
            (str(2**63), "less_than_equal"),
        ],
        ["min_budget", "max_budget"],
    ):
        with case(value, type, name):
            assert refused(api.get("/api/leads", **{name: value})) == [(type, ["query", name])]
