"""``manage.py serve``: bring the database up to date, say where everything is, and serve until told to stop."""

import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.db.migrations.loader import MigrationLoader

from crm_project.operations import checks, exposure, server

WAIT = 60  # seconds for a PostgreSQL that is still starting


class Command(BaseCommand):
    """Arguments come from the environment and ``.env`` alone, so that there is one place to look."""

    help = "Migrate the database, then serve the API, its documentation and the admin on HOST and PORT."
    requires_system_checks: Any = ["lead_fields"]  # `make check` runs the others; a start should be quick

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve; returns after SIGTERM or SIGINT, when running requests have ended; during the start these end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end_now)  # until granian sets its own
        host, port = free_address(settings.HOST, settings.PORT)
        through = checks.reachable_through(host)
        for warning in checks.warnings():
            self.stderr.write(f"Warning: {warning}")
        self._with_patience(lambda: self._prepare(host, port, through))
        connections.close_all()  # the workers are forks and must not share one
        server.load_application()
        server.serve(host, port)
        put_log_away()

    def _prepare(self, host: str, port: int, through: str) -> None:
        connection.ensure_connection()
        call_command("migrate", verbosity=0, interactive=False)
        if later := unknown_migrations():
            self.stderr.write(
                f"Warning: a later version of this product has changed the database ({', '.join(later[:3])}). "
                "Serve with that version, unless you know that this one gets on with what it did."
            )
        self._welcome(host, port, through)

    def _with_patience(self, work: Callable[[], None]) -> None:
        """Do ``work``, again while the database is away; ``CommandError`` where it is for ``WAIT`` seconds."""
        until = time.monotonic() + (WAIT if connection.vendor == "postgresql" else 0)
        told = False
        while True:
            try:
                return work()
            except (OperationalError, InterfaceError) as error:
                reason = " ".join(str(error).split())
                if time.monotonic() >= until:
                    raise CommandError(f"The database does not answer: {reason}") from None
                if not told:
                    self.stderr.write(f"Waiting for the database: {reason}")
                    told = True
                connection.close()
                time.sleep(1)

    def _welcome(self, host: str, port: int, through: str) -> None:
        everywhere = host in ("0.0.0.0", "::")
        name = "127.0.0.1" if everywhere else f"[{host}]" if ":" in host else host
        url = f"http://{name}:{port}"
        lines = [f"Real Estate CRM  {url}", f"  API docs       {url}/docs", f"  Admin          {url}/admin/"]
        reach = f"other machines, through {through}" if through else "this machine alone"
        lines += [f"  Reachable by   {reach}", f"  Registration   {checks.registration()}"]
        lines += [f"  Second factor  {checks.second_factor()}"]
        if not get_user_model().objects.filter(is_superuser=True).exists():
            lines.append("  No administrator yet: `make admin` makes the first.")
        if everywhere and all(map(exposure.is_loopback, settings.ALLOWED_HOSTS)):
            lines.append(f"  HOST={host} listens to all machines, but ALLOWED_HOSTS names none that they may ask for.")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def unknown_migrations() -> list[str]:
    """The migrations that the database has had and this version does not know."""
    loader = MigrationLoader(connection)
    apps = {app for app, _ in loader.disk_migrations}  # what an app that is no more has left behind is no warning
    unknown = loader.applied_migrations.keys() - loader.disk_migrations.keys()
    return sorted(f"{app}.{name}" for app, name in unknown if app in apps)


def free_address(host: str, port: int) -> tuple[str, int]:
    """The address of ``host``, and ``port`` if nobody listens there (any free one for 0); else ``CommandError``.

    granian shares ports among processes, so that a second server would quietly take half the first one's requests.
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
        raise CommandError(f"HOST={host} and PORT={port} cannot be listened on: {error.strerror or error}") from None


def end_now(number: int, frame: object) -> None:
    """End the start. Whatever it was at, the database undoes; an exception could be swallowed wherever it comes up."""
    os._exit(0)


def put_log_away() -> None:
    """Have what stands in SQLite's log put into its file, which may be copied by itself then; workers leave the log."""
    if connection.vendor == "sqlite" and os.path.exists(connection.settings_dict["NAME"]):
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint")
        connection.close()  # the last to close the file removes the log
