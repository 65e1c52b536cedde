"""The product uses no private name of Django, psycopg, granian or any other dependency: by import, attribute or patch.

A name that begins with one underscore belongs to whoever wrote it. Ours do too: a module's own are used in that module,
an object's own through ``self``, ``cls`` or ``super()``, and by its class where the class or its module is ours.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("crm_project", "users", "leads", "activities", "dashboard", "maintenance")
FILES = sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "migrations" not in file.parts)
# Documented as public in spite of the underscore: docs.djangoproject.com, "Model _meta API", "Model instance reference"
# (_state), "Managers" (_base_manager, _default_manager), "How to write a custom storage class" (_open, _save);
# docs.python.org, "namedtuple()" and "os._exit".
DOCUMENTED = {
    "_meta", "_state", "_base_manager", "_default_manager", "_open", "_save", "_replace", "_asdict", "_fields", "_exit"
}  # fmt: skip
REACHING = ("getattr", "setattr", "hasattr", "delattr")


def is_private(name: str) -> bool:
    """Return whether a name begins with one underscore and is not documented."""
    return name.startswith("_") and not name.startswith("__") and name != "_" and name not in DOCUMENTED


def defined(tree: ast.AST) -> set[str]:
    """Return the private names that a module defines."""
    names = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    }  # fmt: skip
    return names


def uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and name of each private name that the module does not define."""
    own = defined(tree)
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REACHING:
            names = [str(arg.value) for arg in node.args[1:2] if isinstance(arg, ast.Constant)]
        yield from ((node.lineno, name) for name in names if is_private(name) and name not in own)


def overrides(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and name of private methods that their module never calls: hooks of a base class."""
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.bases:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and is_private(item.name) and item.name not in called:
                    yield item.lineno, item.name


@pytest.mark.slow
def test_no_private_name_of_others() -> None:
    trees = {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in FILES}
    assert {file: found for file, tree in trees.items() if (found := [*uses(tree), *overrides(tree)])} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from granian._granian import WSGIWorker",
        "import psycopg._queries",
        "from granian import _futures",
        "reply._has_been_logged = True",
        "connection._start_query()",
        "getattr(granian, '_futures')",
        "class Server(Granian):\n    def _init_shared_socket(self): pass",
        "logging._srcfile = None",
    ],
)
def test_it_finds_them(source: str) -> None:
    tree = ast.parse(source)
    assert [*uses(tree), *overrides(tree)]


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    def __init__(self): self._own = 1\n    def f(self, other): return other._own",
        "def _f(): pass\nx = _f()",
        "Lead._meta.db_table",
    ],
)
def test_our_own_are_ours(source: str) -> None:
    tree = ast.parse(source)
    assert [*uses(tree), *overrides(tree)] == []
