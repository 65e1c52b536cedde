"""``manage.py import_activities``: whose activity a row is, what is stored and counted, the account of every row."""

from datetime import date
from functools import partial
from pathlib import Path

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities.models import Activity
from leads.models import ImportRun, Installation, Lead
from tests.activities.command import assert_counted, errors_of, import_activities, write_activities
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import activity_row, bearer, make_lead, make_user
from tests.importing.command import counts, rows_of, run_import
from users.models import User

pytestmark = pytest.mark.django_db

SHORT = "lead_id,user,activity_type,title,activity_date"


def test_it_works(tmp_path: Path, api: Api, agent: User) -> None:
    ann, bo = make_lead(email="Ann@Example.com"), make_lead(email="bo@example.com")
    path = write_activities(
        tmp_path,
        f'{ann.pk},,{agent.username.upper()},Call,Intro call,"two\nlines",12,2024-10-03,2024-10-04T10:00:00Z',
        f",ann@example.COM,{agent.username},email,Sent listings,,,10/05/2024,",
        f"{bo.pk},bo@example.com,{agent.username},note,'=odd,,0,2031-01-01,",
    )
    report = import_activities(path)
    assert (report["state"], counts(report)) == ("done", (3, 3, 0, 0, 0))
    sent, intro = api.get(f"/api/leads/{ann.pk}/activities").json()
    assert (sent["title"], sent["notes"], sent["duration"], sent["activity_date"]) == (
        "Sent listings",
        None,
        None,
        "2024-10-05",
    )
    assert {**intro, "id": 0} == {
        "id": 0,
        "lead_id": ann.pk,
        "user_id": agent.pk,
        "activity_type": "call",
        "title": "Intro call",
        "notes": "two\nlines",
        "duration": 12,
        "activity_date": "2024-10-03",
        "created_at": "2024-10-04T10:00:00.000000",
        "user_name": "Agent One",
    }
    assert Activity.objects.get(lead=bo).title == "=odd"
    assert [api.get(f"/api/leads/{lead.pk}").json()["activity_count"] for lead in (ann, bo)] == [2, 1]
    assert Lead.objects.get(pk=ann.pk).version == ann.version
    run = ImportRun.objects.get(pk=report["run"])
    assert (run.kind, run.created, run.file_name) == ("activities", 3, "activities.csv")


def test_a_row_without_an_author_has_the_one_named_for_all(tmp_path: Path, agent: User) -> None:
    lead, other = make_lead(), make_user(username="Maria", first_name="Maria", last_name="Santos")
    path = write_activities(
        tmp_path, f"{lead.pk},maria,call,a,2024-01-01", f"{lead.pk},,call,b,2024-01-02", header=SHORT
    )
    assert errors_of(import_activities(path, code=1)) == [(3, "user", "Field required (--user names one for all)")]
    import_activities(path, "--user", agent.username.title())
    assert list(Activity.objects.order_by("title").values_list("user_name", flat=True)) == ["Maria Santos", "Agent One"]
    assert other.activities.count() == 1


def test_an_unknown_author_for_all_is_a_wrong_argument(tmp_path: Path) -> None:
    path = write_activities(tmp_path, f"{make_lead().pk},,call,a,2024-01-01", header=SHORT)
    assert run_import("import_activities", path, "--user", "nobody", code=2) == {}
    assert not ImportRun.objects.exists()


def test_every_problem_of_every_row_is_told_in_order(tmp_path: Path, agent: User) -> None:
    gone, twin = make_lead(is_active=False, email="gone@example.com"), make_lead(email="twin@example.com")
    make_lead(email="Twin@example.com")
    good = f"{twin.pk},,{agent.username},call,Fine,,,2024-01-01,"
    path = write_activities(
        tmp_path,
        good,
        f"{gone.pk},,nobody,,Title,,soon,2024-13-01,never",
        ",twin@example.com,,call,Title,,,2024-01-01,",
        f",gone@example.com,{agent.username},call,,,-1,2024-01-01,",
        f",,{agent.username},call,Title,,,,",
        f"seven,,{agent.username},call,Title,,,2024-01-01,",
        f"{twin.pk},other@example.com,{agent.username},call,Title,,,2024-01-01,",
        f"{2**62},,{agent.username},call,Title,,,2024-01-01,",
        "1,2,3,4,5,6,7,8,9,10",
    )
    report = import_activities(path, code=1)
    assert counts(report) == (9, 0, 0, 0, 9)
    places = [(line, column) for line, column, _ in errors_of(report)]
    assert places == [
        (3, "activity_date"),
        (3, "created_at"),
        (3, "activity_type"),
        (3, "duration"),
        (3, "user"),
        (3, "lead_id"),
        (4, "user"),
        (4, "lead_email"),
        (5, "title"),
        (5, "duration"),
        (5, "lead_email"),
        (6, "activity_date"),
        (6, "lead_id"),
        (7, "lead_id"),
        (8, "lead_email"),
        (9, "lead_id"),
        (10, ""),
    ]
    assert "2 leads have this email address" in errors_of(report)[7][2]
    assert not Activity.objects.exists()
    assert_counted()


def test_good_rows_go_in_and_bad_ones_come_back_to_be_mended(tmp_path: Path, agent: User) -> None:
    lead, rejects = make_lead(), tmp_path / "rejects.csv"
    rows = [f"{lead.pk},{agent.username},call,{title},2024-01-01" for title in ("one", "", "three")]
    report = import_activities(
        write_activities(tmp_path, *rows, header=SHORT), "--on-error", "skip", "--rejects", rejects, code=3
    )
    assert counts(report) == (3, 2, 0, 0, 1)
    (row,) = rows_of(rejects)
    assert (row["import_line"], row["title"], "title" in row["import_problems"]) == ("3", "", True)
    rejects.write_text(rejects.read_text().replace("call,,", "call,two,"))
    assert counts(import_activities(rejects)) == (1, 1, 0, 0, 0)
    assert sorted(Activity.objects.values_list("title", flat=True)) == ["one", "three", "two"]
    assert_counted()


def test_a_dry_run_reports_the_same_and_stores_nothing(tmp_path: Path, agent: User) -> None:
    path = write_activities(tmp_path, f"{make_lead().pk},{agent.username},call,a,2024-01-01", header=SHORT)
    dry = import_activities(path, "--dry-run")
    assert (dry["state"], counts(dry)) == ("dry", (1, 1, 0, 0, 0))
    assert not Activity.objects.exists()
    assert_counted()
    assert counts(import_activities(path)) == counts(dry)
    assert "imported already" in import_activities(path, code=1)["message"]
    assert import_activities(path, "--again")["created"] == 1
    assert_counted()


def test_a_file_of_leads_that_was_imported_is_another_matter(tmp_path: Path, agent: User) -> None:
    lead = make_lead(email="ann@example.com")
    path = write_activities(tmp_path, "ann@example.com,call,a,2024-01-01", header="Email,Type,Title,Date")
    run_import("import_leads", path, "--ignore-unknown", "--on-duplicate", "update")
    assert import_activities(path, "--user", agent.username)["created"] == 1
    lead.refresh_from_db()
    assert lead.activity_count == 1


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("title,activity_type", "no column says whose"),
        ("lead_id,titel", "'titel' (like 'Title'"),
        ("lead_id,title,Shoe size", "unknown column 'Shoe size'"),
    ],
)
def test_columns_that_cannot_be_understood(tmp_path: Path, header: str, reason: str) -> None:
    path = write_activities(tmp_path, "1,2,3"[: 2 * header.count(",") + 1], header=header)
    assert reason in import_activities(path, code=1)["message"]


def test_columns_are_mapped_and_set_as_for_leads(tmp_path: Path, agent: User) -> None:
    lead = make_lead(email="ann@example.com")
    path = write_activities(
        tmp_path,
        "ann@example.com,Viewing,2024-10-03T15:00:00Z,7",
        header="Contact Email,Subject,Completed At,Shoe size",
    )
    settings = ["--set", "activity_type=Meeting", "--map", "Shoe size=duration", "--user", agent.username]
    import_activities(path, *settings)
    activity = Activity.objects.get(lead=lead)
    assert (activity.activity_type, activity.title, activity.duration) == ("meeting", "Viewing", 7)
    assert activity.activity_date == date(2024, 10, 3)


def test_leads_are_looked_up_for_many_rows_at_a_time(tmp_path: Path, agent: User) -> None:
    leads = [make_lead(email=f"{n}@example.com") for n in range(40)]
    Installation.current_name()  # is made once

    def queries(*rows: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            import_activities(write_activities(tmp_path, *rows, header=SHORT.replace("lead_id", "lead_id,lead_email")))
        return len([query for query in captured if "executemany" not in query["sql"]])

    one = queries(
        f"{leads[0].pk},,{agent.username},call,a,2024-01-01", f",0@example.com,{agent.username},call,a,2024-01-01"
    )
    many = queries(
        *(f"{lead.pk},,{agent.username},call,b,2024-01-01" for lead in leads),
        *(f",{lead.email},{agent.username},call,c,2024-01-01" for lead in leads),
    )
    assert many == one
    assert_counted()


def test_several_batches(tmp_path: Path, agent: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.importing.run.BATCH", 3)
    leads = [make_lead() for _ in range(4)]
    rows = [f"{leads[n % 4].pk},{agent.username},call,number {n},2024-01-01" for n in range(11)]
    assert counts(import_activities(write_activities(tmp_path, *rows, header=SHORT))) == (11, 11, 0, 0, 0)
    assert [Lead.objects.get(pk=lead.pk).activity_count for lead in leads] == [3, 3, 3, 2]
    bad = [*rows[:4], "0,x,call,bad,2024-01-01", *rows[4:]]
    report = import_activities(write_activities(tmp_path, *bad, header=SHORT), "--on-error", "skip", code=3)
    assert counts(report) == (12, 11, 0, 0, 1)
    assert_counted()


@pytest.mark.parametrize("row", ["\0", "a\udcff"])
def test_names_no_database_can_hold_are_told(tmp_path: Path, row: str) -> None:
    path = tmp_path / "activities.jsonl"
    value = row.encode("utf-8", "surrogatepass").decode("latin-1") if row != "\0" else row
    path.write_bytes(orjson.dumps({"lead_email": value, "user": "\0", "title": "a"}))
    report = import_activities(path, code=1)
    assert {column for _, column, _ in errors_of(report)} >= {"user", "lead_email"}


@pytest.mark.django_db(transaction=True)
def test_agents_who_log_meanwhile_are_counted_too(concurrent_db: None, tmp_path: Path) -> None:
    leads = [make_lead(email=f"{n}@example.com") for n in range(3)]
    user = make_user()
    rows = [f"{leads[n % 3].pk},{user.username},call,imported {n},2024-01-01" for n in range(60)]
    files = [write_activities(tmp_path, *rows[n:], header=SHORT, name=f"{n}.csv") for n in (0, 30)]

    def log(lead: Lead) -> list[int]:
        api = Api(bearer(user))
        return [api.post(f"/api/leads/{lead.pk}/activities", activity_row()).status_code for _ in range(6)]

    jobs = [partial(import_activities, file) for file in files] + [partial(log, lead) for lead in leads]
    *reports, first, second, third = together(*jobs)
    assert [report["created"] for report in reports] == [60, 30]
    assert first + second + third == [201] * 18
    assert Activity.objects.count() == 60 + 30 + 18
    assert_counted()
