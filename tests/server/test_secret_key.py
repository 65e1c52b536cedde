"""A start whose ``SECRET_KEY`` is not that of the other servers of the database."""

import subprocess
import sys

from crm_project.operations.models import SecretKeyFingerprint
from crm_project.operations.secret_key import fingerprint, is_of
from tests.live import PROJECT, environment, free_port, migrated_database, serving, without_python

OLD = "first-server-hW2m9QxT4vLr8NzKc6Yb3PdGs7Fj"
NEW = "other-server-Zq5nRt8wVb2Xc9LmKj4HgFd7Sa3P"


def refusal(**variables: str) -> str:
    """Return the message of a start that is refused."""
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env=environment(PORT=str(free_port()), **variables),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return without_python(done.stderr)


def test_a_server_with_another_key_does_not_start() -> None:
    with migrated_database() as url:
        with serving(DATABASE_URL=url, SECRET_KEY=OLD) as first:
            message = refusal(DATABASE_URL=url, SECRET_KEY=NEW)
            assert message.startswith("CommandError: SECRET_KEY is not the one that this database was served with")
            assert len(message.splitlines()) == 1
            assert not {OLD, NEW} & set(message.split())
            token = first.token()
            with serving(DATABASE_URL=url, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=OLD) as rotated:
                assert rotated.send("GET", "/api/users/me", headers=token).status == 200
        assert "SECRET_KEY is not" in refusal(DATABASE_URL=url, SECRET_KEY=OLD)  # a fallback has replaced it
        with serving(DATABASE_URL=url, SECRET_KEY=OLD, arguments=["--new-secret"]) as accepted:
            assert accepted.send("GET", "/api/users/me", headers=token).status == 200
        with serving(DATABASE_URL=url, SECRET_KEY=OLD):
            assert "SECRET_KEY is not" in refusal(DATABASE_URL=url, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=f"x{OLD}")


def test_the_fingerprint_does_not_contain_the_key_and_is_another_in_each_database() -> None:
    first, second = (SecretKeyFingerprint(encoded=fingerprint(OLD)) for _ in range(2))
    assert first.encoded != second.encoded
    assert OLD not in first.encoded
    assert is_of(OLD, first)
    assert not is_of(NEW, first)
