"""Secrets: what makes one weak, a new one, and the ``.env`` of the first run (``python -m crm_project.secrets``).

Imports no settings, because it runs before there are any.
"""

import os
import secrets
import sys
from pathlib import Path

from dotenv import dotenv_values

from crm_project.private_files import create

SAMPLES = ("your-", "test")  # how samples begin
# What samples have in them. Six letters come up in one random secret of ten million.
SAMPLE_PARTS = ("change", "secret", "password", "insecure", "example", "sample", "abcdefgh", "01234567", "12345678")
# Random ones that everybody can read: in the tutorials of FastAPI and Flask, and on jwt.io.
PUBLISHED = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "a-string-secret-at-least-256-bits-long",
}
SHORTEST = 32


def is_weak(secret: str) -> bool:
    """Whether ``secret`` is short, repetitive, or one of the samples that documentation is full of."""
    lowered = secret.strip().lower()
    if len(lowered) < SHORTEST or len(set(lowered)) < 10 or lowered in PUBLISHED:
        return True
    return lowered.startswith(SAMPLES) or any(part in lowered for part in SAMPLE_PARTS)


def new() -> str:
    """A random secret of 384 bits, safe in a shell, a URL and a ``.env`` file."""
    return secrets.token_urlsafe(48)


def ensure(path: Path, example: Path) -> bool:
    """Give the installation a ``SECRET_KEY`` unless the environment or ``path`` has one; says whether it wrote.

    A new file starts as a copy of ``example``; an existing one (the earlier server's, say) is only added to.
    """
    existing = dotenv_values(path) if path.exists() else {}
    if os.environ.get("SECRET_KEY") or existing.get("SECRET_KEY"):
        return False
    lines = (path if path.exists() else example).read_text().splitlines()
    empty = next((number for number, line in enumerate(lines) if line.startswith("SECRET_KEY=")), len(lines))
    lines[empty : empty + 1] = [f"SECRET_KEY={new()}"]
    fresh = path.with_name(path.name + ".new")
    with create(fresh, "x") as file:
        file.write("\n".join([*lines, ""]))
    fresh.replace(path)
    return True


if __name__ == "__main__":
    project = Path(__file__).resolve().parent.parent
    if sys.argv[1:] == ["print"]:
        print(new())
    elif ensure(project / ".env", project / ".env.example"):
        print("Wrote .env with a random SECRET_KEY.")
