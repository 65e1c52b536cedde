"""What imports have stored about a person: texts of their runs, rows with errors, uploads."""

import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from leads.back_office.stored_files import files_of, locked, stored_paths
from leads.models import ImportRun
from leads.retention import VALUES, without_values
from leads.validators import ERASED, NOT_PERSONAL
from maintenance.privacy.subject import DataSubject, PrivacyError

BATCH = 20  # runs read at a time; each may have a thousand problems
TYPED = ("constants", "explicit", "ignored", "user")  # options whose values somebody typed
OF_NOBODY = {*NOT_PERSONAL, "activity_type", "duration"}
_upload = re.compile("[0-9]+-[0-9a-f]{32}")


def imports_about(subject: DataSubject) -> Iterator[dict[str, Any]]:
    """Return the imports that created the person's leads or name the person, with the texts that do."""
    for run in ImportRun.objects.order_by("pk").iterator(BATCH):
        texts = [text for text in _texts_of(run) if subject.identifiers.occur_in(text, namesakes=False)]
        if texts or run.pk in subject.import_ids:
            yield {"id": run.pk, "kind": run.kind, "started_at": run.started_at, "texts": texts}


def erase_imports(subject: DataSubject) -> list[int]:
    """Erase all texts of the imports that name the person, and return the ids of these. Their counts stay."""
    run_ids = []
    for run in ImportRun.objects.order_by("pk").iterator(BATCH):
        if any(map(subject.identifiers.occur_in, _texts_of(run))) or _was_set_for(subject, run):
            run_ids.append(run.pk)
            ImportRun.objects.filter(pk=run.pk).update(
                file_name=ERASED,
                message=run.message and ERASED,
                notes=[ERASED for _ in run.notes],
                options={name: ERASED if name in TYPED else value for name, value in run.options.items()},
                **without_values(run, columns=True),
            )
    return run_ids


def _was_set_for(subject: DataSubject, run: ImportRun) -> bool:
    """Whether the import set personal values for all rows, one of them the person's, or the person as their author."""
    constants, author = run.options.get("constants"), run.options.get("author_id")
    is_personal = isinstance(constants, dict) and not OF_NOBODY.issuperset(constants)
    return (is_personal and run.pk in subject.import_ids) or author in subject.user_ids


def _texts_of(run: ImportRun) -> Iterator[str]:
    """All that people typed and an import has stored, as single texts; of its rows with errors, each line."""
    options = [run.options.get(name) for name in TYPED]
    yield from _texts_in([run.file_name, run.message, run.notes, options])
    for name, keys in VALUES.items():
        yield from _texts_in([row.get(key) for row in getattr(run, name) for key in (*keys, "column")])
    for path in files_of(run.pk):
        with _reachable(), suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
            yield from map(str.rstrip, file)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _texts_in(one)
    elif value is not None:
        yield str(value)


def waiting_uploads() -> int:
    """Return how many files wait for their import."""
    with _reachable():
        return sum((folder / "file").exists() for folder in _uploads())


def delete_files(run_ids: Collection[int]) -> None:
    """Delete the rows with errors of these imports, and all uploads unless somebody uses one: all or nothing."""
    with _reachable(), ExitStack() as locks:
        uploads = _uploads()
        try:
            for folder in uploads:
                with suppress(FileNotFoundError):  # expired since
                    locks.enter_context(locked(folder))
        except BlockingIOError:
            raise PrivacyError("Somebody is using a file on the import page. Nothing was erased: try again.") from None
        for folder in uploads:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        for run_id in run_ids:
            for path in files_of(run_id):
                path.unlink(missing_ok=True)


def _uploads() -> list[Path]:
    return [path for path in stored_paths() if _upload.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PrivacyError(
            f"The files of imports cannot be read or changed ({error.strerror}). Nothing was done."
        ) from None
