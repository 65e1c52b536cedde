"""A Django app of the tests: `flush` that takes milliseconds."""
