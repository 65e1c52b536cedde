"""The documents are complete: every route, setting, command, option and dependency is on its page."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import BaseCommand, get_commands, load_command_class
from django.urls import URLPattern, URLResolver, get_resolver

from leads.filters import LeadFilter
from leads.importing.columns import mapping
from leads.serializers import OUT

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", PROJECT / "SECURITY.md", PROJECT / "CHANGELOG.md"]
PAGES = sorted((PROJECT / "docs").glob("*.md"))
OURS = {
    app.name
    for app in apps.get_app_configs()
    if (PROJECT / app.name.replace(".", "/")).is_dir() and not app.name.startswith("tests")
}


def page(name: str) -> str:
    """Return the text of a page in docs/."""
    return (PROJECT / "docs" / f"{name}.md").read_text()


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> list[str]:
    """Return every path of the API in the URL map."""
    found = []
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, path)
        elif path.startswith(("api/", "health/")):
            found.append("/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path))
    return found


def test_every_route_is_documented() -> None:
    assert [route for route in routes(get_resolver().url_patterns) if f"{route}`" not in page("api")] == []


def test_every_field_and_filter_of_leads_is_documented() -> None:
    api = page("api")
    assert [name for name in (*OUT, *LeadFilter.base_filters) if f"`{name}`" not in api] == [], "Add to docs/api.md."
    columns = page("import")
    assert [name for name in mapping.TARGETS if f"`{name}`" not in columns] == [], "Add to docs/import.md."


def variables() -> list[str]:
    """Return every environment variable that the settings read."""
    return re.findall(r'env\.\w+\("([A-Z_]+)"', (PROJECT / "crm_project" / "settings.py").read_text())


def test_every_setting_is_documented() -> None:
    settings, example = page("settings"), (PROJECT / ".env.example").read_text()
    assert [name for name in variables() if f"`{name}`" not in settings] == []
    # The path of the file cannot be in the file.
    assert {name for name in variables() if f"{name}=" not in example} <= {"ENV_FILE"}


def test_no_setting_is_documented_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", page("settings"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}
    assert documented == set(variables())


@pytest.mark.parametrize("path", [*DOCUMENTS, *PAGES], ids=lambda path: path.name)
def test_every_table_begins_with_a_header(path: Path) -> None:
    lines = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL).splitlines()
    rows = [place for place, line in enumerate(lines) if line.startswith("|")]
    starts = [place for place in rows if place == 0 or place - 1 not in rows]
    assert [lines[place] for place in starts if not lines[place + 1].startswith("| ---")] == []


def test_every_command_is_documented() -> None:
    ours = [name for name, app in get_commands().items() if app in OURS]
    assert [name for name in ours if f"manage.py {name}`" not in page("operations")] == []


def options() -> list[str]:
    """Return every option of the commands that import and export, but for those that all commands have."""
    found: set[str] = set()
    for name in ("import_leads", "import_activities", "undo_import", "export_leads"):
        found |= options_of(load_command_class(get_commands()[name], name), name)
    return sorted(found - options_of(BaseCommand(), "command"))


def options_of(command: BaseCommand, name: str) -> set[str]:
    """Return the long options in the help of a command."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", command.create_parser("manage.py", name).format_usage()))


def test_every_option_of_imports_and_exports_is_documented() -> None:
    assert [option for option in options() if not re.search(rf"`{option}[ `]", page("import"))] == []


def requirements(name: str) -> list[str]:
    """Return the packages that a requirements file names."""
    return re.findall(r"^([A-Za-z][\w.-]+)", (PROJECT / name).read_text(), re.MULTILINE)


def test_every_dependency_has_its_reason() -> None:
    reasons = (PROJECT / "CONTRIBUTING.md").read_text().partition("## Dependencies")[2].lower()
    packages = [*requirements("requirements.txt"), *requirements("requirements-dev.txt")]
    assert [package for package in packages if package.lower().removesuffix("-stubs") not in reasons] == []


def test_every_promise_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", page("security"))
    assert len(named) > 10
    assert [name for name in named if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *PAGES], ids=lambda path: path.name)
def test_files_that_are_named_exist(document: Path) -> None:
    folders = "crm_project|users|leads|activities|dashboard|maintenance|tests|benchmarks|docs"
    named = re.findall(rf"`((?:{folders})/[\w./]*)`", document.read_text())
    assert [name for name in named if not (PROJECT / name).exists()] == []


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", [*DOCUMENTS, *PAGES], ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)#?([^):\s]*)\)", document.read_text()):
        linked = document.parent / target if target else document
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_the_readme_links_every_page() -> None:
    readme = (PROJECT / "README.md").read_text()
    assert [path.name for path in PAGES if f"](docs/{path.name})" not in readme] == []
