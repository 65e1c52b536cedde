"""The list of imports and the page of each: results, rows with errors, undo."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.importing import runs
from leads.models import ImportRun, Lead
from leads.retention import delete_files
from tests.admin.people import browser_of
from tests.admin.test_import_page import FILE, form, page, upload
from tests.factories import activity_row, make_lead, make_user
from tests.maintenance.legacy_migration.conftest import loose as loose
from tests.maintenance.legacy_migration.earlier import Earlier, import_legacy, lead
from tests.stored import age, stored_files
from users.models import User

pytestmark = pytest.mark.django_db

RUNS = "/admin/leads/importrun/"


def imported(browser: Client, **fields: str) -> ImportRun:
    """Import ``FILE`` through the page; return its run."""
    review = upload(browser)
    for step in ("check", "import"):
        browser.post(review, form(**{**fields, step: "1"}))
    return ImportRun.objects.latest("id")


def run_of(state: str, **fields: Any) -> ImportRun:
    """Create the record of an import that has stored nothing."""
    return ImportRun.objects.create(**{"file_name": "fair.csv", "sha256": "0", "state": state, **fields})


def undo(browser: Client, run: ImportRun) -> str:
    """Undo an import; return the page."""
    return str(browser.post(f"{RUNS}{run.pk}/undo/", follow=True).content.decode())


def test_it_works(boss: Client) -> None:
    run = imported(boss)
    runs_page = page(boss, RUNS)
    for text in ("fair.csv", "Done", str(run.pk)):
        assert text in runs_page
    html = page(boss, f"{RUNS}{run.pk}/change/")
    assert "Shoe size" in html  # a column that is not imported
    assert run.rejects_file
    assert run.rejects_file not in html


@pytest.mark.parametrize(("state", "label"), [("refused", "Rejected"), ("dry", "Dry run"), ("undone", "Undone")])
def test_states(boss: Client, state: str, label: str) -> None:
    run_of(state)
    assert label in page(boss, RUNS)


def test_a_running_import(boss: Client) -> None:
    with runs.running(file_name="fair.csv", sha256="0") as run:
        assert "Running" in page(boss, RUNS)
        assert "Running" in page(boss, f"{RUNS}{run.pk}/change/")


def test_no_import_while_another_runs(boss: Client) -> None:
    review = upload(boss)
    boss.post(review, form(on_duplicate="update"))
    with runs.running(file_name="huge.csv", sha256="0", started_at=timezone.now() - timedelta(minutes=1)) as run:
        html = boss.post(review, form(**{"on_duplicate": "update", "import": "1"}), follow=True).content.decode()
    assert f"Another import is running (import {run.pk}, huge.csv)" in html
    assert not Lead.objects.exists()


def test_an_import_whose_process_stopped(boss: Client) -> None:
    run = run_of("running")
    assert "Failed (server stopped)" in page(boss, RUNS)
    assert "Nothing was stored" in page(boss, f"{RUNS}{run.pk}/change/")


def test_undo(boss: Client) -> None:
    ada = make_lead(email="ada@example.com", phone="1", first_name="Ada Augusta")
    run = imported(boss, on_duplicate="update")
    assert Lead.objects.active().count() == 2
    assert " undone: 1 lead deleted, 1 lead reset to their previous values" in undo(boss, run)
    assert [lead.first_name for lead in Lead.objects.active()] == ["Ada Augusta"]
    ada.refresh_from_db()
    assert ada.phone == "1"
    run.refresh_from_db()
    assert (run.state, run.undone_by) == ("undone", User.objects.get(username="boss").name)
    assert "Undone on" in page(boss, f"{RUNS}{run.pk}/change/")


def test_changed_leads_are_not_undone(boss: Client, agent: User, api: Any) -> None:
    run = imported(boss)
    cy = Lead.objects.get(first_name="Cy")
    assert api.post(f"/api/leads/{cy.pk}/activities", activity_row()).status_code == 201
    assert "partly undone: 1 lead deleted, 1 lead changed since and left unchanged" in undo(boss, run)
    assert [lead.pk for lead in Lead.objects.active()] == [cy.pk]
    assert cy.activities.exclude(title__startswith="Imported from").count() == 1
    assert f"lead {cy.pk}" in page(boss, f"{RUNS}{run.pk}/change/")


def test_a_second_click_on_undo_changes_nothing(boss: Client) -> None:
    run = imported(boss)
    undo(boss, run)
    versions = list(Lead.objects.order_by("pk").values_list("pk", "version"))
    assert "was undone already" in undo(boss, run)
    assert list(Lead.objects.order_by("pk").values_list("pk", "version")) == versions


@pytest.mark.parametrize("state", ["refused", "dry"])
def test_nothing_to_undo(boss: Client, state: str) -> None:
    run = run_of(state)
    assert "Undo this import" not in page(boss, f"{RUNS}{run.pk}/change/")
    assert "nothing to undo" in undo(boss, run)


def test_unknown_imports(boss: Client) -> None:
    for address in ("999/change/", "abc/change/", f"{10**30}/change/"):
        assert boss.get(RUNS + address).status_code in (302, 404)
    for number in (999, 10**30):
        assert boss.get(f"{RUNS}{number}/rejects/", follow=True).status_code == 404
        assert boss.post(f"{RUNS}{number}/undo/", follow=True).status_code == 404


def of_yesterday(run: ImportRun) -> None:
    """Let an import be a minute older than a day."""
    ImportRun.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(days=1, minutes=1))


def of_somebody_else(run: ImportRun) -> None:
    """Let an import be that of another user."""
    ImportRun.objects.filter(pk=run.pk).update(user=make_user())


@pytest.mark.parametrize("change", [of_yesterday, of_somebody_else])
def test_staff_undo_only_their_own_imports_of_the_last_day(change: Callable[[ImportRun], None]) -> None:
    staff = browser_of("staff")
    run = imported(staff)
    address = f"{RUNS}{run.pk}/change/"
    assert "Undo this import" in page(staff, address)
    change(run)
    html = page(staff, address)
    assert "Download the rows with errors" in html
    assert "Undo this import" not in html
    assert staff.post(f"{RUNS}{run.pk}/undo/").status_code == 403
    assert Lead.objects.active().count() == 2


def test_staff_undo_an_import_of_their_own() -> None:
    staff = browser_of("staff")
    run = imported(staff)
    assert "undone: 2 leads deleted." in undo(staff, run)
    assert not Lead.objects.active().exists()


def test_what_to_do_next(boss: Client) -> None:
    html = page(boss, f"{RUNS}{imported(boss).pk}/change/")
    assert "Download the 1 row with errors, correct it in a spreadsheet" in html
    clean = upload(boss, "Name,Email\nAnn Ng,ann@example.com\nTotal,1\n", "clean.csv")
    reply = boss.post(clean, {"import": "1", "attempt": "0"}, follow=True).content.decode()
    assert "Download the rows with errors" not in reply
    assert "Download the rows left out" in reply
    refused = imported(boss, on_error="abort", again="on")
    assert "Nothing was stored. Correct the rows named below" in page(boss, f"{RUNS}{refused.pk}/change/")


def test_imports_are_read_only(boss: Client) -> None:
    run = imported(boss)
    assert boss.post(f"{RUNS}{run.pk}/change/", {"state": "running"}).status_code == 403
    run.refresh_from_db()
    assert run.state == "done"


def test_expired_rows_with_errors(boss: Client) -> None:
    run = imported(boss)
    age(7.1)
    call_command("prune", verbosity=0)
    assert "Download the rows with errors" not in page(boss, f"{RUNS}{run.pk}/change/")
    html = boss.get(f"{RUNS}{run.pk}/rejects/", follow=True).content.decode()
    assert "were removed: they are stored for seven days" in html


def test_expired_files_are_deleted(boss: Client) -> None:
    imported(boss)
    waiting = upload(boss, FILE.replace("Ada", "Eve"))
    for days, deleted, left in ((0.99, 0, 2), (1.01, 2, 1), (6.99, 0, 1), (7.01, 1, 0)):
        age(days)
        assert (delete_files(timezone.now()), len(stored_files())) == (deleted, left)
    assert "The file was removed" in boss.get(waiting, follow=True).content.decode()


def test_at_most_five_uploads(boss: Client) -> None:
    reviews = [upload(boss, FILE.replace("Ada", f"Ada{number}")) for number in range(7)]
    assert sum(boss.get(review).status_code == 200 for review in reviews) == 5
    assert boss.get(reviews[-1]).status_code == 200


def test_the_number_of_queries_is_constant(boss: Client) -> None:
    boss.get(RUNS)  # stores that the session is used, once a minute
    costs = []
    for count in (1, 30):
        for _ in range(count):
            run_of("running", user=User.objects.get(username="boss"))
        with CaptureQueriesContext(connection) as queries:
            boss.get(RUNS)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def _browser() -> Client:
    """Return the client of a superuser whose name is not in the earlier database."""
    browser = Client()
    browser.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return browser


def test_the_page_of_a_legacy_migration_shows_its_fixes(loose: Earlier) -> None:
    loose.add("leads", lead(id=20, phone="5" * 65))
    import_legacy(loose.url, "--fix")
    page = _browser().get(f"{RUNS}{ImportRun.objects.get().pk}/change/").content.decode()
    row = page.partition(">leads 20<")[2].partition("</tr>")[0]
    assert [text in row for text in (">phone<", f"{'5' * 65} → {'5' * 64}<")] == [True, True]


def test_the_page_of_a_legacy_migration_shows_its_problems(loose: Earlier) -> None:
    loose.add("leads", lead(id=20, email="at home"))
    import_legacy(loose.url, code=1)
    page = _browser().get(f"{RUNS}{ImportRun.objects.get().pk}/change/").content.decode()
    row = page.partition(">leads 20<")[2].partition("</tr>")[0]
    assert [text in row for text in (">email<", ">at home<")] == [True, True]
