"""granian's WSGI server as ``manage.py serve`` runs it: forked workers that end with their master."""

import ctypes
import gc
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

from crm_project.http.gateway import SERVER_THREADS

STOP = 12  # seconds that running requests have to finish after SIGTERM: all that one may wait, and some to work
HEADERS = 10_000  # milliseconds a connection may take for the next request's headers, and so may be idle
MAX_CONNECTIONS = 16_384  # a worker's; an idle one costs some kilobytes, a file descriptor and no thread
OTHER_FILES = 256  # descriptors of a worker for everything else
MAX_WORKERS = 4
MAX_ENDS, LATELY = 4, 15.0  # of granian in so many seconds: more is a mistake in what its workers run
PR_SET_PDEATHSIG = 1  # prctl's name for "a signal when my parent dies"


def load_application() -> None:
    """Import all that a request needs, before the workers are forked: a mistake in it ends the start.

    What is there by now stays, so Python does not look through it again, and workers share the memory.
    """
    import_module("crm_project.wsgi")
    get_resolver().url_patterns  # noqa: B018  the URL map is imported when first looked at
    gc.collect()
    gc.freeze()


def serve(host: str, port: int) -> None:
    """Run granian in this process, with its workers below it, until a signal ends it."""
    multiprocessing.set_start_method("fork")  # Python 3.14's own shares neither memory nor what is loaded
    os.register_at_fork(after_in_child=WorkerStart())
    if "NOTIFY_SOCKET" in os.environ:
        threading.Thread(target=notify_when_ready, args=(host, port), daemon=True).start()
    ends: deque[float] = deque(maxlen=MAX_ENDS)
    while True:
        try:
            granian(host, port).serve()
            return
        except SystemExit:  # it ends where a worker dies soon after it was replaced, as if in a loop
            ends.append(time.monotonic())
            if len(ends) == MAX_ENDS and ends[-1] - ends[0] < LATELY:
                raise


def granian(host: str, port: int) -> Any:
    """granian's master as we want it."""
    return Granian(
        "crm_project.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.WORKERS or min(os.cpu_count() or 1, MAX_WORKERS),
        blocking_threads=SERVER_THREADS,
        backpressure=most_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS),
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP,
    )


# Our own handlers write what granian says. Its warning about the number of threads is for threads that compute.
LOGGING: dict[str, Any] = {
    "handlers": {},
    "filters": {"threads": {"()": "crm_project.logs.ExcludePrefix", "prefix": "Configuration allows spawning up to"}},
    "loggers": {"_granian": {"propagate": True, "filters": ["threads"]}},
}


def most_connections() -> int:
    """How many connections a worker takes at a time; as many files as the system lets it open are allowed first.

    One that is idle is closed after ``HEADERS``; when there are too many, new ones wait until then.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    allowed = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return max(allowed // 2, allowed - OTHER_FILES)


class WorkerStart:
    """Called in each new worker."""

    def __init__(self) -> None:
        self.master = os.getpid()

    def __call__(self) -> None:
        """End with the master process even if that is killed, so that the port is free again; stop on a signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # until granian sets its own: the master's would ignore a stop
        if sys.platform == "linux":
            # Not SIGTERM: without a master nobody would see to it that a worker which hangs at its end, perhaps with
            # SQLite's lock, does end.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.master:  # it died before that
                os._exit(1)


def notify_when_ready(host: str, port: int) -> None:
    """Tell a service manager (``Type=notify``, see sd_notify(3)) when the server takes connections."""
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
