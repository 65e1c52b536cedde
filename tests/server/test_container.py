"""The image of ``Dockerfile``, built and run: read-only, as user 1000, without capabilities; and ``compose.yaml``.

Images of the internet may be out of reach, so the base is made of Debian's packages. The tools are debootstrap, buildah
and bubblewrap, as root.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.factories import lead_row
from tests.live import PROJECT, STRONG_SECRET, LiveServer, await_start, end, free_port, fresh_database

TOOLS = ("debootstrap", "buildah", "bwrap")
needs_tools = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)),
    reason=f"needs root, PostgreSQL, and {', '.join(TOOLS)}",
)
# What a build needs of this machine to reach the packages.
PASSED_ON = ("SSL_CERT_FILE", "PIP_CERT", "PIP_FIND_LINKS", "PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
MOUNTED = ("/etc/ssl/certs", "/etc/pip.conf")


class Image:
    """The built image: its configuration, and its files in a folder."""

    def __init__(self, config: dict[str, Any], root: Path) -> None:
        self.config, self.root = config, root

    def command(self, *arguments: str, **variables: str) -> list[str]:
        """Return the command that runs the image's entry point as an orchestrator would."""
        given = dict(line.split("=", 1) for line in self.config["Env"]) | variables
        user, group = self.config["User"].split(":")
        return [
            "bwrap", "--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--perms", "1777",
            "--tmpfs", "/tmp", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--clearenv",
            *(word for name, value in given.items() for word in ("--setenv", name, value)),
            "--chdir", self.config["WorkingDir"],
            "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--bounding-set=-all",
            *self.config["Entrypoint"], *(arguments or self.config["Cmd"]),
        ]  # fmt: skip


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        storage = ["buildah", "--storage-driver", "overlay", "--root", f"{folder}/images", "--runroot", f"{folder}/run"]

        def buildah(*arguments: str) -> str:
            done = subprocess.run([*storage, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout.strip()

        packages = "--include=python3,python3-venv,ca-certificates"
        base = ["debootstrap", "--variant=minbase", packages, "stable", f"{folder}/base"]
        if subprocess.run(base, capture_output=True, check=False).returncode:
            pytest.skip("Debian's packages cannot be had")
        container = buildah("from", "scratch")
        buildah("copy", "-q", container, f"{folder}/base", "/")
        buildah("commit", "-q", "--rm", container, "localhost/base")
        shutil.rmtree(f"{folder}/base")
        given = [word for name in PASSED_ON if name in os.environ for word in ("--env", name)]
        given += [word for path in filter(os.path.exists, MOUNTED) for word in ("--volume", f"{path}:{path}:ro")]
        how = ["--format", "docker", "--isolation", "chroot", "--network", "host", "--layers=false"]
        buildah("build", *how, *given, "--build-arg", "BASE=localhost/base", "-t", "crm", ".")
        container = buildah("from", "localhost/crm")
        try:
            config = json.loads(buildah("inspect", container))["Docker"]["config"]
            yield Image(config, Path(buildah("mount", container)))
        finally:
            buildah("rm", "--all")


@needs_tools
def test_the_image_serves_from_a_read_only_file_system(image: Image, tmp_path: Path) -> None:
    assert image.config["User"] == "1000:1000"
    assert image.config["Healthcheck"]["Test"][0] == "CMD"
    assert not shutil.which("gcc", path=f"{image.root}/usr/bin")
    assert not (image.root / "srv/crm/.env").exists()
    with fresh_database() as database_url:
        port = free_port()
        own = {"SECRET_KEY": STRONG_SECRET, "DATABASE_URL": database_url, "PORT": str(port), "HOST": "127.0.0.1"}
        own |= {"MIGRATE": "false", "REGISTRATION_OPEN": "true"}
        early = subprocess.run(image.command(**own), capture_output=True, text=True, check=False)
        assert early.returncode == 1
        assert "Run `manage.py migrate` first." in early.stderr
        subprocess.run(image.command("migrate", "--verbosity", "0", **own), check=True)
        log = tmp_path / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                image.command(**own), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        server = LiveServer(port, database_url, process, log)
        try:
            await_start(server)
            token = server.token("agent1")
            assert (
                server.send("POST", "/api/leads", [lead_row(property_interest="x" * 10_000)] * 1000, token).status
                == 201
            )
            assert server.send("GET", "/static/admin/css/base.css").status == 200
            assert server.send("GET", "/health/ready").json() == {"status": "ok"}
            check = image.config["Healthcheck"]["Test"][1:]
            healthy = image.command(**own)[: -len(image.config["Entrypoint"]) - len(image.config["Cmd"])]
            assert subprocess.run([*healthy, *check], check=False).returncode == 0
        finally:
            with suppress(ProcessLookupError):
                end(process)
        assert "Traceback" not in log.read_text()


def test_the_example_for_compose_uses_settings_and_commands_that_exist() -> None:
    services = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]
    documented = (PROJECT / "docs" / "settings.md").read_text()
    assert set(services) == {"migrate", "web", "jobs", "db", "proxy"}
    for name in ("migrate", "web", "jobs"):
        service = services[name]
        assert service["read_only"] is True
        assert [variable for variable in service["environment"] if f"`{variable}`" not in documented] == []
        command = service.get("command", ["serve"])
        shown = [sys.executable, "manage.py", *command, "--help"]
        assert subprocess.run(shown, cwd=PROJECT, capture_output=True, check=False).returncode == 0
