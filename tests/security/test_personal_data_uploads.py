"""Files on the import page while somebody is erased: those that wait go, and nobody is at one of them."""

from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.test import Client

from leads.back_office.uploads import Upload
from leads.models import Lead
from tests.admin.conftest import upload_dir as upload_dir
from tests.factories import make_lead
from tests.security.test_personal_data import EMAIL, everything, run
from tests.security.test_personal_data import boss as boss
from tests.security.test_personal_data import known as known

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("half", [True, False])
def test_an_upload_that_was_cut_off_goes_too(half: bool) -> None:
    make_lead(email=EMAIL)
    folder = settings.UPLOAD_DIR / f"1-{'a' * 32}"
    folder.mkdir(parents=True)
    (folder / "file").write_text(f"Email\n{EMAIL}\n")
    if half:
        (folder / "state.json").write_text("{")
    (settings.UPLOAD_DIR / "rejects-7.part").write_text(EMAIL)
    (settings.UPLOAD_DIR / "rejects-x.csv").write_text("not ours")
    assert "1 files waiting" in run("erase_person", EMAIL, "--yes").split("Erased:")[1]
    assert EMAIL.lower() not in everything()
    assert not folder.exists()


def test_an_upload_that_is_on_its_way_is_left_to_whoever_sends_it() -> None:
    make_lead(email=EMAIL)

    def pieces() -> Any:
        yield b"Email\n"
        with pytest.raises(CommandError, match="Somebody is at a file"):
            run("erase_person", EMAIL, "--yes")
        yield b"b@example.com\n"

    kept = Upload.store(1, "list.csv", pieces())
    assert (kept.folder / "file").read_bytes() == b"Email\nb@example.com\n"


def test_others_uploads_stay_where_nobody_is_erased(known: Lead) -> None:
    before = everything()
    run("erase_person", "nobody@example.com", "--yes")
    assert everything() == before


def test_a_file_that_somebody_is_at_lets_nothing_be_erased(known: Lead, boss: Client) -> None:
    """They could import it afterwards, or bad rows of it are just being put away."""
    before = everything()
    (folder,) = (path.parent for path in settings.UPLOAD_DIR.glob("*/file"))
    with Upload(folder).alone():
        with pytest.raises(CommandError, match="Somebody is at a file"):
            run("erase_person", EMAIL, "--yes")
        page = boss.post("/admin/personal-data/erase/", {"email": EMAIL}).content.decode()
        agreed = page.partition('name="agreed" value="')[2].partition('"')[0]
        form = {"email": EMAIL, "typed": EMAIL, "agreed": agreed}
        assert "Somebody is at a file" in boss.post("/admin/personal-data/erase/", form).content.decode()
    assert everything() == before
    assert "Erased:" in run("erase_person", EMAIL, "--yes")


def test_an_upload_whose_end_was_cut_off(known: Lead, boss: Client) -> None:
    """The file is thrown away before what is known of it."""
    (folder,) = (path.parent for path in settings.UPLOAD_DIR.glob("*/file"))
    (folder / "file").unlink()
    assert "zerelda" in (folder / "state.json").read_text().lower()
    run("erase_person", EMAIL, "--yes")
    assert not folder.exists()


def test_what_is_left_of_writing_the_state_of_an_upload(known: Lead, boss: Client) -> None:
    (folder,) = (
        path.parent for path in settings.UPLOAD_DIR.glob("*/state.json") if not (path.parent / "file").exists()
    )
    (folder / "state-0a1b").write_text(EMAIL)
    run("erase_person", EMAIL, "--yes")
    assert [path.name for path in folder.iterdir() if path.name.startswith("state")] == ["state.json"]


def test_what_is_not_ours_stays_in_the_folder(known: Lead, tmp_path: Any) -> None:
    backup, link = settings.UPLOAD_DIR / "backup", settings.UPLOAD_DIR / f"1-{'a' * 32}"
    (backup / "old").mkdir(parents=True)
    link.symlink_to(tmp_path)
    run("erase_person", EMAIL, "--yes")
    assert (backup / "old").exists()
    assert link.is_symlink()


def test_files_that_cannot_be_read_let_nothing_be_erased(known: Lead, boss: Client, tmp_path: Any) -> None:
    before = everything()
    was, settings.UPLOAD_DIR = settings.UPLOAD_DIR, tmp_path / "bad.csv"  # a file, where a folder should be
    with pytest.raises(CommandError, match="Nothing was erased"):
        run("erase_person", EMAIL, "--yes")
    with pytest.raises(CommandError, match="this is not all"):
        run("export_person", EMAIL)
    for page in ("", "download/", "erase/"):
        assert "cannot be read" in boss.post(f"/admin/personal-data/{page}", {"email": EMAIL}).content.decode()
    settings.UPLOAD_DIR = was
    assert everything() == before
