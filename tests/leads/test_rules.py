"""leads/validators.py, the rules for a lead's values: properties that hold for any row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crm_project.validation import FieldError
from leads import validators
from leads.models import Lead
from tests.conftest import Api
from tests.factories import SOMEBODY

SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FIELDS = tuple(validators.UPDATE_RULES)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["", " ", "\0", "\ud800", "1"])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
any_row = st.dictionaries(st.sampled_from(FIELDS) | st.text(), anything, max_size=12)


def words(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    """Text that PostgreSQL can hold: no NUL, no surrogates."""
    characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    return st.text(characters, min_size=shortest, max_size=longest)


budgets = st.none() | st.integers(0, 2**63 - 1) | st.integers(0, 2**63 - 1).map(str) | st.sampled_from([0.0, 2.0**62])
good_rows = st.fixed_dictionaries(
    {
        "first_name": words(validators.MAX_NAME),
        "last_name": words(validators.MAX_NAME),
        "email": st.sampled_from(["", "a@b.c", " O'Brien@Example.COM ", "pelé@bücher.example"]) | st.emails(),
        "phone": words(validators.MAX_PHONE),
    },
    optional={
        "status": words(validators.MAX_STATUS) | st.sampled_from(["CLOSED", "İ" * 16, " New"]),
        "source": words(validators.MAX_SOURCE),
        "budget_min": budgets,
        "budget_max": budgets,
        "property_interest": st.none() | words(300),
    },
)


@SETTINGS
@given(row=any_row | anything, partial=st.booleans())
@example(row={"budget_min": 10**400, "budget_max": float("nan")}, partial=True)
@example(row={"email": "a" * 100_000 + "@", "status": "İ" * 32, "is_active": 1e308}, partial=True)
@example(row=[], partial=False)
def test_any_row_has_values_and_problems_and_raises_nothing(row: Any, partial: bool) -> None:
    clean, problems = validators.validate(row, partial)
    assert set(clean) <= set(validators.UPDATE_RULES if partial else validators.CREATE_RULES)
    assert all(isinstance(problem, FieldError) and problem.type and problem.msg for problem in problems)
    assert all(len(problem.loc) == (1 if isinstance(row, dict) else 0) for problem in problems)
    if not problems and not partial:
        assert set(clean) == set(validators.CREATE_RULES)
    if not problems and partial:
        assert set(clean) == set(validators.UPDATE_RULES) & set(row)


@SETTINGS
@given(row=any_row, partial=st.booleans())
def test_a_row_is_judged_without_being_changed(row: dict[str, Any], partial: bool) -> None:
    before = repr(row)
    validators.validate(row, partial)
    assert repr(row) == before


@SETTINGS
@given(row=good_rows | any_row, partial=st.booleans())
@example(row={"status": "İ" * 16 + " ", "source": "\u3000x\x1f"}, partial=True)
def test_what_is_clean_stays_as_it_is(row: dict[str, Any], partial: bool) -> None:
    clean, problems = validators.validate(row, partial)
    if not problems:
        assert validators.validate(clean, partial) == (clean, [])


@contextmanager
def undone() -> Iterator[None]:
    """A transaction that leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
@SETTINGS
@given(row=good_rows)
@example(row={"first_name": "\u1e9e" * 150, "last_name": "\ufdfa" * 150, "email": "a@b.c", "phone": "１" * 64})
@example(
    row={"first_name": "é", "last_name": "", "email": "", "phone": "", "source": "\ufdfa" * 64, "status": "İ" * 16}
)
def test_what_is_accepted_is_stored_and_shown_as_it_is(api: Api, row: dict[str, Any]) -> None:
    clean, problems = validators.validate(row)
    with undone():
        reply = api.post("/api/leads", row)
        assert reply.status_code == (422 if problems else 201), reply.content
        if problems:
            return
        shown = reply.json()
        assert {name: shown[name] for name in clean} == clean
        assert api.get(f"/api/leads/{shown['id']}").json() == shown
        bulk = api.post("/api/leads", [row]).json()[0]
        assert {name: bulk[name] for name in clean} == clean
        written = api.put(f"/api/leads/{bulk['id']}", clean).json()
        assert {name: written[name] for name in clean} == clean
        assert api.get(f"/api/leads/{bulk['id']}").json() == written


@pytest.mark.django_db
@SETTINGS
@given(row=good_rows)
def test_what_is_stored_is_found_by_its_own_words(api: Api, row: dict[str, Any]) -> None:
    clean, problems = validators.validate(row)
    if problems:
        return
    with undone():
        lead = Lead.objects.create_lead(clean, SOMEBODY)
        for field in ("first_name", "last_name", "email", "phone"):
            found = api.get("/api/leads", q=clean[field][:500], status=clean["status"], source=clean["source"])
            assert [one["id"] for one in found.json()] == [lead.pk], field


@SETTINGS
@given(
    stored=st.tuples(*[st.none() | st.integers(0, 9)] * 2),
    change=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("budget_min", "budget_max"), st.none() | st.integers(0, 9))
    ),
)
def test_budgets_are_judged_as_they_will_be(stored: tuple[int | None, int | None], change: dict[str, Any]) -> None:
    lead = Lead(budget_min=stored[0], budget_max=stored[1])
    after = {"budget_min": stored[0], "budget_max": stored[1], **change}
    _, problems = validators.validate(change, partial=True, stored=lead)
    crossed = None not in after.values() and after["budget_min"] > after["budget_max"]
    assert [problem.loc for problem in problems] == ([("budget_max",)] if crossed and change else [])
