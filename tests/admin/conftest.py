"""Fixtures of the tests of the back office."""

from pathlib import Path
from typing import Any

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


@pytest.fixture(autouse=True)
def upload_dir(settings: Any, tmp_path: Path) -> Path:
    """Set and return an empty folder for uploaded files."""
    settings.UPLOAD_DIR = tmp_path / "uploads"
    return tmp_path / "uploads"
