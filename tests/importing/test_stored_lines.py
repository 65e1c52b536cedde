"""Which line of the file a stored lead is from."""

from hypothesis import given
from hypothesis import strategies as st

from leads.importing.stored_lines import StoredLines

steps = st.lists(st.tuples(st.sampled_from((1, 1, 1, 2, 40)), st.sampled_from((1, 1, 1, 2, 7))), max_size=40)


@given(steps)
def test_each_lead_has_its_line_and_no_other_lead_has_one(steps: list[tuple[int, int]]) -> None:
    stored, expected, lead_id, line = StoredLines(), {}, 5, 1
    for more_ids, more_lines in steps:
        lead_id, line = lead_id + more_ids, line + more_lines
        stored.add(lead_id, line)
        expected[lead_id] = line
    assert {number: stored.line_of(number) for number in range(lead_id + 3)} == {
        number: expected.get(number, 0) for number in range(lead_id + 3)
    }


def test_leads_of_lines_one_after_the_other_take_no_space_each() -> None:
    stored = StoredLines()
    for number in range(1000):
        stored.add(10 + number, 2 + number)
    assert len(stored.first_ids) == 1
