"""The documents tell the truth: every route, setting, command and dependency is named where people look for it."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text()
OURS = ("crm_project.api", "users", "leads", "activities", "dashboard", "maintenance")


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> list[str]:
    """Every path of the API in the URL map."""
    found = []
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, path)
        elif path.startswith("api/"):
            found.append("/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path))
    return found


@pytest.mark.parametrize("route", sorted(set(routes(get_resolver().url_patterns))))
def test_the_readme_has_every_route(route: str) -> None:
    assert f"{route}`" in README


def variables() -> list[str]:
    """Every environment variable the settings read."""
    return re.findall(r'env\.\w+\("([A-Z_]+)"', (PROJECT / "crm_project" / "settings.py").read_text())


@pytest.mark.parametrize("variable", sorted(set(variables())))
def test_every_setting_is_explained(variable: str) -> None:
    assert f"`{variable}`" in README
    if variable != "ENV_FILE":  # which says where the file is, and so cannot stand in it
        assert f"{variable}=" in (PROJECT / ".env.example").read_text()


@pytest.mark.parametrize("command", sorted(name for name, app in get_commands().items() if app in OURS))
def test_every_command_is_explained(command: str) -> None:
    assert f"manage.py {command}" in README


def requirements(name: str) -> list[str]:
    """The packages a requirements file names."""
    return re.findall(r"^([A-Za-z][\w.-]+)", (PROJECT / name).read_text(), re.MULTILINE)


@pytest.mark.parametrize("package", sorted({*requirements("requirements.txt"), *requirements("requirements-dev.txt")}))
def test_every_dependency_has_its_reason(package: str) -> None:
    reasons = (PROJECT / "CONTRIBUTING.md").read_text().partition("## Dependencies")[2].lower()
    assert package.lower().removesuffix("-stubs") in reasons


def test_every_promise_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", (PROJECT / "SECURITY.md").read_text())
    assert len(named) > 10
    assert [name for name in named if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (PROJECT / document).read_text()):
        assert (PROJECT / target).exists(), target
