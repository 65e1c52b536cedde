"""The admin as people of each kind see it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def boss(db: None) -> Client:
    """A logged-in superuser's browser."""
    client = Client()
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def upload_dir(settings: Any, tmp_path: Path) -> Path:
    """An empty folder for uploaded files."""
    settings.UPLOAD_DIR = tmp_path / "uploads"
    return tmp_path / "uploads"
