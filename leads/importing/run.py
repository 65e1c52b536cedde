"""An import from beginning to end: read, map, check, match, load, in one transaction, with an account of every row.

No printing and no argument parsing here: the command and the admin both call ``import_files``.
"""

import getpass
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from django.db import DatabaseError, transaction

from crm_project.db.direct import direct_connection
from crm_project.db.locks import Lock, lock_for_transaction
from leads.importing import runs
from leads.importing.file_import import FileImport, Overtaken, Progress
from leads.importing.options import Options, OutputPaths
from leads.importing.sources.reader import Source
from leads.importing.stats import Refused, showable
from leads.models import ImportRun

Confirm = Callable[[str], bool]  # asks somebody about a fact
Waiting = Callable[[str], None]  # called with what an import waits for
Started = Callable[[Sequence[ImportRun]], None]


class _Rollback(Exception):
    """Rolls back an import that stores nothing."""


class _Unconfirmed(Exception):
    """Rolls back an import that the user must confirm; the message says why."""


def import_files(
    sources: Sequence[Source],
    options: Options,
    user: Any = None,
    rejects: Path | IO[bytes] | None = None,
    skipped: Path | IO[bytes] | None = None,
    progress: Progress = lambda read, position: None,
    importer: type[FileImport] = FileImport,
    confirm: Confirm | None = None,
    started: Started = lambda runs: None,
    waiting: Waiting = lambda obstacle: None,
) -> list[ImportRun]:
    """Import all the files, or none of them, in one transaction; returns a closed run for each.

    Those of a dry run are not stored. A run's ``state`` says how it ended: ``done``, ``dry``, or ``refused`` with its
    ``message`` or ``problems``. Database errors refuse the import too; only when the account itself cannot be written
    do they come out. ``confirm`` is asked, outside of the transaction, where rows look like leads that were stored
    before. ``started`` is called with the runs as soon as they are stored, ``waiting`` with what is waited for.
    """
    with direct_connection(), runs.interruptible() as ctrl_c, ExitStack() as stack:
        given = [{"kind": importer.kind, **_account(source, options, user)} for source in sources]
        # A dry run uses up no number.
        accounts = [
            ImportRun(**fields) if options.dry_run else stack.enter_context(runs.running(**fields)) for fields in given
        ]
        started(accounts)
        outputs = OutputPaths(rejects, skipped)

        def make_files() -> list[FileImport]:
            several = len(sources) > 1
            return [
                importer(source, run, options, outputs.numbered(number) if several else outputs, progress)
                for number, (source, run) in enumerate(zip(sources, accounts, strict=True), 1)
            ]

        files, ask, is_alone = make_files(), confirm is not None, False
        try:
            while True:
                try:
                    _load_in_transaction(files, options, importer, ctrl_c, ask, is_alone, waiting)
                    break
                except Overtaken:
                    _end_outputs(files, whole=False)
                    is_alone = True
                except _Unconfirmed as question:
                    _end_outputs(files, whole=False)
                    with ctrl_c:
                        if not (confirm and confirm(str(question))):
                            raise Refused(f"{question}, so nothing was stored") from None
                    ask = False
                files = make_files()
        except _Rollback:
            _close_unstored(files, options)
        except (Refused, DatabaseError) as error:
            message = str(error) if isinstance(error, Refused) else f"the database refused: {str(error).strip()}"
            for file in files:
                file.close(ImportRun.State.REFUSED, message, whole=False)
        except OSError as error:
            message = f"a file could not be read or written: {error.strerror or error}"
            with suppress(DatabaseError):  # the disk may be full for it too
                for file in files:
                    runs.close(file.run, ImportRun.State.REFUSED, message=message, **file.stats.refused())
            with suppress(OSError):
                _end_outputs(files, whole=False)
            raise
        except KeyboardInterrupt:
            _end_outputs(files, whole=False)
            runs.interrupt(accounts)
        finally:
            _end_outputs(files)
        return accounts


def _load_in_transaction(
    files: Sequence[FileImport],
    options: Options,
    importer: type[FileImport],
    ctrl_c: runs.Interrupts,
    ask: bool,
    is_alone: bool,
    waiting: Waiting,
) -> None:
    is_alone = is_alone or importer.runs_alone(options, _size_of(files))
    with ctrl_c:
        own = [file.run.pk for file in files if file.run.pk]
        if obstacle := runs.obstacle(shared=not is_alone, own=own):
            waiting(obstacle)
        with transaction.atomic():
            runs.wait_for_lock(shared=not is_alone)
            _load_all(files, options, importer, ask, is_alone, runs.OtherRuns(own))
            ctrl_c.check()


def _load_all(
    files: Sequence[FileImport],
    options: Options,
    importer: type[FileImport],
    ask: bool,
    is_alone: bool,
    others: runs.OtherRuns,
) -> None:
    _check_together(files, options)
    for file in files:
        file.prepare()
    with importer.around_load(options, is_alone, _size_of(files)):
        for file in files:
            file.load()
        if not options.dry_run:
            lock_for_transaction(Lock.COMPARING, patient=True)  # the next one to compare sees the leads of this one
        meanwhile = others.ended()
        for file in files:
            file.check_loaded(meanwhile)
        if options.dry_run or any(file.stores_nothing for file in files):
            raise _Rollback
    if ask and (questions := [file.question for file in files if file.question]):
        raise _Unconfirmed("; ".join(questions))
    for file in files:
        for written in file.outputs():
            written.finish()
        file.close(ImportRun.State.DONE)


def _size_of(files: Sequence[FileImport]) -> int:
    return sum(file.source.size for file in files)


def _check_together(files: Sequence[FileImport], options: Options) -> None:
    """Refuse the same file twice, and to write bad rows over a file that is being read."""
    names: dict[str, str] = {}
    for source in (file.source for file in files):
        if source.sha256 in names and not options.again:
            raise Refused(f"{names[source.sha256]} and {source.name} are the same file (--again imports it twice)")
        names[source.sha256] = source.name
    for path in (path for file in files for path in file.output_paths):
        if isinstance(path, Path) and any(file.source.is_at(path) for file in files):
            raise Refused(f"{path} cannot be written, because it is the file to import; choose another name")


def _close_unstored(files: Sequence[FileImport], options: Options) -> None:
    refused = any(file.stores_nothing for file in files)
    for file in files:
        if refused:
            file.close(ImportRun.State.REFUSED, _why(file), whole=options.dry_run)
        else:
            file.close(ImportRun.State.DRY)


def _why(file: FileImport) -> str:
    if not file.stats.rejected:
        return "another file of the same import was refused"
    rows = "1 row is" if file.stats.rejected == 1 else f"{file.stats.rejected} rows are"
    nothing = "nothing would be stored" if file.options.dry_run else "nothing was stored"
    return f"{rows} bad, so {nothing} (--on-error skip stores the good ones)"


def _end_outputs(files: Sequence[FileImport], whole: bool = True) -> None:
    for file in files:
        for written in file.outputs():
            if written.ended:
                continue
            if whole and written.rows:
                written.finish()
            else:
                written.drop()


def _account(source: Source, options: Options, user: Any) -> dict[str, Any]:
    given = asdict(options)
    del given["parallel"]
    asked = {name: value for name, value in given.items() if value not in ({}, (), [], None)}
    return {
        "file_name": showable(source.name)[:255],
        "sha256": source.sha256,
        "options": asked,
        "user": user,
        "started_by": user.username if user else getpass.getuser(),
    }
