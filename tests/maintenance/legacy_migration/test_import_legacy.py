"""``manage.py import_legacy``: what it stores, which sources it reads, and what it rejects."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import CommandError, call_command

from activities import validators as activity_rules
from activities.models import Activity
from leads import validators as lead_rules
from leads.models import ImportRun, Lead
from tests.conftest import Api, Case
from tests.factories import activity_row, bearer, make_lead, make_user
from tests.maintenance.legacy_migration.earlier import HASH, PASSWORD, Earlier, activity, import_legacy, lead, run, user
from users import validators as user_rules
from users.audit import Channel
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(empty: Earlier) -> Earlier:
    """Return two users, three leads (one closed, one deleted), two activities."""
    empty.make()
    empty.add("users", user(), user(id=5, username="María", email="maria@example.com"))
    empty.add(
        "leads",
        lead(activity_count=1),
        lead(id=8, status=" Closed ", email="", source=""),
        lead(id=40, is_active=False, status="lost", activity_count=1),
    )
    return empty.add("activities", activity(activity_type="Call"), activity(id=90, lead_id=40, user_id=5, notes="né"))


def stored() -> tuple[int, int, int]:
    """Return the number of users, leads and activities."""
    return User.objects.count(), Lead.objects.count(), Activity.objects.count()


def test_it_works(office: Earlier, anonymous: Api) -> None:
    report = import_legacy(office.url)
    assert (report["state"], report["read"], report["created"], report["problems"]) == ("done", 7, 7, [])
    login = anonymous.post("/api/users/login", {"username": "agent1", "password": PASSWORD}).json()
    api = Api({"Authorization": f"Bearer {login['access_token']}"})
    assert api.get("/api/users/me").json() == {
        "id": 1,
        "username": "agent1",
        "email": "a1@example.com",
        "first_name": "Agent",
        "last_name": "One",
        "created_at": "2025-10-07T18:10:00.123456",
    }
    assert api.get("/api/leads/7").json() == {
        **lead(activity_count=1, created_at="2025-10-07T18:11:00.000001", updated_at="2025-10-09T08:00:00.000000")
    }
    (logged,) = api.get("/api/leads/7/activities").json()
    assert logged == activity(created_at="2025-10-07T18:15:00.000000")
    assert [row["id"] for row in api.get("/api/leads", q="5550100").json()] == [8, 7]
    assert api.get("/api/leads/40").status_code == 404
    board = api.get("/api/dashboard").json()
    assert (board["total_leads"], board["total_activities"]) == (2, 1)
    assert board["leads_by_status"] == [{"status": "new", "count": 1}, {"status": "closed", "count": 1}]


def test_computed_columns(office: Earlier) -> None:
    import_legacy(office.url)
    closed, deleted = Lead.objects.get(pk=8), Lead.objects.get(pk=40)
    assert (closed.status, closed.version, closed.source, closed.person_key != "") == ("closed", 1, "", True)
    assert closed.closed_at == closed.updated_at == datetime(2025, 10, 9, 8, tzinfo=UTC)
    assert (deleted.is_active, deleted.closed_at, deleted.activity_count) == (False, None, 1)
    assert User.objects.get_by_natural_key("MARÍA").email_key == "maria@example.com"


def test_new_ids_follow_the_migrated_ones(office: Earlier) -> None:
    import_legacy(office.url)
    new, agent = make_lead(), make_user()
    assert new.pk > 40  # by how much depends on what other tests have done with the sequences
    assert agent.pk > 5
    assert Activity.objects.log(new.pk, agent, [activity_row(activity_date="2026-01-01")], Channel.API)
    assert Activity.objects.order_by("pk").last().pk > 90


def test_the_history_names_the_import_run(office: Earlier) -> None:
    import_legacy(office.url)
    entries = Api(bearer(User.objects.get(pk=1))).get("/api/leads/7/history").json()
    assert [(entry["kind"], entry["channel"]) for entry in entries] == [("activity", "import"), ("imported", "import")]
    assert {entry["import_run"] for entry in entries} == {ImportRun.objects.get().pk}


def test_reconciliation(office: Earlier) -> None:
    report = import_legacy(office.url)
    assert {(line["what"], line["source"], line["here"], line["verdict"]) for line in report["reconciliation"]} == {
        ("users", 2, 2, "OK"),
        ("leads", 3, 3, "OK"),
        ("activities", 2, 2, "OK"),
        ("leads in status new", 1, 1, "OK"),
        ("leads in status closed", 1, 1, "OK"),
        ("leads in status lost", 1, 1, "OK"),
        ("sum of activity_count", 2, 2, "OK"),
    }
    assert report["tidied"] == {"leads.status": 1, "activities.activity_type": 1}


def test_a_dry_run_reports_the_same_and_stores_nothing(office: Earlier) -> None:
    dry = import_legacy(office.url, "--dry-run")
    assert (dry["state"], stored()) == ("dry", (0, 0, 0))
    done = import_legacy(office.url)
    assert dry["reconciliation"] == done["reconciliation"]
    assert (dry["created"], stored()) == (done["created"], (2, 3, 2))
    assert list(ImportRun.objects.order_by("pk").values_list("kind", "state")) == [
        ("legacy", "dry"),
        ("legacy", "done"),
    ]


def test_the_text_report(office: Earlier) -> None:
    code, text = run(office.url)
    assert code == 0
    assert "Taken over" in text
    assert [line.split() for line in text.splitlines() if line.startswith("  activities ")] == [
        ["activities", "2", "2", "OK"]
    ]


def test_a_second_migration_is_rejected(office: Earlier) -> None:
    import_legacy(office.url)
    before = stored()
    assert "users and leads and activities here already" in import_legacy(office.url, code=1)["message"]
    assert stored() == before


def test_existing_rows_stay_unchanged(office: Earlier) -> None:
    mine = make_user(username="mine")
    assert "users here already" in import_legacy(office.url, "--fix", code=1)["message"]
    assert list(User.objects.all()) == [mine]


def test_other_names_of_tables_and_columns(empty: Earlier) -> None:
    empty.make(users="user", leads="lead", activities="activity")
    empty.execute(
        'ALTER TABLE "user" RENAME COLUMN hashed_password TO password_hash',
        'ALTER TABLE "user" ADD COLUMN is_active boolean',
        "ALTER TABLE lead ADD COLUMN shoe_size integer",
    )
    row = user(is_active=False)
    row["password_hash"] = row.pop("hashed_password")
    empty.add("user", row).add("lead", lead(activity_count=1)).add("activity", activity())
    report = import_legacy(empty.url)
    assert (report["created"], report["ignored_columns"]) == (3, ["lead.shoe_size"])
    assert not User.objects.get().is_active


def test_missing_tables_and_columns_are_named(office: Earlier, case: Case) -> None:
    for statement, named in [
        ("DROP TABLE activities", "activities or activity"),
        ("ALTER TABLE leads DROP COLUMN budget_max", "leads has no column budget_max"),
        ("ALTER TABLE users DROP COLUMN hashed_password", "users has no column password_hash or hashed_password"),
    ]:
        with case(statement, named):
            office.execute(statement)
            assert named in import_legacy(office.url, "--fix", code=1)["message"]
            assert stored() == (0, 0, 0)


def test_two_candidate_tables(office: Earlier) -> None:
    office.execute("CREATE TABLE lead AS SELECT * FROM leads")
    message = import_legacy(office.url, code=1)["message"]
    assert "lead and leads" in message or "leads and lead" in message


def test_an_empty_source(empty: Earlier) -> None:
    report = import_legacy(empty.make().url)
    assert (report["state"], report["created"]) == ("done", 0)
    assert (make_user().pk, make_lead().pk) == (make_user().pk - 1, make_lead().pk - 1)


@pytest.mark.parametrize("scheme", ["sqlite:///", "sqlite+aiosqlite:///", ""])
def test_forms_of_the_url(office: Earlier, scheme: str) -> None:
    if not office.url.startswith("sqlite"):
        office.url = office.url.replace("postgresql://", "postgresql+asyncpg://")
        assert import_legacy(office.url)["created"] == 7
        return
    assert import_legacy(scheme + office.url.removeprefix("sqlite:///"))["created"] == 7


@pytest.mark.parametrize("url", ["nowhere.db", "mysql://localhost/crm", "sqlite:///:memory:", "postgresql://"])
def test_an_invalid_url_is_a_wrong_argument(url: str) -> None:
    assert run(url) == (2, "")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(CommandError, match="there is no file 'some/path") as refusal:
        call_command("import_legacy", "some/path.db")
    assert refusal.value.returncode == 2


def test_a_missing_or_foreign_file_is_rejected(tmp_path: Path) -> None:
    assert "no file" in import_legacy(f"sqlite:///{tmp_path}/nowhere.db", code=1)["message"]
    assert not (tmp_path / "nowhere.db").exists()
    (tmp_path / "notes.txt").write_text("not a database, but long enough to look at" * 10)
    assert "cannot be read" in import_legacy(str(tmp_path / "notes.txt"), code=1)["message"]


def test_an_unreachable_server_is_named_without_the_password() -> None:
    message = import_legacy("postgresql://someone:open-sesame@127.0.0.1:1/crm", code=1)["message"]
    assert "crm on 127.0.0.1 cannot be read" in message
    assert "open-sesame" not in message


def test_the_source_stays_unchanged(loose: Earlier) -> None:
    file = Path(loose.url.removeprefix("sqlite:///"))
    before = file.read_bytes()
    import_legacy(loose.url)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_an_interrupted_write_is_reported(loose: Earlier) -> None:
    """The earlier server was killed during a transaction: its journal has the pages to restore."""
    file = loose.url.removeprefix("sqlite:///")
    code = "PRAGMA cache_size=1; BEGIN; UPDATE leads SET property_interest = 'half done';"
    code += "WITH RECURSIVE n(i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
    code += " INSERT INTO leads SELECT i, 'a', 'b', '', '1', 'new', '', 1, 2, hex(zeroblob(200)), 1, '', '', 0 FROM n;"
    program = (
        "import os, sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, file, code], check=False)
    assert Path(f"{file}-journal").exists()
    assert "a write was interrupted" in import_legacy(loose.url, code=1)["message"]
    loose.execute("UPDATE leads SET activity_count = 1")
    assert import_legacy(loose.url)["created"] == 3


def test_no_password_hash_is_shown(office: Earlier) -> None:
    office.execute("UPDATE users SET hashed_password = 'my-secret-in-plain-text' WHERE id = 5")
    reports = [run(office.url, *options)[1] for options in ([], ["--report", "json"], ["--fix"])]
    reports += [str(list(ImportRun.objects.values_list("problems", "message")))]
    assert "users 5, hashed_password" in reports[0]
    for report in reports:
        assert HASH not in report
        assert "my-secret" not in report


@pytest.mark.parametrize("module", [user_rules, lead_rules, activity_rules])
def test_todays_rules_do_not_change_the_migration(
    loose: Earlier, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    limits = [name for name, value in vars(module).items() if name.isupper() and isinstance(value, int)]
    assert len(limits) > 1
    for name in limits:
        monkeypatch.setattr(module, name, 0)
    assert import_legacy(loose.url)["created"] == 3
