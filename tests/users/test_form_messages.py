"""Error messages of forms."""

from typing import Any

import pytest

from activities import validators as activities
from leads import validators as leads
from users.form_messages import form_message


@pytest.mark.parametrize(
    ("rules", "row", "message"),
    [
        (leads, {"budget_min": -1}, "Enter 0 or more."),
        (leads, {"budget_min": 2**63}, "Enter 9,223,372,036,854,775,807 or less."),
        (leads, {"budget_min": "4e5"}, "Enter a whole number."),
        (leads, {"phone": "1" * 65}, "Enter at most 64 characters."),
        (leads, {"email": "nowhere"}, "Enter a valid email address."),
        (leads, {"phone": "a\0"}, "Text must not contain the NUL character."),
        (leads, {"budget_min": 2, "budget_max": 1}, "The maximum budget is below the minimum."),
        (activities, {"title": ""}, "This field is required."),
        (activities, {"activity_date": "2026-02-30"}, "Enter a valid date, such as 2026-10-31."),
    ],
)
def test_every_error_has_a_message(rules: Any, row: dict[str, Any], message: str) -> None:
    _, errors = rules.validate(row, partial=True) if rules is leads else rules.validate(row)
    (error,) = [found for found in errors if found.loc[0] in row]
    assert form_message(error.type, error.msg) == message
