"""What people are told at forms."""

from typing import Any

import pytest

from activities import validators as activities
from leads import validators as leads
from users.form_messages import plain_message


@pytest.mark.parametrize(
    ("rules", "row", "told"),
    [
        (leads, {"budget_min": -1}, "This should be 0 or more."),
        (leads, {"budget_min": 2**63}, "This should be 9,223,372,036,854,775,807 or less."),
        (leads, {"budget_min": "4e5"}, "Please write a whole number in digits."),
        (leads, {"phone": "1" * 65}, "This may have at most 64 characters."),
        (leads, {"email": "nowhere"}, "Value is not a valid email address."),
        (leads, {"phone": "a\0"}, "Text must not contain the NUL character."),
        (activities, {"title": ""}, "Please fill this in."),
        (activities, {"activity_date": "2026-02-30"}, "Please give a day that exists, as 2026-10-31."),
    ],
)
def test_every_refusal_has_its_words(rules: Any, row: dict[str, Any], told: str) -> None:
    _, problems = rules.validate(row, partial=True) if rules is leads else rules.validate(row)
    (problem,) = [found for found in problems if found.loc[0] in row]
    assert plain_message(problem.type, problem.msg) == told
