"""Imports have one direction, crm_project <- users <- leads <- activities <- dashboard <- maintenance, and no cycle."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["crm_project.validation", "crm_project.http", "users", "leads", "activities", "dashboard", "maintenance"]
# Modules of the project package that import the layers. No layer imports these.
ASSEMBLY = {"settings", "urls", "wsgi", "server"}


def name_of(file: Path) -> str:
    """Return the dotted name of a module."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    """Return every module of the product."""
    folders = [ROOT / layer.split(".")[0] for layer in LAYERS]
    return {name_of(file): file for folder in folders for file in folder.rglob("*.py")}


MODULES = modules()


def imported(name: str, file: Path) -> Iterator[str]:
    """Yield the product's modules that this one imports, also in functions and for type checkers only."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (known for alias in node.names if (known := _known(alias.name)))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (known for alias in node.names if (known := _known(f"{source}.{alias.name}") or _known(source)))


def _known(name: str) -> str | None:
    return name if name in MODULES else None


@cache
def graph() -> dict[str, set[str]]:
    """Return what each module imports. The files are read when a test asks, not when tests are collected."""
    return {name: set(imported(name, file)) for name, file in MODULES.items()}


def layer_of(name: str) -> int | None:
    """Return the index of a module's layer, counted from below; ``None`` for the rest of the project package."""
    matches = [index for index, layer in enumerate(LAYERS) if name == layer or name.startswith(f"{layer}.")]
    return matches[0] if matches else None


def test_the_graph_sees_the_imports() -> None:
    """An empty graph would pass all other tests."""
    assert "crm_project.validation" in graph()["crm_project.http.errors"]
    assert "leads.validators" in graph()["leads.models"]
    assert "users.managers" in graph()["users.models"]
    assert all(any(layer_of(name) == index for name in MODULES) for index in range(len(LAYERS)))


def test_a_module_imports_only_from_its_layer_and_below() -> None:
    for name, others in graph().items():
        own = layer_of(name)
        if own is None:
            assert name.startswith("crm_project")
            continue
        above = {other for other in others if (layer := layer_of(other)) is not None and layer > own}
        assert above == set(), name
        assert {other for other in others if other.removeprefix("crm_project.") in ASSEMBLY} == set(), name


def test_the_validation_module_imports_no_other() -> None:
    assert graph()["crm_project.validation"] == set()


# A queryset has its model's type as an argument, and is imported by it: the one cycle that there is, for types alone.
OF_MODELS = {
    *((f"leads.{name}", "leads.models") for name in ("queries", "querysets")),
    *((f"activities.{name}", "activities.models") for name in ("querysets", "follow_ups.querysets")),
}


@pytest.mark.parametrize("package", ["crm_project", "users", "leads", "activities", "dashboard", "maintenance"])
def test_there_is_no_import_cycle(package: str) -> None:
    """Imports for type checkers only count too."""
    part = {
        name: [other for other in others if (name, other) not in OF_MODELS]
        for name, others in graph().items()
        if name.split(".")[0] == package
    }
    try:
        TopologicalSorter(part).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


# What lets files in and out, and what puts the app together.
ENTRANCES = {
    f"leads.{name}"
    for name in ("admin", "apps", "export_views", "import_request", "import_views", "metrics", "retention", "urls")
}
PARTS = ("importing", "exporting", "back_office", "management")


def test_the_core_of_leads_imports_neither_import_nor_back_office() -> None:
    inside = {name for name in MODULES if name.startswith(tuple(f"leads.{part}" for part in PARTS))}
    core = {name for name in MODULES if name.startswith("leads.")} - inside - ENTRANCES
    assert {name: graph()[name] & inside for name in core if graph()[name] & inside} == {}


def test_the_project_package_imports_no_app() -> None:
    for name in MODULES:
        if name.startswith("crm_project.") and name.removeprefix("crm_project.") not in ASSEMBLY:
            assert {other for other in graph()[name] if other.split(".")[0] != "crm_project"} == set()


def test_the_legacy_migration_is_frozen() -> None:
    """It has its own rules for values, and only its command imports it."""
    package = "maintenance.legacy_migration"
    inside = {name for name in MODULES if name.startswith(package)}
    importers = {name for name in MODULES.keys() - inside if graph()[name] & inside}
    assert importers == {"maintenance.management.commands.import_legacy"}
    imported = set().union(*(graph()[name] for name in inside))
    changing = ("rules", "validators", "serializers", "forms")
    assert {name for name in imported if name.rpartition(".")[2] in changing} == {f"{package}.rules"}


@pytest.mark.parametrize("app", ["users", "leads", "activities"])
def test_models_do_not_import_the_http_package(app: str) -> None:

    reached, waiting = set(), [f"{app}.models"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph()[name]
    assert {name for name in reached if name.startswith("crm_project.http")} == set()
