"""Hypothesis: the one profile (the same examples on every run, no clock) and values that APIs are sent."""

from hypothesis import settings
from hypothesis import strategies as st

fixed = settings(derandomize=True, deadline=None, database=None, max_examples=150)

any_text = st.text(st.characters(exclude_categories=()))  # unpaired surrogates and NUL included
storable = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
any_json = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=8)
