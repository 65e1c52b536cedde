"""Warnings about versions of Python."""

from datetime import date, timedelta

import pytest

from crm_project.operations import interpreter

TODAY = interpreter.AS_OF


@pytest.mark.parametrize(("minor", "least"), interpreter.MIN_PATCH.items())
def test_the_least_release_without_a_known_hole(minor: tuple[int, int], least: int) -> None:
    before = interpreter.warning((*minor, least - 1), TODAY)
    assert ".".join(map(str, (*minor, least - 1))) in before
    assert ".".join(map(str, (*minor, least))) in before
    assert TODAY.isoformat() in before
    assert interpreter.warning((*minor, least), TODAY) == interpreter.warning((*minor, least + 1), TODAY) == ""


@pytest.mark.parametrize("minor", interpreter.MIN_PATCH)
def test_a_minor_version_without_support(minor: tuple[int, int]) -> None:
    last = interpreter.END_OF_SUPPORT[minor]
    newest = (*minor, 99)
    assert interpreter.warning(newest, last) == ""
    assert "no longer gets security fixes" in interpreter.warning(newest, last + timedelta(days=1))


def test_versions_that_the_list_does_not_know() -> None:
    assert "no longer gets security fixes" in interpreter.warning((3, 10, 99), TODAY)
    assert "no longer gets security fixes" in interpreter.warning((2, 7, 18), TODAY)
    assert interpreter.warning((3, 99, 0), date(2060, 1, 1)) == ""
