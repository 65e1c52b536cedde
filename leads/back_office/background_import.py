"""An import that goes on after its request has its response: ``Prefer: respond-async``."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Thread

from django.db import connections

from crm_project.db.replica import record_write
from leads.back_office.preview import import_upload
from leads.back_office.progress import UploadProgress
from leads.back_office.stored_files import LocalFile
from leads.importing.options import Options
from leads.importing.sources.reader import Source
from leads.models import ImportRun
from users.models import User

logger = logging.getLogger(__name__)


def start(
    file: LocalFile,
    source: Source,
    options: Options,
    user: User,
    progress: UploadProgress,
    finish: Callable[[ImportRun, LocalFile], None],
    opened: ExitStack,
) -> int | None:
    """Import a file in a thread of this process; return the id of its run once it is stored, ``None`` if it is not.

    ``finish`` is called with the closed run; then ``opened`` is closed. If the process ends, nothing is stored, and the
    run has died.
    """
    run_id: SimpleQueue[int | None] = SimpleQueue()

    def started(runs: Sequence[ImportRun]) -> None:
        run_id.put(runs[0].pk)

    def work() -> None:
        try:
            with opened:
                run = import_upload(file, source, options, user, progress, started)
                finish(run, file)
            record_write(user.pk)
        except Exception:  # nobody else would log it
            logger.exception("import_failed")
        finally:
            run_id.put(None)
            connections.close_all()

    Thread(target=work, name="import", daemon=True).start()
    return run_id.get()
