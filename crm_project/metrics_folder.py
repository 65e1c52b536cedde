"""The temporary folder in which the workers of ``manage.py serve`` count, in prometheus-client's multi-process mode."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's name
PREFIX = "crm-metrics-"


@contextmanager
def shared_between_processes() -> Iterator[None]:
    """Have this process and its later forks count together in the block. The folder is empty and belongs to this user.

    Folders of servers that were killed are deleted.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdecimal() and not is_alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)  # does not follow links, nor delete what is another user's
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        os.environ[VARIABLE] = name
        yield


def is_alive(process: int) -> bool:
    """Return whether there is a process with that id."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
