"""The recipes of docs/api.md, called as they stand there."""

import json
import os
import re
import secrets
import sqlite3
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.office import PASSWORD, needs_chromium
from tests.browser.test_adapters import page as page
from tests.client.adapters import HERE, bundle, new_folder, pages
from tests.client.test_client import pytestmark as needs_client
from tests.factories import lead_row
from tests.generators.test_generators import PYTHON_PROGRAMS, needs_python
from tests.live import PROJECT, LiveServer, serving

RECIPES = (PROJECT / "docs" / "api.md").read_text().partition("\n## Recipes\n")[2].partition("\n## ")[0]
IMPORTS = """
import { useState } from "react";
import { createRoot } from "react-dom/client";
const given = new URLSearchParams(location.search), BASE = given.get("server");
"""
READ = """
import json, sys
session = requests.Session()
session.headers["Authorization"] = f"Bearer {sys.argv[2]}"
leads = read_leads(session, sys.argv[1]).set_index("id").loc[int(sys.argv[3])]
print(json.dumps([str(value) for value in leads[json.loads(sys.argv[4])]]))
"""


def code(languages: str, heading: str = "") -> str:
    """Return the examples in some languages, of one recipe or of all."""
    part = RECIPES.partition(f"\n### {heading}\n")[2].partition("\n### ")[0] if heading else RECIPES
    examples = re.findall(rf"^```(?:{languages})\n(.+?)^```$", part, re.MULTILINE | re.DOTALL)
    assert examples
    return "\n".join(examples)


@needs_chromium
@pytest.mark.skipif(needs_client[2].args[0], reason="no node_modules")
def test_browsers(page: Page) -> None:
    folder = new_folder()
    (folder / "recipes.jsx").write_text(IMPORTS + code("jsx?") + (HERE / "recipes.check.jsx").read_text())
    bundle(folder, "recipes.jsx")
    with pages(folder) as origin, serving(CORS_ORIGINS=origin) as server:
        username = f"agent-{secrets.token_hex(4)}"
        server.token(username)
        page.goto(f"{origin}/recipes.html?server={server.url}&username={username}&password=pass123456")
        expect(page.locator("#seen")).to_contain_text("today")
        assert json.loads(page.locator("#seen").inner_text()) == {
            "me": True,
            "created": [201, "true", 2],
            "page": [["A", "B"], 3],
            "edited": ["contacted", "contacted"],
            "moved": 2,
            "today": 3,
        }
        page.locator("input[name=email]").fill("ann")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("label", has_text="email")).to_contain_text("value is not a valid email address")
        page.locator("input[name=email]").fill("")
        page.get_by_role("button", name="Save").click()
        expect(page).to_have_title(re.compile(r"Lead \d+"))


class Program:
    """A program with a key of scope ``read``."""

    def __init__(self, server: LiveServer, staff: str) -> None:
        self.server = server
        login = server.send("POST", "/api/users/login", {"username": staff, "password": PASSWORD}).json()
        self.token = {"Authorization": f"Bearer {login['access_token']}"}
        wanted = {"name": "Zapier", "scopes": ["read"]}
        self.key: str = server.send("POST", "/api/users/me/keys", wanted, self.token).json()["key"]
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.key}"

    def add(self, **fields: Any) -> dict[str, Any]:
        """Create a lead as the user, and return it."""
        row: dict[str, Any] = self.server.send("POST", "/api/leads", lead_row(**fields), self.token).json()
        return row


@pytest.fixture
def program(server: LiveServer, staff: str) -> Program:
    """Return a program of a new administrator."""
    return Program(server, staff)


def test_sync(program: Program) -> None:
    recipe: dict[str, Any] = {}
    exec(code("python", "Sync to a local database"), recipe)
    sync: Callable[..., None] = recipe["sync"]
    database = sqlite3.connect(":memory:")
    stays, goes = program.add(), program.add()
    sync(program.session, program.server.url, database)
    changed = {"status": "closed"}
    program.server.send("PATCH", f"/api/leads/{stays['id']}", changed, program.token)
    program.server.send("DELETE", f"/api/leads/{goes['id']}", headers=program.token)
    sync(program.session, program.server.url, database)
    found = dict(database.execute("SELECT id, status FROM leads WHERE id IN (?, ?)", (stays["id"], goes["id"])))
    assert found == {stays["id"]: "closed"}


def test_new_leads_are_polled(program: Program) -> None:
    def poll(since: str) -> list[tuple[int, str]]:
        environment = {**os.environ, "BASE": program.server.url, "KEY": program.key, "SINCE": since}
        command = ["bash", "-euc", code("bash", "Poll for new leads (Zapier, n8n)")]
        printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
        return [(lead["id"], lead["created_at"]) for lead in json.loads(printed)]

    first = program.add()
    [latest, *_] = poll("")
    assert latest == (first["id"], f"{first['created_at']}Z")
    second, third = program.add(), program.add()
    assert [lead_id for lead_id, _ in poll(latest[1])][:3] == [third["id"], second["id"], first["id"]]
    refused = program.session.post(f"{program.server.url}/api/leads", json=lead_row())
    assert refused.status_code == 403
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


@needs_python
def test_pandas_reads_an_export(program: Program) -> None:
    fields = {"last_name": "Null", "phone": "+1-555-0100", "budget_max": 2**53 + 1, "property_interest": "=2BR"}
    lead = program.add(first_name="0012", email="", **fields)
    columns = [
        "first_name",
        "last_name",
        "email",
        "phone",
        "budget_min",
        "budget_max",
        "property_interest",
        "closed_at",
    ]
    script = code("python", "Read an export with pandas") + READ
    arguments = [program.server.url, program.key, str(lead["id"]), json.dumps(columns)]
    command = [str(PYTHON_PROGRAMS / "python"), "-W", "error", "-c", script, *arguments]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout) == [*("0012", "Null", "", "+1-555-0100", "<NA>", str(2**53 + 1), "=2BR", "NaT")]
