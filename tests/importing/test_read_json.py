"""JSON arrays and JSON Lines."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.importing.sources.reader import BadRow, Source, Unreadable, open_source


def opened(content: str | bytes, name: str | None = None) -> Source:
    """Return a source made of text or bytes."""
    return open_source(io.BytesIO(content.encode() if isinstance(content, str) else content), name=name)


def test_an_array() -> None:
    source = opened('[{"email": "a@b.co", "budget_max": 450000},\n {"phone": "1", "email": null}]')
    assert (source.format, source.header) == ("json", ["email", "budget_max", "phone"])
    assert list(source) == [(1, ["a@b.co", 450000, None]), (2, [None, None, "1"])]


def test_json_lines() -> None:
    source = opened('{"email": "a@b.co"}\n\n{"phone": "1"}\n')
    assert (source.format, source.header) == ("jsonl", ["email", "phone"])
    assert list(source) == [(1, ["a@b.co", None]), (3, [None, "1"])]


@pytest.mark.parametrize("name", ["leads.json", "leads.jsonl", "leads.txt", None])
@pytest.mark.parametrize(("text", "format"), [(' [ {"a": 1}, {"a": 2} ] ', "json"), ('{"a": 1}\n{"a": 2}', "jsonl")])
def test_the_content_decides_between_the_two(name: str | None, text: str, format: str) -> None:
    source = opened(text, name)
    assert source.format == format
    assert [cells for _, cells in source] == [[1], [2]]


def test_a_key_that_turns_up_late_is_a_problem_of_its_row() -> None:
    rows = [{"email": "a@b.co"}] * 1000 + [{"email": "c@d.co", "Phone 2": "1"}]
    for text in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        *good, (line, last) = list(opened(text))
        assert len(good) == 1000
        assert line == 1001
        assert isinstance(last, BadRow)
        assert last == ["c@d.co", "1"]
        assert "'Phone 2'" in last.problems[0].msg


def test_a_bad_line_is_a_problem_of_its_own() -> None:
    rows = list(opened('{"a": 1}\n{"a": \n[1]\n"x"\n{"a": 2}\n'))
    assert [line for line, _ in rows] == [1, 2, 3, 4, 5]
    assert [type(cells) is BadRow for _, cells in rows] == [False, True, True, True, False]
    assert [cells.problems[0].type for _, cells in rows if isinstance(cells, BadRow)] == [
        "json_invalid",
        "not_an_object",
        "not_an_object",
    ]


def test_elements_that_are_no_objects_are_problems() -> None:
    rows = list(opened('[{"a": 1}, 5, [6], null, 7]'))
    assert [type(cells) is BadRow for _, cells in rows] == [False, True, True, True, True]


def test_objects_with_nothing_in_them_do_not_come() -> None:
    assert list(opened('[{"a": null}, {"a": " "}, {}, {"a": 0}]')) == [(4, [0])]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"a": 1}, {"a": 2}', "at element 2"),
        ('[{"a": 1} {"a": 2}]', "at element 1"),
        ('[{"a": 1}, {"a": NaN}]', "NaN is not JSON"),
        ('[{"a": 1}]]', "follows its closing bracket"),
        ('[{"a": 1}, ' + "[" * 100_000, "at element 2"),
    ],
)
def test_a_damaged_array_is_unreadable(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(opened(text, "leads.json"))


@pytest.mark.parametrize("text", ["[]", "[1, 2]", "[{}]", '{\n "leads": []\n}', "{not json}"])
def test_json_without_rows_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        opened(text, "leads.json")


def test_a_long_array_on_one_line_is_read() -> None:
    text = json.dumps([{"email": f"a{n}@b.co", "notes": "x" * 500} for n in range(40_000)])
    assert len(text) > 16 << 20
    assert sum(1 for _ in opened(text)) == 40_000


VALUES = st.one_of(st.text(min_size=1).filter(str.strip), st.integers(-(2**63), 2**63), st.booleans())


@given(rows=st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=1), indent=st.sampled_from([None, 2]))
def test_any_array_comes_back(rows: list[dict[str, Any]], indent: int | None) -> None:
    source = opened(json.dumps(rows, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass"), "leads.json")
    assert [dict(zip(source.header, cells, strict=True)) for _, cells in source] == rows
