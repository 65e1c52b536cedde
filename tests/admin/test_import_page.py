"""The import page: upload, preview, import; invalid files, double clicks, uploads of others."""

import re
import tempfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from leads.models import ImportRun, Lead
from tests.factories import make_lead, make_user
from tests.stored import content_of, stored_files

pytestmark = pytest.mark.django_db

ADD = "/admin/leads/importrun/add/"
FILE = (
    "First Name,Last Name,Email,Phone,Shoe size\n"
    "Ada,Lovelace,ada@example.com,555-0100,38\n"
    "Bob,Byron,not-an-address,555-0101,44\n"
    "Cy,Young,cy@example.com,555-0102,42\n"
)


def upload(browser: Client, content: str | bytes = FILE, name: str = "fair.csv") -> str:
    """Upload a file; return the address of its preview."""
    data = content.encode() if isinstance(content, str) else content
    reply = browser.post(ADD, {"file": SimpleUploadedFile(name, data)})
    assert reply.status_code == 302, reply.content.decode()
    return str(reply["Location"])


def page(browser: Client, path: str) -> str:
    """Return the HTML of a page."""
    reply = browser.get(path)
    assert reply.status_code == 200
    return str(reply.content.decode())


def rejection(browser: Client, content: bytes, name: str) -> str:
    """Return the page after uploading a file that it rejects."""
    reply = browser.post(ADD, {"file": SimpleUploadedFile(name, content)})
    assert reply.status_code == 200
    assert not ImportRun.objects.exists()
    text: str = reply.content.decode()
    return text


def form(**fields: str) -> dict[str, str]:
    """Return the form of the preview of ``FILE``, with changes."""
    columns = ("first_name", "last_name", "email", "phone", "")
    default = {f"column-{place}": target for place, target in enumerate(columns)}
    return {**default, "on_duplicate": "skip", "on_error": "skip", "source": "", "status": "", "attempt": "0", **fields}


def test_columns_of_consent_are_named(boss: Client) -> None:
    content = "First Name,Email,Do Not Call,Shoe size\nAda,ada@example.com,yes,38\n"
    fields = page(boss, upload(boss, content)).split('aria-label="Field of column ')[1:]
    chosen = {field.split('"')[0]: field.split('<option value="">')[1].split("<")[0] for field in fields}
    assert chosen["Do Not Call"] == "Consent"
    assert chosen["Shoe size"] != "Consent"


def test_it_works(boss: Client) -> None:
    review = upload(boss)
    html = page(boss, review)
    for text in ("fair.csv", "utf-8", "Shoe size", "Not mapped", "not-an-address", "Import 2 leads"):
        assert text in html
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()

    reply = boss.post(review, form(**{"import": "1"}))
    run = ImportRun.objects.get()
    assert reply["Location"] == f"/admin/leads/importrun/{run.pk}/change/"
    assert (run.state, run.read, run.created, run.rejected) == ("done", 3, 2, 1)
    assert set(Lead.objects.values_list("first_name", "source")) == {("Ada", "website"), ("Cy", "website")}
    result = page(boss, reply["Location"])
    assert "Download the rows with errors" in result
    assert "not-an-address" in result


def test_rows_with_errors_are_fixed_and_imported(boss: Client) -> None:
    """The source for all rows comes back with them; an import without errors has nothing to download."""
    review, plan = upload(boss), form(source="Trade fair")
    boss.post(review, {**plan, "check": "1"})
    boss.post(review, {**plan, "import": "1"})
    run = ImportRun.objects.get()
    reply = boss.get(f"/admin/leads/importrun/{run.pk}/rejects/")
    rejects = b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]
    assert "attachment" in reply["Content-Disposition"]
    fixed = upload(boss, rejects.replace("not-an-address", "bob@example.com"), "fixed.csv")
    html = page(boss, fixed)
    assert "Import 1 lead<" in html
    lists = re.findall(r'<select name="(column-\d+)"[^>]*>(.*?)</select>', html, re.DOTALL)
    columns = {name: (re.findall(r'value="([^"]*)" selected', options) or [""])[0] for name, options in lists}
    plan = {"attempt": "0", "on_duplicate": "skip", "on_error": "skip", **columns}
    boss.post(fixed, {**plan, "check": "1"})
    reply = boss.post(fixed, {**plan, "import": "1"})
    assert set(Lead.objects.values_list("first_name", "source")) == {(n, "Trade fair") for n in ("Ada", "Bob", "Cy")}
    assert "Download the rows" not in page(boss, reply["Location"])


def test_columns_are_mapped_manually(boss: Client) -> None:
    review = upload(boss, "Wer,Anschrift,Wer\nAda,ada@example.com,Byron\n", "odd.csv")
    assert "No column is a name" in page(boss, review)
    plan = {"column-0": "first_name", "column-1": "email", "column-2": "last_name"}
    boss.post(review, {**plan, "check": "1", "attempt": "0"})
    assert "Import 1 lead<" in page(boss, review)
    boss.post(review, {**plan, "import": "1", "attempt": "0"})
    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name, lead.email) == ("Ada", "Byron", "ada@example.com")


def test_an_unnamed_column_is_mapped(boss: Client) -> None:
    review = upload(boss, "First Name,\nAda,ada@example.com\n", "odd.csv")
    plan = {"column-0": "first_name", "column-1": "email", "attempt": "0"}
    boss.post(review, {**plan, "check": "1"})
    boss.post(review, {**plan, "import": "1"})
    assert Lead.objects.get().email == "ada@example.com"


def test_source_and_status_for_all_rows(boss: Client) -> None:
    review = upload(boss)
    plan = form(source="Trade fair", status="Contacted")
    assert boss.post(review, {**plan, "check": "1"})["Location"] == review
    assert "Trade fair" in page(boss, review)
    boss.post(review, {**plan, "import": "1"})
    assert set(Lead.objects.values_list("source", "status")) == {("Trade fair", "contacted")}


def test_changed_options_update_the_preview_before_the_import(boss: Client) -> None:
    review = upload(boss)
    reply = boss.post(review, form(source="Trade fair", **{"import": "1"}), follow=True)
    assert "Preview updated." in reply.content.decode()
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("option", "created", "updated", "skipped", "rejected", "phone"),
    [
        ("skip", 1, 0, 1, 1, "1"),
        ("update", 1, 1, 0, 1, "555-0100"),
        ("create", 2, 0, 0, 1, "1"),
        ("error", 1, 0, 0, 2, "1"),
    ],
)
def test_existing_leads(
    boss: Client, option: str, created: int, updated: int, skipped: int, rejected: int, phone: str
) -> None:
    ada = make_lead(email="ADA@example.com", phone="1")
    review = upload(boss)
    for step in ("check", "import"):
        boss.post(review, form(on_duplicate=option, **{step: "1"}))
    run = ImportRun.objects.get()
    assert (run.created, run.updated, run.skipped, run.rejected) == (created, updated, skipped, rejected)
    ada.refresh_from_db()
    assert ada.phone == phone


def test_import_nothing_if_any_row_has_errors(boss: Client) -> None:
    review = upload(boss)
    boss.post(review, form(on_error="abort", check="1"))
    assert "you chose to import nothing in that case" in page(boss, review)
    run_page = boss.post(review, form(on_error="abort", **{"import": "1"}))["Location"]
    assert not Lead.objects.exists()
    html = page(boss, run_page)
    assert "1 row is bad, so nothing was stored" in html
    assert "--on-error" not in html
    assert boss.post(review, form(attempt="1", check="1"))["Location"] == review  # another try


def test_a_second_click_opens_the_first_import(boss: Client) -> None:
    review = upload(boss)
    first = boss.post(review, form(**{"import": "1"}))
    second = boss.post(review, form(**{"import": "1"}))
    assert second["Location"] == first["Location"]
    assert boss.get(review)["Location"] == first["Location"]
    assert (ImportRun.objects.count(), Lead.objects.count()) == (1, 2)


def test_a_second_click_on_a_rejected_import_makes_no_second_run(boss: Client) -> None:
    review = upload(boss)
    boss.post(review, form(on_error="abort", check="1"))
    pages = {boss.post(review, form(on_error="abort", **{"import": "1"}))["Location"] for _ in range(2)}
    assert pages == {f"/admin/leads/importrun/{ImportRun.objects.get().pk}/change/"}


def test_a_file_that_was_imported_before(boss: Client) -> None:
    boss.post(upload(boss), form(**{"import": "1"}))
    review = upload(boss, name="again.csv")
    assert "This file was imported on" in page(boss, review)
    blocked = boss.post(review, form(on_duplicate="create", **{"import": "1"}), follow=True)
    boss.post(review, form(on_duplicate="create", **{"import": "1"}))
    assert Lead.objects.count() == 2
    assert blocked.status_code == 200
    plan = form(on_duplicate="create", again="on", attempt="1")
    for step in ("check", "import"):
        boss.post(review, {**plan, step: "1"})
    assert Lead.objects.count() == 4


def test_cancelling_deletes_the_file(boss: Client) -> None:
    review = upload(boss)
    assert boss.post(review, form(cancel="1"))["Location"] == "/admin/leads/importrun/"
    assert stored_files() == []
    assert "The file was removed" in boss.get(review, follow=True).content.decode()


def test_uploads_belong_to_their_user(boss: Client) -> None:
    review = upload(boss)
    other = Client()
    other.force_login(make_user(is_staff=True, is_superuser=True))
    assert other.get(review)["Location"] == ADD
    assert other.post(review, form(**{"import": "1"}))["Location"] == ADD
    assert not Lead.objects.exists()


def test_uploads_are_on_no_disk_and_have_no_original_name(
    boss: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    review = upload(boss, name="../../../evil.csv")
    boss.post(review, form(check="1"))
    (name,) = stored_files()
    assert re.fullmatch("uploads/[0-9a-f]{32}", name)
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith("reading_file")] == []


def test_the_file_is_deleted_after_its_import(boss: Client) -> None:
    boss.post(upload(boss), form(**{"import": "1"}))
    (name,) = stored_files()
    assert name == ImportRun.objects.get().rejects_file
    assert b"not-an-address" in content_of(name)
