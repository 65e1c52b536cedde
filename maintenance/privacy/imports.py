"""The data of a person in imports: texts of runs, rows with errors, uploads."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from leads.back_office.stored_files import single_reader
from leads.importing.stats import Refused
from leads.models import ImportRun, ImportUpload
from leads.retention import VALUES, without_values
from leads.validators import ERASED, NOT_PERSONAL
from maintenance.privacy.subject import DataSubject, PrivacyError

BATCH = 20  # runs read at a time; each may have a thousand problems
TYPED = ("constants", "explicit", "ignored", "user")  # options with values that users type
NOT_ABOUT_PEOPLE = {*NOT_PERSONAL, "activity_type", "duration"}


def imports_about(subject: DataSubject) -> Iterator[dict[str, Any]]:
    """Return the imports that created the person's leads or name the person, with the texts that name the person."""
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
    """Return whether options of the import are about the person: a personal value for all rows, or the author."""
    constants, author = run.options.get("constants"), run.options.get("author_id")
    is_personal = isinstance(constants, dict) and not NOT_ABOUT_PEOPLE.issuperset(constants)
    return (is_personal and run.pk in subject.import_ids) or author in subject.user_ids


def _texts_of(run: ImportRun) -> Iterator[str]:
    """Yield the texts of an import that come from users and files, and each line of its rows with errors."""
    options = [run.options.get(name) for name in TYPED]
    yield from _texts_in([run.file_name, run.message, run.notes, options])
    for name, keys in VALUES.items():
        yield from _texts_in([row.get(key) for row in getattr(run, name) for key in (*keys, "column")])
    with _storage_errors():
        for file in run.files():
            for line in file:
                yield bytes(line).decode(errors="replace").rstrip()


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for one in value:
            yield from _texts_in(one)
    elif value is not None:
        yield str(value)


def waiting_uploads() -> int:
    """Return the number of uploads that are not imported yet."""
    return ImportUpload.objects.waiting().count()


@contextmanager
def lock_uploads() -> Iterator[None]:
    """Lock the reading and importing of uploads in the block; raise ``PrivacyError`` if another user has the lock."""
    with ExitStack() as stack:
        try:
            stack.enter_context(single_reader())
        except Refused:
            raise PrivacyError("Somebody is using a file on the import page. Nothing was erased: try again.") from None
        yield


def delete_files(run_ids: Collection[int]) -> None:
    """Delete the rows with errors of these imports, and all uploads."""
    with _storage_errors():
        ImportUpload.objects.all().delete_with_files()
        for run in ImportRun.objects.filter(pk__in=run_ids):
            run.delete_files()


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Raise ``PrivacyError`` for an error of the storage in the block."""
    try:
        yield
    except OSError as error:
        raise PrivacyError(
            f"The files of imports cannot be read or changed ({error.strerror}). Nothing was done."
        ) from None
