"""Secrets: what makes one weak, a new one, and the ``.env`` of the first run (``python -m crm_project.secrets``).

Imports no settings, because it runs before there are any.
"""

import os
import secrets
import sys
from pathlib import Path

from dotenv import dotenv_values

from crm_project.private_files import create

SAMPLES = ("change-me", "changeme", "change_me", "secret", "password", "django-insecure", "your-", "example", "test")
SHORTEST = 32


def is_weak(secret: str) -> bool:
    """Whether ``secret`` is short, repetitive, or one of the samples that documentation is full of."""
    lowered = secret.strip().lower()
    return len(lowered) < SHORTEST or len(set(lowered)) < 10 or lowered.startswith(SAMPLES)


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
