"""The admin as people of each kind see it."""

import pytest
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def boss(db: None) -> Client:
    """A logged-in superuser's browser."""
    client = Client()
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client
