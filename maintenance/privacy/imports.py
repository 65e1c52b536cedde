"""What imports have stored about a person: texts of their runs, rows with errors, uploads."""

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
TYPED = ("constants", "explicit", "ignored", "user")  # options whose values somebody typed
OF_NOBODY = {*NOT_PERSONAL, "activity_type", "duration"}


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
    with _reachable():
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
    """Return how many files wait for their import."""
    return ImportUpload.objects.waiting().count()


@contextmanager
def without_readers() -> Iterator[None]:
    """Let nobody read an upload in the block, or import it; raise ``PrivacyError`` if somebody does."""
    with ExitStack() as stack:
        try:
            stack.enter_context(single_reader())
        except Refused:
            raise PrivacyError("Somebody is using a file on the import page. Nothing was erased: try again.") from None
        yield


def delete_files(run_ids: Collection[int]) -> None:
    """Delete the rows with errors of these imports, and all uploads."""
    with _reachable():
        ImportUpload.objects.all().delete_with_files()
        for run in ImportRun.objects.filter(pk__in=run_ids):
            run.delete_files()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PrivacyError(
            f"The files of imports cannot be read or changed ({error.strerror}). Nothing was done."
        ) from None
