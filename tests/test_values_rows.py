"""Validation of a row by its rules."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given

from crm_project import validation
from tests.strategies import any_json

RULES = {
    "name": validation.FieldRule(partial(validation.text, max_length=5)),
    "note": validation.FieldRule(partial(validation.text, max_length=5), nullable=True, default=None),
    "kind": validation.FieldRule(partial(validation.text, max_length=5), default="plain"),
}


@pytest.mark.parametrize(
    ("row", "partially", "clean", "problems"),
    [
        ({"name": " a "}, False, {"name": "a", "note": None, "kind": "plain"}, []),
        ({"name": "a", "note": "b", "kind": ""}, False, {"name": "a", "note": "b", "kind": ""}, []),
        ({}, False, {"note": None, "kind": "plain"}, [("missing", ("name",))]),
        ({}, True, {}, []),
        ({"note": None}, True, {"note": None}, []),
        ({"name": None, "kind": None}, True, {}, [("string_type", ("name",)), ("string_type", ("kind",))]),
        ({"name": "a", "other": 1}, True, {"name": "a"}, []),
        ({"name": "toolong", "kind": 1}, True, {}, [("string_too_long", ("name",)), ("string_type", ("kind",))]),
        ([], False, {}, [("model_attributes_type", ())]),
        (None, True, {}, [("model_attributes_type", ())]),
    ],
)
def test_validate(row: Any, partially: bool, clean: dict[str, Any], problems: list[Any]) -> None:
    clean_row, found = validation.validate(row, RULES, partially)
    assert clean_row == clean
    assert [(problem.type, problem.loc) for problem in found] == problems


def test_problems_are_located_from_the_outside_in() -> None:
    problem = validation.FieldError("missing", ("email",), "Field required", {})
    assert [each.loc for each in validation.with_location([problem], "body", 3)] == [("body", 3, "email")]


@given(any_json)
def test_validate_accepts_any_value_as_a_row(row: Any) -> None:
    clean, problems = validation.validate(row, RULES)
    assert clean.keys() <= RULES.keys()
    assert {problem.loc[0] for problem in problems if problem.loc}.isdisjoint(clean)
    assert bool(problems) or clean.keys() == RULES.keys()
