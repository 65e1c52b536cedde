"""``manage.py serve``: migrate the database, print the addresses, and serve until a signal."""

import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from crm_project.metrics_folder import shared_between_processes
from crm_project.operations import checks, exposure, server
from crm_project.operations.database_checks import check_database_urls
from crm_project.operations.secret_key import check_secret_key

DATABASE_WAIT = 60  # seconds, for a PostgreSQL server that is starting


class Command(BaseCommand):
    """Settings are in the environment and ``.env``; the only option accepts another ``SECRET_KEY``."""

    help = "Migrate the database, then serve the API, its documentation and the back office on HOST and PORT."
    requires_system_checks: Any = ["lead_fields"]  # `make check` runs the others, which would delay the start

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--new-secret``."""
        text = "start with a SECRET_KEY that the database was not served with, and log everybody out"
        parser.add_argument("--new-secret", action="store_true", help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGTERM or SIGINT, and return when running requests have finished."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, exit_now)  # until granian sets its own handlers
        host, port = free_address(settings.HOST, settings.PORT)
        reason = checks.reachable_because(host)
        for warning in checks.warnings():
            self.stderr.write(f"Warning: {warning}")
        self._retry_connection(lambda: self._prepare(host, port, reason, options["new_secret"]))
        connections.close_all()  # the workers are forks and must not share one
        with shared_between_processes() if settings.METRICS_NETWORKS else nullcontext():
            server.load_application()
            server.serve(host, port)
        checkpoint()

    def _prepare(self, host: str, port: int, reason: str, new_secret: bool) -> None:
        check_database_urls()
        connection.ensure_connection()
        if settings.MIGRATE:
            call_command("migrate", verbosity=0, interactive=False)
        elif missing := missing_migrations():
            raise CommandError(
                f"The database lacks {len(missing)} migrations ({', '.join(missing[:3])}), and MIGRATE is false. "
                "Run `manage.py migrate` first."
            )
        if changed := changes_without_migration():
            self.stderr.write(
                f"Warning: models of {', '.join(changed)} have changes without a migration, so requests will fail. "
                "Write it: `manage.py makemigrations`."
            )
        check_secret_key(accept_new=new_secret)
        if later := unknown_migrations():
            self.stderr.write(
                f"Warning: a later version of this product has changed the database ({', '.join(later[:3])}). "
                "Serve with that version, unless you know that this one works with the changes."
            )
        self._print_summary(host, port, reason)

    def _retry_connection(self, prepare: Callable[[], None]) -> None:
        """Call ``prepare``, again while the database is unavailable; raise ``CommandError`` after ``DATABASE_WAIT``."""
        until = time.monotonic() + (DATABASE_WAIT if connection.vendor == "postgresql" else 0)
        notified = False
        while True:
            try:
                return prepare()
            except (OperationalError, InterfaceError) as error:
                message = " ".join(str(error).split())
                if connection.vendor == "sqlite":
                    message += f" ({connection.settings_dict['NAME']})"
                if time.monotonic() >= until:
                    raise CommandError(f"The database is unavailable: {message}") from None
                if not notified:
                    self.stderr.write(f"Waiting for the database: {message}")
                    notified = True
                connection.close()
                time.sleep(1)

    def _print_summary(self, host: str, port: int, reason: str) -> None:
        any_address = host in ("0.0.0.0", "::")
        name = "127.0.0.1" if any_address else f"[{host}]" if ":" in host else host
        url = f"http://{name}:{port}"
        lines = [f"Real Estate CRM  {url}", f"  API docs       {url}/docs", f"  Back office    {url}/admin/"]
        reach = f"other machines ({reason})" if reason else "this machine only"
        lines += [f"  Reachable by   {reach}", f"  Registration   {checks.registration()}"]
        lines += [f"  Second factor  {checks.second_factor()}"]
        if not get_user_model().objects.filter(is_superuser=True).exists():
            lines.append("  No administrator yet: `make admin` creates the first.")
        if any_address and all(map(exposure.is_loopback, settings.ALLOWED_HOSTS)):
            lines.append(f"  HOST={host} accepts other machines, but ALLOWED_HOSTS has no name that they can use.")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def missing_migrations() -> list[str]:
    """Return the migrations that are not applied, in order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def changes_without_migration() -> list[str]:
    """Return the apps of the project whose models differ from their migrations."""
    loader = MigrationLoader(None)
    ours = {config.label for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR}
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    return sorted(detector.changes(loader.graph, trim_to_apps=ours))


def unknown_migrations() -> list[str]:
    """Return the applied migrations that this version does not have."""
    loader = MigrationLoader(connection)
    known = {app for app, _ in loader.disk_migrations}  # migrations of a removed app are ignored
    unknown = loader.applied_migrations.keys() - loader.disk_migrations.keys()
    return sorted(f"{app}.{name}" for app, name in unknown if app in known)


def free_address(host: str, port: int) -> tuple[str, int]:
    """Return the IP address of ``host``, and ``port`` or a free port for 0; raise ``CommandError`` if it is in use.

    granian shares ports among processes, so a second server would take half the first one's requests.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[0], int(probe.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(f"PORT={port} is in use on {host}; stop that server or choose another PORT.") from None
        raise CommandError(f"Cannot listen on HOST={host} and PORT={port}: {error.strerror or error}") from None


def exit_now(number: int, frame: object) -> None:
    """Exit during the start. The database rolls back; an exception could be caught by any code that runs."""
    os._exit(0)


def checkpoint() -> None:
    """Copy SQLite's log into the database file, which can then be copied alone. Workers do not do so at their exit."""

    if connection.vendor == "sqlite" and os.path.exists(connection.settings_dict["NAME"]):
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint")
        connection.close()  # the last to close the file removes the log
