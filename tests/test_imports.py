"""Imports run one way: values <- api <- users <- leads <- activities <- dashboard <- maintenance."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["crm_project.validation", "crm_project.http", "users", "leads", "activities", "dashboard", "maintenance"]
# The project package assembles the layers; nothing in them knows it.
ASSEMBLY = {"settings", "urls", "wsgi", "asgi", "server"}


def name_of(file: Path) -> str:
    """The dotted name of a module."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    """Every module of the product."""
    folders = [ROOT / layer.split(".")[0] for layer in LAYERS]
    return {name_of(file): file for folder in folders for file in folder.rglob("*.py")}


MODULES = modules()


def imported(name: str, file: Path) -> Iterator[str]:
    """The product's modules that this one imports at run time, wherever the statement stands."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in _at_run_time(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (known for alias in node.names if (known := _known(alias.name)))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (known for alias in node.names if (known := _known(f"{source}.{alias.name}") or _known(source)))


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _at_run_time(child)


def _known(name: str) -> str | None:
    return name if name in MODULES else None


GRAPH = {name: set(imported(name, file)) for name, file in MODULES.items()}


def layer_of(name: str) -> int | None:
    """The place of a module's layer, counted from below; ``None`` for the rest of the project package."""
    places = [place for place, layer in enumerate(LAYERS) if name == layer or name.startswith(f"{layer}.")]
    return places[0] if places else None


def test_the_graph_sees_the_imports() -> None:
    """Without this, an empty graph would pass everything."""
    assert "crm_project.validation" in GRAPH["crm_project.http.errors"]
    assert "leads.validators" in GRAPH["leads.models"]
    assert "users.managers" in GRAPH["users.models"]
    assert all(any(layer_of(name) == place for name in MODULES) for place in range(len(LAYERS)))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_only_from_its_layer_and_below(name: str) -> None:
    own = layer_of(name)
    if own is None:
        assert name.startswith("crm_project")
        return
    above = {other for other in GRAPH[name] if (place := layer_of(other)) is not None and place > own}
    assert above == set()
    assert {other for other in GRAPH[name] if other.removeprefix("crm_project.") in ASSEMBLY} == set()


def test_values_stand_on_nothing() -> None:
    assert GRAPH["crm_project.validation"] == set()


def test_the_project_package_imports_no_app() -> None:
    for name in MODULES:
        if name.startswith("crm_project.") and name.removeprefix("crm_project.") not in ASSEMBLY:
            assert {other for other in GRAPH[name] if other.split(".")[0] != "crm_project"} == set()


def test_the_legacy_migration_is_frozen() -> None:
    """It has its own rules for values, and nothing but its command imports it."""
    package = "maintenance.legacy_migration"
    inside = {name for name in MODULES if name.startswith(package)}
    importers = {name for name in MODULES.keys() - inside if GRAPH[name] & inside}
    assert importers == {"maintenance.management.commands.import_legacy"}
    imported = set().union(*(GRAPH[name] for name in inside))
    changing = ("rules", "validators", "serializers", "forms")
    assert {name for name in imported if name.rpartition(".")[2] in changing} == {f"{package}.rules"}


@pytest.mark.parametrize("app", ["users", "leads", "activities"])
def test_no_model_rests_on_the_api(app: str) -> None:
    reached, waiting = set(), [f"{app}.models"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += GRAPH[name]
    assert {name for name in reached if name.startswith("crm_project.http")} == set()
