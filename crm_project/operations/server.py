"""granian's WSGI server as ``manage.py serve`` runs it, with forked workers that exit with their parent process."""

import ctypes
import gc
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections import deque
from importlib import import_module
from typing import Any

from django.conf import settings
from django.urls import get_resolver
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from crm_project.http import readiness
from crm_project.http.gateway import SERVER_THREADS
from crm_project.operations import limits
from crm_project.operations.jobs import JobsProcess

STOP_TIMEOUT = 12  # seconds that running requests have after SIGTERM: the longest wait, and some time to work
JOBS_STOP_TIMEOUT = 2  # seconds more, for the current step of a scheduled job
HEADER_TIMEOUT = 10_000  # milliseconds for the next request's headers, and so the limit of idle connections
MAX_CONNECTIONS = 16_384  # of a worker; an idle one takes some kilobytes and a file descriptor, but no thread
OTHER_FILES = 256  # descriptors of a worker for everything else
MAX_EXITS, EXIT_PERIOD = 4, 15.0  # exits of granian in so many seconds; more are an error in the application
PR_SET_PDEATHSIG = 1  # prctl's option for a signal when the parent process exits


def load_application() -> None:
    """Import the application before the workers are forked, so that errors end the start and workers share memory.

    The garbage collector ignores all objects that exist by then.
    """
    import_module("crm_project.wsgi")
    get_resolver().url_patterns  # noqa: B018  imports the views
    gc.collect()
    gc.freeze()


def serve(host: str, port: int) -> None:
    """Run granian in this process, with its workers as child processes, until a signal."""
    multiprocessing.set_start_method("fork")  # the default of Python 3.14 shares no memory
    os.register_at_fork(after_in_child=WorkerStart())
    if "NOTIFY_SOCKET" in os.environ:
        threading.Thread(target=notify_when_ready, args=(host, port), daemon=True).start()
    jobs = JobsProcess()
    if settings.RUN_JOBS:
        jobs.start()
    try:
        _serve_again(host, port)
    finally:
        jobs.stop(JOBS_STOP_TIMEOUT)


def _serve_again(host: str, port: int) -> None:
    exits: deque[float] = deque(maxlen=MAX_EXITS)
    while True:
        server = granian(host, port)
        try:
            server.serve()
            return
        except SystemExit:  # granian exits if a worker exits soon after its start, or with the server
            if server.interrupt_signal:
                return
            exits.append(time.monotonic())
            if len(exits) == MAX_EXITS and exits[-1] - exits[0] < EXIT_PERIOD:
                raise


def granian(host: str, port: int) -> Any:
    """Return the configured server."""
    configured = Granian(
        "crm_project.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.WORKERS or limits.workers(),
        blocking_threads=SERVER_THREADS,
        backpressure=max_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_TIMEOUT,
    )
    configured.on_startup(drain_on_sigterm)  # granian has set its signal handlers by then
    return configured


def drain_on_sigterm() -> None:
    """Have SIGTERM stop the server after ``DRAIN_SECONDS``, in which it serves but is not ready.

    A second SIGTERM, or SIGINT, stops it at once.
    """
    stop: Any = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: object) -> None:
        readiness.announce_stop()
        signal.signal(signal.SIGTERM, stop)
        timer = threading.Timer(settings.DRAIN_SECONDS, stop, (number, None))
        timer.daemon = True
        timer.start()

    if settings.DRAIN_SECONDS:
        signal.signal(signal.SIGTERM, drain)


# The handlers of settings.LOGGING write granian's messages, except its warning about the number of threads.
LOGGING: dict[str, Any] = {"handlers": {}, "loggers": {"_granian": {"propagate": True}}}
logging.getLogger("_granian").addFilter(lambda record: "allows spawning up to" not in record.getMessage())


def max_connections() -> int:
    """Raise the limit of open files if possible, and return the number of connections of a worker.

    More connections wait until idle ones are closed after ``HEADER_TIMEOUT``.
    """
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    limit = wanted if hard_limit == resource.RLIM_INFINITY else min(hard_limit, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard_limit))
    return max(limit // 2, limit - OTHER_FILES)


class WorkerStart:
    """The function that each new worker calls."""

    def __init__(self) -> None:
        self.parent = os.getpid()

    def __call__(self) -> None:
        """Have the worker exit on a signal, and with its parent even if that is killed, so that the port is free."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # until granian sets its own handlers; the parent's ignore it
        if sys.platform == "linux":
            # SIGKILL, because without the parent nothing would kill a worker that hangs, perhaps with SQLite's lock.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.parent:  # it has exited before
                os._exit(1)


def notify_when_ready(host: str, port: int) -> None:
    """Notify a service manager (``Type=notify``, see sd_notify(3)) when the server accepts connections."""
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        manager.send(b"READY=1")
