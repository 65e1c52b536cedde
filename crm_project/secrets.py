"""Secret keys: detection of weak ones, new ones, and the first ``.env`` (``python -m crm_project.secrets``).

This module imports no settings, because it runs before they exist.
"""

import os
import secrets
import sys
from pathlib import Path

from dotenv import dotenv_values

from crm_project.private_files import create

SAMPLE_PREFIXES = ("your-", "test")
# Parts of samples. A given part of six letters occurs in one random secret of ten million.
SAMPLE_PARTS = ("change", "secret", "password", "insecure", "example", "sample", "abcdefgh", "01234567", "12345678")
# Random keys published in the tutorials of FastAPI and Flask, and on jwt.io.
PUBLISHED = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "a-string-secret-at-least-256-bits-long",
}
MIN_LENGTH = 32


def is_weak(secret: str) -> bool:
    """Return whether ``secret`` is short, repetitive, or like the samples in documentation."""
    lowered = secret.strip().lower()
    if len(lowered) < MIN_LENGTH or len(set(lowered)) < 10 or lowered in PUBLISHED:
        return True
    return lowered.startswith(SAMPLE_PREFIXES) or any(part in lowered for part in SAMPLE_PARTS)


def new() -> str:
    """Return a random secret of 384 bits, safe in a shell, a URL and a ``.env`` file."""
    return secrets.token_urlsafe(48)


def ensure(path: Path, example: Path) -> bool:
    """Add a ``SECRET_KEY`` to the file ``path`` unless it or the environment has one; return whether it was added.

    A new file is a copy of ``example`` otherwise. An existing file is only added to.
    """
    existing = dotenv_values(path) if path.exists() else {}
    if os.environ.get("SECRET_KEY") or existing.get("SECRET_KEY"):
        return False
    lines = (path if path.exists() else example).read_text().splitlines()
    index = next((number for number, line in enumerate(lines) if line.startswith("SECRET_KEY=")), len(lines))
    lines[index : index + 1] = [f"SECRET_KEY={new()}"]
    temporary = path.with_name(path.name + ".new")
    with create(temporary, "x") as file:
        file.write("\n".join([*lines, ""]))
    temporary.replace(path)
    return True


if __name__ == "__main__":
    project = Path(__file__).resolve().parent.parent
    if sys.argv[1:] == ["print"]:
        print(new())
    elif ensure(project / ".env", project / ".env.example"):
        print("Wrote .env with a random SECRET_KEY.")
