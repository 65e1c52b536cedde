"""The repository: no secrets, no execution of input, and a lock file that matches."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
LARGEST = 2 * 2**20
# What a key looks like, in pieces so that this file is none.
SECRETS = {
    "a private key": "-----BEGIN [A-Z ]*PRIVATE " + "KEY-----",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{50}",
    "a Slack token": r"\bxox[abprs]-[0-9A-Za-z-]{10,}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    "a password in a URL": r"(?:postgres(?:ql)?|mysql|https?)://[^\s:/@'\"{}$]+:(?!password\b|secret\b|pass\b)[^\s@/'\"{}$]{12,}@",
    "a SECRET_KEY": r"(?m)^SECRET_KEY=\S{20,}",
}
NEVER = {"eval", "exec", "compile", "__import__"}
PICKLING = {"recv", "Queue", "SimpleQueue", "Pool"}  # of multiprocessing; recv_bytes does not pickle
RISKY = {"pickle", "marshal", "shelve", "dill", "yaml", "telnetlib", "ftplib"}


def committed() -> list[Path]:
    """Return every tracked or new file of the repository."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT, capture_output=True, check=False).stdout.decode().split("\0")
    paths = [PROJECT / name for name in names if name] or [
        path
        for folder in ("crm_project", "users", "leads", "activities", "dashboard", "maintenance")
        for path in folder_of(folder)
    ]
    return [path for path in paths if path.is_file() and path.stat().st_size < LARGEST]


def folder_of(name: str) -> list[Path]:
    """Return the files of the folder, without a repository."""
    return [path for path in (PROJECT / name).rglob("*") if "__pycache__" not in path.parts]


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret_is_committed(kind: str) -> None:
    pattern = re.compile(SECRETS[kind])
    found = [str(path) for path in committed() if pattern.search(path.read_text(errors="replace"))]
    assert found == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert re.search(SECRETS["a private key"], "-----BEGIN RSA PRIVATE " + "KEY-----")
    assert re.search(SECRETS["a signed token"], "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + "." + "c" * 30)
    assert re.search(SECRETS["a SECRET_KEY"], "SECRET_KEY" + "=" + "k" * 30)
    assert re.search(SECRETS["a password in a URL"], "postgresql://crm:" + "x" * 16 + "@db/crm")


def test_no_settings_or_database_is_committed() -> None:
    names = {path.name for path in committed()}
    assert not names & {".env", "app.db", "id_rsa", "credentials.json"}
    assert not [name for name in names if name.endswith((".db", ".sqlite3", ".pem", ".key", ".p12"))]


def sources() -> list[Path]:
    """Return the product's modules."""
    folders = ("crm_project", "users", "leads", "activities", "dashboard", "maintenance")
    return sorted(path for folder in folders for path in folder_of(folder) if path.suffix == ".py")


@pytest.mark.slow
def test_nothing_runs_what_it_is_given() -> None:
    nodes = [(path, node) for path in sources() for node in ast.walk(ast.parse(path.read_text()))]
    assert [f"{path}:{node.lineno}" for path, node in nodes if runs_input(node)] == []  # type: ignore[attr-defined]


def runs_input(node: ast.AST) -> bool:
    """Return whether a node runs or unpickles what it is given, or imports a module that does."""
    if isinstance(node, ast.Call):
        shell = {keyword.arg: keyword.value for keyword in node.keywords}.get("shell")
        return (isinstance(node.func, ast.Name) and node.func.id in NEVER) or (
            isinstance(shell, ast.Constant) and bool(shell.value)
        )
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] + ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        return bool({name.partition(".")[0] for name in names} & RISKY)
    return isinstance(node, ast.Attribute) and node.attr in PICKLING


@pytest.mark.parametrize(
    "source", ["eval(x)", "run(x, shell=True)", "import pickle", "from yaml.x import y", "queue = context.Queue()"]
)
def test_it_finds_what_runs_input(source: str) -> None:
    assert any(runs_input(node) for node in ast.walk(ast.parse(source)))


LOCK = PROJECT / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([^\s\\;]+)", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    """Return the versions by normalized package name."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PINNED.findall(path.read_text())}


def test_the_lock_is_in_step() -> None:
    wanted, locked = pins(PROJECT / "requirements.txt"), pins(LOCK)
    assert len(wanted) > 10
    assert {name: locked.get(name) for name in wanted} == wanted
    assert locked["django"].startswith("5.2.")  # the version with long-term support; requirements.txt allows 6.0 too


def test_everything_in_the_lock_has_its_hashes() -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^ *#.*\n", "", LOCK.read_text(), flags=re.MULTILINE))
    assert not [entry for entry in entries if entry.startswith("--")]  # nothing of the machine it was made on
    assert len(entries) >= len(pins(LOCK)) > len(pins(PROJECT / "requirements.txt"))
    assert [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []
