"""Clients that other people's generators make of the schema: generated anew, and compiled without an error.

The TypeScript client of ``tests/client`` is one more.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import LiveServer

HERE = Path(__file__).parent
BUILD = HERE / "build"
DOCUMENT = HERE.parent / "openapi" / "openapi.json"
NODE_PROGRAMS = HERE / "node_modules" / ".bin"
PYTHON_PROGRAMS = Path(sys.prefix) / "generators" / "bin"
GSON = Path("/usr/share/java/gson.jar")

pytestmark = pytest.mark.any_database  # the document is the same
needs_npm = pytest.mark.skipif(
    not shutil.which("node") or not NODE_PROGRAMS.is_dir(), reason="no node, or no node_modules: run `make generators`"
)
needs_python = pytest.mark.skipif(not PYTHON_PROGRAMS.is_dir(), reason="not installed: run `make generators`")
needs_java = pytest.mark.skipif(not shutil.which("java"), reason="java is not installed")
needs_kotlin = pytest.mark.skipif(
    not shutil.which("kotlinc") or not GSON.is_file(), reason="kotlin or libgoogle-gson-java is not installed"
)


def run(*command: str | Path, folder: Path = HERE) -> str:
    """Return what a program prints; fail with its messages where it fails."""
    path = os.pathsep.join([str(PYTHON_PROGRAMS), os.environ["PATH"]])  # openapi-python-client calls ruff
    ran = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, "PATH": path, "KUBB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def output_of(name: str) -> Path:
    """Return an empty folder for what a generator writes; its modules find the packages beside this file."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def compile_typescript(folder: Path) -> None:
    """Check the types of every module in a folder."""
    assert list(folder.rglob("*.ts"))
    config = folder / "tsconfig.json"
    config.write_text(json.dumps({"extends": "../../tsconfig.json", "include": ["**/*.ts"]}))
    run(NODE_PROGRAMS / "tsc", "--project", config)


@needs_npm
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("orval", ["orval", "--config", "orval.config.cjs"]),
        ("hey-api", ["openapi-ts", "--file", "hey-api.config.mjs"]),
        ("kubb", ["kubb", "generate", "--config", "kubb.config.mjs"]),
        (
            "swagger-typescript-api",
            [
                *("swagger-typescript-api", "generate", "--path", DOCUMENT),
                *("--output", "build/swagger-typescript-api"),
            ],
        ),
    ],
)
def test_typescript(name: str, command: list[str]) -> None:
    folder = output_of(name)
    run(NODE_PROGRAMS / command[0], *command[1:])
    compile_typescript(folder)


def generate_with_openapi_generator(language: str, *options: str) -> Path:
    """Return the folder with a client that openapi-generator made."""
    folder = output_of(language)
    program = PYTHON_PROGRAMS / "openapi-generator-cli"
    run(program, "generate", "-g", language, "-i", DOCUMENT, "-o", folder, *options)
    return folder


@needs_npm
@needs_python
@needs_java
@pytest.mark.parametrize("language", ["typescript-fetch", "typescript-axios"])
def test_openapi_generators_typescript(language: str) -> None:
    compile_typescript(generate_with_openapi_generator(language))


@needs_python
@needs_java
@needs_kotlin
def test_openapi_generators_kotlin() -> None:
    folder = generate_with_openapi_generator("kotlin", "--additional-properties", "serializationLibrary=gson")
    models = folder / "src/main/kotlin/org/openapitools/client/models"
    run("kotlinc", "-nowarn", "-classpath", GSON, models, "-d", folder / "models.jar")
    lead = (models / "LeadCreate.kt").read_text()
    assert "val budgetMax: kotlin.Long? = null" in lead
    assert 'val status: kotlin.String? = "new"' in lead
    assert "val id: kotlin.Long" in (models / "LeadOut.kt").read_text()


@needs_python
def test_openapi_python_client(server: LiveServer) -> None:
    folder = output_of("openapi-python-client")
    program = PYTHON_PROGRAMS / "openapi-python-client"
    options = ("--meta", "none", "--overwrite", "--fail-on-warning")
    run(program, "generate", "--path", DOCUMENT, "--output-path", folder / "crm", *options)
    printed = run(PYTHON_PROGRAMS / "python", HERE / "office.py", folder, server.url)
    assert json.loads(printed) == {
        "token_type": "bearer",
        "one": ["John", "new", "website", 2**53 + 1],
        "many": ["Alice", "Miguel"],
        "found": ["John"],
        "refused": ["value_error", "body", "budget_max"],
    }


MODELS_IN_USE = """
import json, sys, warnings
from models import LeadCreate, LeadOut
sample = json.load(open(sys.argv[1]))["components"]["schemas"]
sent = LeadCreate.model_validate(sample["LeadCreate"]["examples"][0])
shown = LeadOut.model_validate(sample["LeadOut"]["examples"][0])
print(json.dumps([sent.budget_max, sent.status, shown.id, shown.created_at]))
"""


@needs_python
def test_datamodel_code_generator() -> None:
    folder = output_of("datamodel-code-generator")
    run(
        *(PYTHON_PROGRAMS / "datamodel-codegen", "--input", DOCUMENT, "--input-file-type", "openapi"),
        *("--output-model-type", "pydantic_v2.BaseModel", "--output", folder / "models.py"),
    )
    printed = run(PYTHON_PROGRAMS / "python", "-W", "error", "-c", MODELS_IN_USE, DOCUMENT, folder=folder)
    assert json.loads(printed) == [450_000, "new", 7, "2025-10-07T18:10:00.000000"]


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    assert len(lock["packages"]) > 3
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
