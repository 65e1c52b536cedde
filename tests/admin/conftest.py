"""Fixtures of the tests of the back office."""

import pytest
from django.test import Client

from tests.admin.people import browser_of
from tests.factories import make_user


@pytest.fixture
def boss(db: None) -> Client:
    """Return the client of a logged-in superuser."""
    client = Client()
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def manager(db: None) -> Client:
    """Return the client of a logged-in manager."""
    return browser_of("manager")
