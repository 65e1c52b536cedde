"""``manage.py serve``: bring the database up to date, say where everything is, and serve until told to stop."""

import errno
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.urls import get_resolver
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]

from crm_project import exposure, memory, start_checks

WAIT = 60  # seconds for a PostgreSQL that is still starting
STOP = 12  # seconds that running requests have to finish after SIGTERM: all that one may wait, and some to work
HEADERS = 15_000  # milliseconds a connection may take for the next request's headers
CONNECTIONS = 4096  # a worker's; an idle one costs a few kilobytes and no thread
MOST_WORKERS = 4
FIRST_HANDED = 3  # systemd's sockets come after standard input, output and error
MOST_DEATHS = 10  # of workers, in
LATELY = 15  # seconds: more is a mistake in what they run


class Command(BaseCommand):
    """Arguments come from the environment and ``.env`` alone, so that there is one place to look."""

    help = "Migrate the database, then serve the API, its documentation and the admin on HOST and PORT."
    requires_system_checks: Any = ["lead_fields"]  # `make check` runs the others; a start should be quick

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve; returns after SIGTERM or SIGINT, when running requests have ended; during the start these end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end_now)  # until granian sets its own
        handed = handed_over()
        host, port = handed.getsockname()[:2] if handed else free_address(settings.HOST, settings.PORT)
        through = start_checks.reachable_through(host)
        for warning in start_checks.warnings():
            self.stderr.write(f"Warning: {warning}")
        self._with_patience(lambda: self._prepare(host, port, through))
        load_application()
        connections.close_all()  # the workers are forks and must not share one
        serve(host, port, handed)
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
        lines += [f"  Reachable by   {reach}", f"  Registration   {start_checks.registration()}"]
        lines += [f"  Second factor  {start_checks.second_factor()}"]
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


def handed_over() -> socket.socket | None:
    """The listening socket that systemd passes on, if it does (``LISTEN_FDS``, see sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS") != "1":
        raise CommandError("Exactly one socket may be handed over.")
    handed = socket.socket(fileno=FIRST_HANDED)
    if handed.family not in (socket.AF_INET, socket.AF_INET6) or handed.type != socket.SOCK_STREAM:
        raise CommandError("The socket that is handed over must be a TCP one.")
    return handed


def load_application() -> None:
    """Import all that a request needs: a mistake in it ends the start, and the workers share the memory."""
    import_module("crm_project.server")
    get_resolver().url_patterns  # noqa: B018  the URL map is imported when first looked at
    memory.settle()


def end_now(number: int, frame: object) -> None:
    """End the start. Whatever it was at, the database undoes; an exception could be swallowed wherever it comes up."""
    os._exit(0)


def end_at_once() -> None:
    """In a new worker, until granian sets its handlers: those it inherits are the master's and would ignore a stop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


class Inheriting(Granian):  # type: ignore[misc, valid-type]  # its class depends on the interpreter
    """granian on a socket that somebody else keeps open: what connects while no server runs waits for the next one."""

    handed: socket.socket

    def _init_shared_socket(self) -> None:
        """In place of opening one; a copy, because granian closes it at its end."""
        self._sso = self.handed.dup()
        self._sso.setblocking(False)
        if hasattr(socket, "TCP_DEFER_ACCEPT"):
            # A connection is only taken with a request on it: one taken before would be closed unanswered by a stop.
            self._sso.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        self._sfd = self._sso.fileno()
        self._shd = SocketHolder(self._sfd, False, self.backlog)  # type: ignore[call-arg]


class Deaths(dict[int, float]):
    """When granian last replaced each worker; one replaced a moment ago makes it stop everything, as if in a loop.

    Two workers that were killed, for want of memory say, are no loop: it hears of one after ``MOST_DEATHS`` alone.
    """

    def __init__(self) -> None:
        self.moments: deque[float] = deque(maxlen=MOST_DEATHS)

    def __setitem__(self, worker: int, moment: float) -> None:
        """A worker is replaced."""
        self.moments.append(moment)
        super().__setitem__(worker, moment)

    def get(self, worker: int, default: Any = 0) -> Any:
        """When that one was, if there were too many lately."""
        many = len(self.moments) == MOST_DEATHS and time.monotonic() - self.moments[0] < LATELY
        return super().get(worker, default) if many else default


def serve(host: str, port: int, handed: socket.socket | None = None) -> None:
    """Run granian in this process, with its workers below it, until a signal ends it."""
    os.register_at_fork(after_in_child=end_at_once)
    front(host, port, handed).serve()


def put_log_away() -> None:
    """Have what stands in SQLite's log put into its file, which may be copied by itself then; workers leave the log."""
    if connection.vendor == "sqlite" and os.path.exists(connection.settings_dict["NAME"]):
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint")
        connection.close()  # the last to close the file removes the log


def front(host: str, port: int, handed: socket.socket | None) -> Any:
    """granian as we want it."""
    server: Any = (Inheriting if handed else Granian)(
        "crm_project.server:application",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.WORKERS or min(os.cpu_count() or 1, MOST_WORKERS),
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS),
        log_level=LogLevels.warning,
        log_dictconfig={"handlers": {}, "loggers": {"_granian": {"propagate": True}}},  # our own lines
        respawn_failed_workers=True,
        workers_kill_timeout=STOP,
    )
    server.handed = handed
    server.respawned_wrks = Deaths()
    return server
