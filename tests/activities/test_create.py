"""POST /api/leads/{lead_id}/activities with one object."""

import re
from typing import Any

import pytest
from django.db.models import ProtectedError
from django.utils import timezone

from activities.models import Activity
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import activity_row, bearer, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

MINIMAL = {"activity_type": "call", "title": "Intro call", "activity_date": "2026-10-03"}


@pytest.fixture
def path(db: None) -> str:
    return f"/api/leads/{make_lead().pk}/activities"


def create(api: Api, path: str, **fields: Any) -> dict[str, Any]:
    reply = api.post(path, {**MINIMAL, **fields})
    assert reply.status_code == 201, reply.content
    return reply.json()


def problems(api: Api, path: str, **fields: Any) -> list[tuple[str, list[Any]]]:
    found = refused(api.post(path, {**MINIMAL, **fields}))
    assert not Activity.objects.exists()
    assert Lead.objects.get().activity_count == 0
    return found


def test_it_works(api: Api, agent: User, path: str) -> None:
    before = timezone.now()
    body = {
        "activity_type": "email",
        "title": "Sent listings",
        "notes": "3 condos near PATH",
        "duration": 10,
        "activity_date": "2025-10-03",
    }
    reply = api.post(path, body)
    assert reply.status_code == 201
    activity, lead = Activity.objects.get(), Lead.objects.get()
    out = reply.json()
    created_at = out.pop("created_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", created_at)
    assert out == {**body, "id": activity.pk, "lead_id": lead.pk, "user_id": agent.pk, "user_name": "Agent One"}
    assert activity.activity_date.isoformat() == "2025-10-03"
    assert before <= activity.created_at <= timezone.now()
    assert lead.activity_count == 1
    assert api.get(path).json() == [{**out, "created_at": created_at}]


def test_what_is_left_out_is_null(api: Api, path: str) -> None:
    out = create(api, path)
    assert (out["notes"], out["duration"]) == (None, None)
    out = create(api, path, notes=None, duration=None)
    assert (out["notes"], out["duration"]) == (None, None)
    assert create(api, path, notes="")["notes"] == ""


def test_every_activity_counts(api: Api, path: str) -> None:
    for _ in range(3):
        create(api, path)
    lead = api.get(path.removesuffix("/activities")).json()
    assert lead["activity_count"] == 3
    assert api.get("/api/leads").json() == [lead]


def test_text_is_trimmed_and_the_type_is_lower_case(api: Api, path: str) -> None:
    out = create(api, path, activity_type="  Site VISIT ", title=" Tour\n", notes="\n a\nb ")
    assert (out["activity_type"], out["title"], out["notes"]) == ("site visit", "Tour", "a\nb")


@pytest.mark.parametrize(("field", "longest"), [("activity_type", 32), ("title", 255), ("notes", 20_000)])
def test_the_longest_text_fits_and_one_more_does_not(api: Api, path: str, field: str, longest: int) -> None:
    assert problems(api, path, **{field: "ü" * (longest + 1)}) == [("string_too_long", ["body", field])]
    assert create(api, path, **{field: " " + "ü" * longest})[field] == "ü" * longest


@pytest.mark.parametrize("field", ["activity_type", "title"])
@pytest.mark.parametrize("blank", ["", " \n "])
def test_type_and_title_are_not_empty(api: Api, path: str, field: str, blank: str) -> None:
    assert problems(api, path, **{field: blank}) == [("string_too_short", ["body", field])]


@pytest.mark.parametrize("field", ["activity_type", "title", "activity_date"])
def test_required_fields(api: Api, path: str, field: str) -> None:
    row = {name: value for name, value in MINIMAL.items() if name != field}
    assert refused(api.post(path, row)) == [("missing", ["body", field])]


def test_bad_values(api: Api, path: str, case: Case) -> None:
    for field, value, type in [
        ("activity_type", None, "string_type"),
        ("activity_type", 1, "string_type"),
        ("title", None, "string_type"),
        ("title", ["x"], "string_type"),
        ("title", "a\0", "value_error"),
        ("notes", 5, "string_type"),
        ("notes", "a\0", "value_error"),
        ("duration", -1, "greater_than_equal"),
        ("duration", 2**31, "less_than_equal"),
        ("duration", 1.5, "int_from_float"),
        ("duration", "soon", "int_parsing"),
        ("duration", "", "int_parsing"),
        ("duration", True, "int_type"),
        ("activity_date", "", "date_from_datetime_parsing"),
        ("activity_date", "yesterday", "date_from_datetime_parsing"),
        ("activity_date", "2026-02-30", "date_from_datetime_parsing"),
        ("activity_date", "2026-13-01", "date_from_datetime_parsing"),
        ("activity_date", "0000-01-01", "date_from_datetime_parsing"),
        ("activity_date", "03/10/2026", "date_from_datetime_parsing"),
        ("activity_date", "20261003", "date_from_datetime_parsing"),
        ("activity_date", "2026-W40-6", "date_from_datetime_parsing"),
        ("activity_date", "2026-10-03T10:00:00", "date_from_datetime_inexact"),
        ("activity_date", None, "date_type"),
        ("activity_date", True, "date_type"),
        ("activity_date", [2026, 10, 3], "date_type"),
    ]:
        with case(field, value, type):
            assert problems(api, path, **{field: value}) == [(type, ["body", field])]


def test_lenient_minutes(api: Api, path: str, case: Case) -> None:
    for given, stored in [(0, 0), (2**31 - 1, 2**31 - 1), (45.0, 45), ("45", 45), (" 045 ", 45), (None, None)]:
        with case(given, stored):
            assert create(api, path, duration=given)["duration"] == stored
            assert Activity.objects.get().duration == stored


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2024-02-29", "9999-12-31"])
def test_any_day_of_the_calendar(api: Api, path: str, day: str) -> None:
    assert create(api, path, activity_date=day)["activity_date"] == day
    assert api.get(path).json()[0]["activity_date"] == day


@pytest.mark.parametrize("moment", ["2026-10-03T00:00:00.000Z", "2026-10-03T00:00:00", "2026-10-03T00:00:00+00:00"])
def test_a_date_picker_s_midnight_is_its_day(api: Api, path: str, moment: str) -> None:
    assert create(api, path, activity_date=moment)["activity_date"] == "2026-10-03"


def test_server_set_and_unknown_fields_are_ignored(api: Api, agent: User, path: str) -> None:
    other = make_user()
    sent = {
        "id": 9,
        "lead_id": 999_999,
        "user_id": other.pk,
        "user_name": "Somebody Else",
        "created_at": "2001-01-01",
        "x": [],
    }
    out = create(api, path, **sent)
    assert (out["user_id"], out["user_name"]) == (agent.pk, "Agent One")
    assert out["lead_id"] == Lead.objects.get().pk
    assert not out["created_at"].startswith("2001")
    assert set(out) == {*MINIMAL, "notes", "duration", "id", "lead_id", "user_id", "user_name", "created_at"}


@pytest.mark.parametrize(
    ("first_name", "last_name", "shown"),
    [("Ada", "Lovelace", "Ada Lovelace"), ("Ada", "", "Ada"), ("", "Lovelace", "Lovelace"), ("", "", "ada")],
)
def test_the_author_s_name(path: str, first_name: str, last_name: str, shown: str) -> None:
    author = make_user(username="ada", first_name=first_name, last_name=last_name)
    assert create(Api(bearer(author)), path)["user_name"] == shown


def test_the_longest_author_s_name_fits(path: str) -> None:
    author = make_user(first_name="x" * 150, last_name="y" * 150)
    assert len(create(Api(bearer(author)), path)["user_name"]) == 301


def test_an_author_cannot_be_deleted(api: Api, agent: User, path: str) -> None:
    create(api, path)
    with pytest.raises(ProtectedError):
        agent.delete()
    assert Activity.objects.get().user_id == agent.pk


def test_no_such_lead(api: Api, path: str) -> None:
    gone = make_lead(is_active=False).pk
    for number in (gone, 0, 999_999_999, 2**63, 10**30):
        assert api.post(f"/api/leads/{number}/activities", activity_row()).status_code == 404
    assert not Activity.objects.exists()
    assert Lead.objects.get(pk=gone).activity_count == 0
    assert refused(api.post("/api/leads/x/activities", activity_row())) == [("int_parsing", ["path", "lead_id"])]


def test_a_trailing_slash_changes_nothing(api: Api, path: str) -> None:
    assert api.post(f"{path}/", activity_row()).status_code == 201
    assert Lead.objects.get().activity_count == 1


def test_a_body_that_is_no_activity(api: Api, path: str, case: Case) -> None:
    for body in [b"", b"null", b"1", b'"x"', b"{"]:
        with case(body):
            assert [loc[0] for _, loc in refused(api.send("POST", path, body))] == ["body"]
            assert not Activity.objects.exists()


def test_of_an_empty_list_and_a_missing_lead_the_lead_is_told(api: Api) -> None:
    assert api.post("/api/leads/999/activities", []).status_code == 404
