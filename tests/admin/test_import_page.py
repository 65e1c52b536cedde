"""The admin's import page: a file in, a look at it, an import; bad files, double clicks, other people's uploads."""

import stat
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from leads.models import ImportRun, Lead
from tests.factories import make_lead, make_user

pytestmark = pytest.mark.django_db

ADD = "/admin/leads/importrun/add/"
FILE = (
    "First Name,Last Name,Email,Phone,Shoe size\n"
    "Ada,Lovelace,ada@example.com,555-0100,38\n"
    "Bob,Byron,not-an-address,555-0101,44\n"
    "Cy,Young,cy@example.com,555-0102,42\n"
)


def upload(browser: Client, content: str | bytes = FILE, name: str = "fair.csv") -> str:
    """Upload a file; the address of its review."""
    data = content.encode() if isinstance(content, str) else content
    reply = browser.post(ADD, {"file": SimpleUploadedFile(name, data)})
    assert reply.status_code == 302, reply.content.decode()
    return str(reply["Location"])


def page(browser: Client, path: str) -> str:
    """The text of a page."""
    reply = browser.get(path)
    assert reply.status_code == 200
    return str(reply.content.decode())


def refusal(browser: Client, content: bytes, name: str) -> str:
    """What the page says to a file that it does not take."""
    reply = browser.post(ADD, {"file": SimpleUploadedFile(name, content)})
    assert reply.status_code == 200
    assert not ImportRun.objects.exists()
    text: str = reply.content.decode()
    return text


def form(**fields: str) -> dict[str, str]:
    """The review's form as it comes for ``FILE``."""
    columns = ("first_name", "last_name", "email", "phone", "")
    own = {f"column-{place}": target for place, target in enumerate(columns)}
    return {**own, "on_duplicate": "skip", "on_error": "skip", "source": "", "status": "", "attempt": "0", **fields}


def test_it_works(boss: Client) -> None:
    review = upload(boss)
    shown = page(boss, review)
    for text in ("fair.csv", "utf-8", "Shoe size", "not recognised", "not-an-address", "Import 2 leads"):
        assert text in shown
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()

    reply = boss.post(review, form(**{"import": "1"}))
    run = ImportRun.objects.get()
    assert reply["Location"] == f"/admin/leads/importrun/{run.pk}/change/"
    assert (run.state, run.read, run.created, run.rejected) == ("done", 3, 2, 1)
    assert set(Lead.objects.values_list("first_name", "source")) == {("Ada", "website"), ("Cy", "website")}
    account = page(boss, reply["Location"])
    assert "Download the bad rows" in account
    assert "not-an-address" in account


def test_the_bad_rows_are_mended_and_imported(boss: Client) -> None:
    boss.post(upload(boss), form(**{"import": "1"}))
    run = ImportRun.objects.get()
    reply = boss.get(f"/admin/leads/importrun/{run.pk}/rejects/")
    rejects = b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]
    assert "attachment" in reply["Content-Disposition"]
    mended = upload(boss, rejects.replace("not-an-address", "bob@example.com"), "mended.csv")
    assert "Import 1 lead<" in page(boss, mended)


def test_columns_are_mapped_by_hand(boss: Client) -> None:
    review = upload(boss, "Wer,Anschrift,Wer\nAda,ada@example.com,Byron\n", "odd.csv")
    assert "No column is a name" in page(boss, review)
    plan = {"column-0": "first_name", "column-1": "email", "column-2": "last_name"}
    boss.post(review, {**plan, "check": "1", "attempt": "0"})
    assert "Import 1 lead<" in page(boss, review)
    boss.post(review, {**plan, "import": "1", "attempt": "0"})
    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name, lead.email) == ("Ada", "Byron", "ada@example.com")


def test_a_column_without_a_name_can_be_mapped(boss: Client) -> None:
    review = upload(boss, "First Name,\nAda,ada@example.com\n", "odd.csv")
    plan = {"column-0": "first_name", "column-1": "email", "attempt": "0"}
    boss.post(review, {**plan, "check": "1"})
    boss.post(review, {**plan, "import": "1"})
    assert Lead.objects.get().email == "ada@example.com"


def test_one_source_for_every_row(boss: Client) -> None:
    review = upload(boss)
    plan = form(source="Trade fair", status="Contacted")
    assert boss.post(review, {**plan, "check": "1"})["Location"] == review
    assert "Trade fair" in page(boss, review)
    boss.post(review, {**plan, "import": "1"})
    assert set(Lead.objects.values_list("source", "status")) == {("Trade fair", "contacted")}


def test_changed_settings_are_looked_at_before_they_are_imported(boss: Client) -> None:
    review = upload(boss)
    reply = boss.post(review, form(source="Trade fair", **{"import": "1"}), follow=True)
    assert "this is what they come to" in reply.content.decode()
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("way", "created", "updated", "skipped", "rejected", "phone"),
    [
        ("skip", 1, 0, 1, 1, "1"),
        ("update", 1, 1, 0, 1, "555-0100"),
        ("create", 2, 0, 0, 1, "1"),
        ("error", 1, 0, 0, 2, "1"),
    ],
)
def test_leads_that_are_there_already(
    boss: Client, way: str, created: int, updated: int, skipped: int, rejected: int, phone: str
) -> None:
    ada = make_lead(email="ADA@example.com", phone="1")
    review = upload(boss)
    for step in ("check", "import"):
        boss.post(review, form(on_duplicate=way, **{step: "1"}))
    run = ImportRun.objects.get()
    assert (run.created, run.updated, run.skipped, run.rejected) == (created, updated, skipped, rejected)
    ada.refresh_from_db()
    assert ada.phone == phone


def test_nothing_is_stored_while_a_row_is_bad_if_so_wished(boss: Client) -> None:
    review = upload(boss)
    boss.post(review, form(on_error="abort", check="1"))
    assert "you asked for nothing to be stored" in page(boss, review)
    run_page = boss.post(review, form(on_error="abort", **{"import": "1"}))["Location"]
    assert not Lead.objects.exists()
    shown = page(boss, run_page)
    assert "1 row is bad, so nothing was stored" in shown
    assert "--on-error" not in shown
    assert boss.post(review, form(attempt="1", check="1"))["Location"] == review  # and may be tried otherwise


def test_a_second_click_finds_the_run_of_the_first(boss: Client) -> None:
    review = upload(boss)
    first = boss.post(review, form(**{"import": "1"}))
    second = boss.post(review, form(**{"import": "1"}))
    assert second["Location"] == first["Location"]
    assert boss.get(review)["Location"] == first["Location"]
    assert (ImportRun.objects.count(), Lead.objects.count()) == (1, 2)


def test_a_second_click_on_a_refused_import_makes_no_second_run(boss: Client) -> None:
    review = upload(boss)
    boss.post(review, form(on_error="abort", check="1"))
    pages = {boss.post(review, form(on_error="abort", **{"import": "1"}))["Location"] for _ in range(2)}
    assert pages == {f"/admin/leads/importrun/{ImportRun.objects.get().pk}/change/"}


def test_a_file_that_was_imported_before(boss: Client) -> None:
    boss.post(upload(boss), form(**{"import": "1"}))
    review = upload(boss, name="again.csv")
    assert "The same file was imported on" in page(boss, review)
    refused = boss.post(review, form(on_duplicate="create", **{"import": "1"}), follow=True)
    boss.post(review, form(on_duplicate="create", **{"import": "1"}))
    assert Lead.objects.count() == 2
    assert refused.status_code == 200
    plan = form(on_duplicate="create", again="on", attempt="1")
    for step in ("check", "import"):
        boss.post(review, {**plan, step: "1"})
    assert Lead.objects.count() == 4


def test_cancelling_throws_the_file_away(boss: Client, upload_dir: Path) -> None:
    review = upload(boss)
    assert boss.post(review, form(cancel="1"))["Location"] == "/admin/leads/importrun/"
    assert list(upload_dir.iterdir()) == []
    assert "no longer here" in boss.get(review, follow=True).content.decode()


def test_nobody_else_sees_an_upload(boss: Client) -> None:
    review = upload(boss)
    other = Client()
    other.force_login(make_user(is_staff=True, is_superuser=True))
    assert other.get(review)["Location"] == ADD
    assert other.post(review, form(**{"import": "1"}))["Location"] == ADD
    assert not Lead.objects.exists()


def test_uploads_are_private_and_never_named_as_they_were_called(boss: Client, upload_dir: Path) -> None:
    upload(boss, name="../../../evil.csv")
    (folder,) = upload_dir.iterdir()
    assert stat.S_IMODE(upload_dir.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {file.name for file in folder.iterdir()} == {"file", "lock", "state.json", "rejects"}
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600


def test_the_file_is_gone_after_its_import(boss: Client, upload_dir: Path) -> None:
    boss.post(upload(boss), form(**{"import": "1"}))
    assert not list(upload_dir.glob("*/file"))
    assert len(list(upload_dir.glob("rejects-*.csv"))) == 1
