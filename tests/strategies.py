"""Hypothesis strategies for values of API requests. The profile sets the number of examples (``conftest``)."""

from hypothesis import strategies as st

any_text = st.text(st.characters(exclude_categories=()))  # unpaired surrogates and NUL included
storable = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
any_json = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=8)
