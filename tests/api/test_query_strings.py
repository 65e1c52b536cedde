"""Query strings in which nothing is encoded are read without Django's help, to the same end."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.http import QueryDict

from crm_project.api.pagination import query_of


@pytest.mark.parametrize(
    "query",
    [
        *("", "page=2&size=10", "page=1&page=2", "page", "page=", "=2", "&&page=3&", "page==3", "a=b=c&status=new"),
        *("status=New.er-x_y", "q=a+b", "q=%41", "q=ä", "q=1;2", "&", "=", "page=3&Page=4", "x" * 300 + "=1"),
    ],
)
def test_the_same_values_as_djangos(query: str) -> None:
    known = QueryDict(query)
    request: Any = SimpleNamespace(_request=SimpleNamespace(META={"QUERY_STRING": query}), query_params=known)
    assert dict(query_of(request).items()) == {name: known.get(name) for name in known}
