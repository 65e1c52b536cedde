"""Adding a field to leads works as CONTRIBUTING says: in a copy of the project, up to the legacy migration."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from leads import checks, validators
from leads.importing import checks as import_checks
from tests.new_field import recipe

PROJECT = Path(__file__).resolve().parent.parent.parent
LEFT_OUT = shutil.ignore_patterns(".*", "*.db*", "node_modules", "staticfiles", "uploads", "__pycache__", "benchmarks")

UNRECORDED = (
    "import django; django.setup();"
    " from crm_project.operations.management.commands.serve import changes_without_migration;"
    " print(changes_without_migration())"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return the project's files in a folder of their own."""
    return Path(shutil.copytree(PROJECT, tmp_path / "project", ignore=LEFT_OUT))


def run(project: Path, *arguments: str) -> str:
    """Run Python in the copy, on a database of the same kind as this run's; returns what it printed."""
    url = "sqlite:///app.db"
    if not settings.DATABASE_URL.startswith("sqlite"):
        url = urlsplit(settings.DATABASE_URL)._replace(path=f"/new_field_{os.getpid()}").geturl()
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST")}
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.slow  # the tests below look for what is forgotten today
def test_a_field_added_by_the_recipe_works_everywhere(copy: Path) -> None:
    edited = recipe.apply(copy, recipe.EDITS)
    others = recipe.apply(copy, [*recipe.FILTER, *recipe.COLUMN])
    assert run(copy, "-c", UNRECORDED).strip() == "['leads']"
    run(copy, "manage.py", "makemigrations", "leads", "-n", "add_agency")
    assert run(copy, "-c", UNRECORDED).strip() == "[]"
    assert len(edited) + 1 <= recipe.MAX_FILES
    assert len(others) <= recipe.MAX_OTHERS
    run(copy, "manage.py", "check")
    run(copy, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)
    assert " passed" in run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/new_field/drive.py")


FORGOTTEN: Sequence[tuple[ModuleType, str, str]] = (
    (validators, "CREATE_RULES", "Lead.phone has no rule."),
    (validators, "UPDATE_RULES", '"phone" cannot be changed.'),
    (validators, "PERSONAL", "Nothing says whether Lead.phone is personal data."),
    (import_checks, "ALIASES", 'The import knows no column names for "phone".'),
)


@pytest.mark.parametrize(("module", "table", "sentence"), FORGOTTEN)
def test_a_forgotten_place_is_a_sentence_at_the_start(
    module: ModuleType, table: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = {name: value for name, value in getattr(module, table).items() if name != "phone"}
    monkeypatch.setattr(module, table, without)
    found = [error.msg for error in (*checks.check_lead_fields(), *import_checks.check_aliases())]
    assert sentence in found


def test_a_rule_without_a_schema_is_a_sentence_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(validators.CREATE_RULES, "phone", validators.CREATE_RULES["phone"]._replace(schema={}))
    assert [error.msg for error in checks.check_lead_fields()] == ['The rule for "phone" does not say what it accepts.']


def test_nothing_is_forgotten_today() -> None:
    assert checks.check_lead_fields() == import_checks.check_aliases() == []
