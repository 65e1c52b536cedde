"""Schemathesis' hooks: its checks of valid and invalid data, without what JSON Schema cannot say or does not.

A 422 is right for crossed budgets, foreign keys to nothing, user names that deceive, and an idempotency key that was
used before. A success is right for a body that does not fit its schema and that the rules accept: a schema says what to
send, the server accepts more.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import django
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

ALLOWED = (
    "Value error, budget_max must be greater than or equal to budget_min",
    "Value error, the key was used for another request; take a new one",
    "Value error, a user name must not",  # invisible or mixed
    "Value error, skip is for a single lead",
    "Value error, there is no ",  # row that a foreign key points to
)
Validate = Callable[[Any], tuple[Any, list[Any]]]


@cache
def rules() -> dict[str, Validate]:
    """Return what validates the body of each operation."""
    django.setup()
    from activities import validators as activities
    from leads import validators as leads
    from users import validators as users

    update = partial(leads.validate, partial=True)
    return {
        "POST /api/leads": leads.validate,
        "PUT /api/leads/{lead_id}": update,
        "PATCH /api/leads/{lead_id}": update,
        "POST /api/leads/{lead_id}/activities": activities.validate,
        "POST /api/users/register": users.check_registration,
        "POST /api/users/login": users.check_login,
        "POST /api/users/token": users.check_token_form,
        "POST /api/users/token/refresh": users.check_renewal,
    }


@schemathesis.check
def valid_data_is_accepted(ctx: Any, response: Any, case: Any) -> bool | None:
    """Check that a body of the contract's calls that fits the schema is accepted, except what is allowed above."""
    try:
        return positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        if case.operation.label not in rules():
            return None  # the calls that came later have rules between their fields
        if response.status_code == 422 and all(map(is_allowed, response.json()["detail"])):
            return None
        raise


def is_allowed(problem: dict[str, Any]) -> bool:
    """Return whether a 422 may have this problem: a rule between fields, or an unknown field under ``strict``."""
    return problem["type"] == "extra_forbidden" or problem["msg"].startswith(ALLOWED)


@schemathesis.check
def invalid_data_is_refused(ctx: Any, response: Any, case: Any) -> bool | None:
    """Check that a body of the contract's calls that does not fit the schema is refused, unless the rules accept it."""
    try:
        return negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        validate = rules().get(case.operation.label)
        rows = case.body if isinstance(case.body, list) else [case.body]
        if not validate or not any(problems for _, problems in map(validate, rows)):
            return None
        raise
