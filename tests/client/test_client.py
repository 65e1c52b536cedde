"""A TypeScript client generated from the schema: it compiles under ``--strict`` and does a day's work."""

import json
import shutil
from pathlib import Path

import pytest

from tests.client.adapters import run
from tests.live import LiveServer

HERE = Path(__file__).parent
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.any_database,
    pytest.mark.skipif(not NODE, reason="node is not installed"),
    pytest.mark.skipif(not (HERE / "node_modules").is_dir(), reason="no node_modules: run `make client`"),
]


def test_a_day_at_the_office(server: LiveServer) -> None:
    programs = HERE / "node_modules" / ".bin"
    # A field with a default may be left out of a request, which openapi-typescript does not see in a component.
    optional = ("--default-non-nullable", "false")
    run(str(programs / "openapi-typescript"), "../openapi/openapi.json", "--output", "build/api.d.ts", *optional)
    run(str(programs / "tsc"), "--project", "tsconfig.json")
    assert json.loads(run(str(NODE), "build/office.js", server.url)) == {
        "user": True,
        "taken": "Username or email already exists",
        "problems": [["value_error", "body", "password"]],
        "kind": "bearer",
        "created": [["Alice", "new", "website"], ["Miguel", "contacted", "website"]],
        "budget": 300000,
        "status": "qualified",
        "found": [True],
        "deleted": 204,
        "author": "Type Script",
        "labels": [True, ["vip", "cash buyer"], "revoked", None],
        "consent": "revoked",
        "done": True,
        "total_leads": "number",
    }


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    assert len(lock["packages"]) > 3
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
