"""The scheduled jobs beside the server: a child process of ``manage.py serve``, which is started again if it exits."""

import multiprocessing
import threading
from typing import Any

from django.db import Error

from crm_project.operations.jobs import Worker, logger

RESTART_DELAY = 60.0  # seconds


class JobsProcess:
    """A process of its own, so that no job takes processor time from a worker's threads or outlasts its timeouts."""

    def __init__(self) -> None:
        self.is_stopping = threading.Event()
        self.process: Any = None
        self.thread = threading.Thread(target=self._supervise, daemon=True)

    def start(self) -> None:
        """Start the process."""
        self.thread.start()

    def stop(self, timeout: float) -> None:
        """Let the process end after the current step of its job, or kill it after ``timeout`` seconds."""
        self.is_stopping.set()
        if self.process is not None:
            self.process.terminate()
            self.thread.join(timeout)
            self.process.kill()

    def _supervise(self) -> None:
        while not self.is_stopping.is_set():
            # Forked: it shares the memory of the application with the server's workers.
            self.process = multiprocessing.get_context("fork").Process(target=_work, daemon=True)
            self.process.start()
            self.process.join()
            self.is_stopping.wait(RESTART_DELAY)


def _work() -> None:
    try:
        Worker().run()
    except Error:
        logger.exception("The database cannot be used; the scheduled jobs start again later")
