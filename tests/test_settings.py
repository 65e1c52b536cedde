"""Environment variables: valid values, errors, and the resulting settings."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

from crm_project import database_url, secrets
from tests.live import PROJECT, settings_of

BASE = Path("/srv/crm")
EXAMPLE = PROJECT / ".env.example"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///app.db", "/srv/crm/app.db"),
        ("sqlite:///./app.db", "/srv/crm/app.db"),
        ("sqlite+aiosqlite:///./app.db", "/srv/crm/app.db"),
        ("sqlite:////var/lib/crm/app.db", "/var/lib/crm/app.db"),
        ("sqlite+pysqlite:////var/lib/crm.db?timeout=3", "/var/lib/crm.db"),
    ],
)
def test_sqlite_urls(url: str, name: str) -> None:
    config = database_url.parse(url, BASE)
    assert config["ENGINE"] == "crm_project.db.sqlite"
    assert config["NAME"] == name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@db:5433/crm", {"USER": "u", "PASSWORD": "p", "HOST": "db", "PORT": "5433", "NAME": "crm"}),
        ("postgres://u:p@db/crm", {"USER": "u", "PASSWORD": "p", "HOST": "db", "NAME": "crm"}),
        ("postgresql+asyncpg://u:p%40ss@db/crm", {"PASSWORD": "p@ss", "NAME": "crm"}),
        ("postgresql+psycopg2://u@db/crm", {"USER": "u", "NAME": "crm"}),
        ("postgresql://u@h1:5433,h2/crm", {"HOST": "h1,h2", "PORT": "5433,"}),
        ("postgresql://u:%2C@h1,h2/crm?target_session_attrs=any", {"HOST": "h1,h2", "PORT": "", "PASSWORD": ","}),
        ("postgresql://u@[::1]:5433,[fd00::2]:5434/crm", {"HOST": "::1,fd00::2", "PORT": "5433,5434"}),
        ("postgresql://u@%2Frun%2Fpg:5433,h2:5432/crm", {"HOST": "/run/pg,h2", "PORT": "5433,5432"}),
        ("postgresql:///crm?host=/run/pg&port=5433", {"HOST": "/run/pg", "PORT": "5433"}),
        (
            "postgresql://u@db/crm?pooled=transaction",
            {
                "POOLED": True,
                "DISABLE_SERVER_SIDE_CURSORS": True,
                "OPTIONS": {"connect_timeout": 5, "prepare_threshold": 5},
            },
        ),
        (
            "postgresql+asyncpg://u@db/crm?ssl=require",
            {
                "OPTIONS": {
                    "sslmode": "require",
                    "options": f"{database_url.COMMAND_LIMITS} -c jit=off",
                    "connect_timeout": 5,
                    "prepare_threshold": 5,
                }
            },
        ),
        (
            "postgresql://u@db/crm?sslmode=verify-full&options=-c%20work_mem%3D8MB",
            {
                "OPTIONS": {
                    "sslmode": "verify-full",
                    "options": f"{database_url.COMMAND_LIMITS} -c jit=off -c work_mem=8MB",
                    "connect_timeout": 5,
                    "prepare_threshold": 5,
                }
            },
        ),
    ],
)
def test_postgresql_urls(url: str, expected: dict[str, Any]) -> None:
    config = database_url.parse(url, BASE)
    assert config["ENGINE"] == "crm_project.db.postgresql"
    assert {name: config[name] for name in expected} == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.db",
        "sqlite://",
        "sqlite://app.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://root:hunter2@db/crm",
        "postgresql+pg8000://u:hunter2@db/crm",
        "postgresql://u:hunter2@db",
        "postgresql://u:hunter2@db:port/crm",
        "postgresql:/u:hunter2@db/crm",
        "postgresql://u:hunter2@db/crm?response_timeout=hunter2",
        "postgresql://u:hunter2@db/crm?connect_timeout=-1",
        "postgresql://u:hunter2@db/crm?hunter2=1",
        "postgresql://u:hunter2@db/crm?pooled=session",
        "postgresql://u:hunter2@db/crm?pooled=transaction&options=-c%20jit%3Don",
        "postgresql://u:hunter2%zz@db/crm",
        "postgresql://u:p@hunter2@db/crm",
        "postgresql://u:hunter2@db:0/crm",
        "postgresql://u:hunter2@db:65536/crm",
        "postgresql://u:hunter2@db1:5432,db2:99999/crm",
        "postgresql://u@db/crm?sslmode=hunter2",
        "postgresql://u@db/crm?ssl=hunter2",
        "postgresql://u@h1,h2/crm?target_session_attrs=hunter2",
    ],
)
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        database_url.parse(url, BASE)
    assert "hunter2" not in str(refused.value)


def test_a_pooled_url_needs_a_direct_one_for_commands() -> None:
    plain, pooled = "postgresql://u@db/crm", "postgresql://u@pooler/crm?pooled=transaction"
    parsed = database_url.parse(pooled, BASE)
    assert database_url.for_commands(parsed, plain, BASE)["HOST"] == "db"
    for direct in ("", "sqlite:///app.db", pooled):
        with pytest.raises(ValueError, match="without the pooler"):
            database_url.for_commands(parsed, direct, BASE)
    with pytest.raises(ValueError, match="has none"):
        database_url.for_commands(database_url.parse(plain, BASE), plain, BASE)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "change-me",
        "short-but-random-8Jq2",
        "a" * 64,
        "abababababababababababababababababababab",
        "change-me-change-me-change-me-0123456789",
        "your-256-bit-secret-goes-here-please-ok",
        "django-insecure-8Jq2mZx0Lw5vTq9RbNc3Yh7KdPfGs4Ua",
        "my-super-secret-key-for-the-production-server",
        "insert-a-long-random-key-here-and-CHANGE-it",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "0123456789abcdef0123456789abcdef",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask's documentation
        "a-string-secret-at-least-256-bits-long",  # jwt.io
    ],
)
def test_weak_secrets(secret: str) -> None:
    assert secrets.is_weak(secret)


def test_new_secrets_are_strong_and_differ() -> None:
    made = {secrets.new() for _ in range(100)}
    assert len(made) == 100
    assert not any(secrets.is_weak(secret) for secret in made)


class TestEnsure:
    """The ``.env`` of the first run."""

    @pytest.fixture(autouse=True)
    def no_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in a new installation."""
        monkeypatch.delenv("SECRET_KEY")

    def test_a_new_file_is_the_example_with_a_secret(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        assert secrets.ensure(path, EXAMPLE)
        made = dotenv_values(path)
        assert not secrets.is_weak(made["SECRET_KEY"] or "")
        assert {**made, "SECRET_KEY": ""} == dict(dotenv_values(EXAMPLE))

    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        secrets.ensure(tmp_path / ".env", EXAMPLE)
        assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
        assert os.listdir(tmp_path) == [".env"]

    def test_a_second_run_changes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        secrets.ensure(path, EXAMPLE)
        before = path.read_bytes()
        assert not secrets.ensure(path, EXAMPLE)
        assert path.read_bytes() == before

    def test_an_existing_file_keeps_its_lines(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        path.write_text("# mine\nPORT=9000\nSECRET_KEY=\nHOST=127.0.0.1")
        assert secrets.ensure(path, EXAMPLE)
        lines = path.read_text().splitlines()
        assert [lines[0], lines[1], lines[3], len(lines)] == ["# mine", "PORT=9000", "HOST=127.0.0.1", 4]

    def test_an_existing_secret_stays_even_a_weak_one(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        path.write_text("SECRET_KEY=change-me\n")
        assert not secrets.ensure(path, EXAMPLE)
        assert path.read_text() == "SECRET_KEY=change-me\n"

    def test_a_secret_of_the_environment_is_enough(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET_KEY", "from the environment")
        assert not secrets.ensure(tmp_path / ".env", EXAMPLE)
        assert not (tmp_path / ".env").exists()


def variables_read() -> set[str]:
    """Return the names that settings.py reads."""
    return set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', (PROJECT / "crm_project" / "settings.py").read_text()))


def settings_under(**variables: str) -> dict[str, Any]:
    """Return the values of these variables in the settings of that environment."""
    settings = settings_of(**variables)
    return {name: settings[name] for name in variables_read() - {"ENV_FILE"}}


def test_the_example_names_every_variable() -> None:
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert named == variables_read() - {"ENV_FILE"}


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    shown = re.sub(r"^# (?=[A-Z_]+=)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    samples = (
        "SECRET_KEY=",
        "ALLOWED_HOSTS=",
        "DATABASE_URL=postgresql",
        "EMAIL_",
        "SITE_URL=",
    )  # there is no default to show
    lines = [line for line in shown.splitlines() if not line.startswith(samples)]
    (tmp_path / "env").write_text("\n".join(lines))
    assert settings_under(ENV_FILE=str(tmp_path / "env")) == settings_under()


def test_a_server_on_one_address_answers_to_it() -> None:
    assert settings_under(HOST="192.0.2.7")["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]", "192.0.2.7"]
    ipv6 = settings_under(ALLOWED_HOSTS="[::1],::1,.example.com,*")["ALLOWED_HOSTS"]
    assert ipv6 == ["[::1]", "::1", ".example.com", "*"]
    assert settings_under(ALLOWED_HOSTS="a.example, b.example")["ALLOWED_HOSTS"] == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("given", "required"),
    [
        ({}, "nobody"),
        ({"HTTPS": "true"}, "managers"),
        ({"HOST": "0.0.0.0"}, "managers"),
        ({"REQUIRE_SECOND_FACTOR": "", "HTTPS": "true"}, "managers"),
        ({"REQUIRE_SECOND_FACTOR": "nobody", "HTTPS": "true"}, "nobody"),
        ({"REQUIRE_SECOND_FACTOR": "staff"}, "staff"),
    ],
)
def test_who_must_have_a_second_factor(given: dict[str, str], required: str) -> None:
    assert settings_under(**given)["REQUIRE_SECOND_FACTOR"] == required


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("DATE_FORMAT", "%d/%m", "Must be one of: D MMM YYYY, MMM D, YYYY, DD/MM/YYYY, MM/DD/YYYY, "),
        ("CURRENCY", "euro", "it is not a code of three letters such as USD"),
        ("TIME_ZONE", "Chicago", "it is not the name of a time zone such as America/Chicago"),
        ("PHONE_REGION", "USA", "it is not a country of two letters such as US"),
        ("REQUIRE_SECOND_FACTOR", "all", "it is not nobody, managers or staff"),
        ("PORT", "70000", "Must be greater than or equal to 0 and less than or equal to 65535."),
        ("PORT", "http", "Not a valid integer."),
        ("HTTPS", "maybe", "Not a valid boolean."),
        ("ALLOWED_HOSTS", "https://crm.example.com", "'https://crm.example.com' is not a host name such as "),
        ("ALLOWED_HOSTS", "crm.example.com:8000", "'crm.example.com:8000' is not a host name such as "),
        ("ALLOWED_HOSTS", "a.example b.example", "'a.example b.example' is not a host name such as "),
        ("ALLOWED_HOSTS", "*.example.com", "'*.example.com' is not a host name such as "),
        ("ENV_FILE", "/nowhere/env", "there is no file /nowhere/env"),
    ],
)
def test_an_invalid_value_is_one_sentence(name: str, value: str, why: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        settings_of(**{name: value})
    assert str(refused.value).startswith(f'Environment variable "{name}" invalid: {why}')
    assert len(str(refused.value)) < 250


def test_networks_that_may_read_metrics() -> None:
    networks = settings_of(METRICS_ALLOW=" 10.0.0.0/8, 192.0.2.7 ,::1,")["METRICS_NETWORKS"]
    assert [str(network) for network in networks] == ["10.0.0.0/8", "192.0.2.7/32", "::1/128"]
    assert settings_of()["METRICS_NETWORKS"] == []
    for invalid in ("prometheus", "10.0.0.1/8", "10.0.0.0-10.0.0.9", "*"):
        with pytest.raises(ImproperlyConfigured, match="METRICS_ALLOW"):
            settings_of(METRICS_ALLOW=invalid)
