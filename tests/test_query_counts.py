"""The number of statements of each request, with few and many rows, without transaction statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities.models import Activity
from leads.models import Lead
from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, lead_row, make_activity, make_lead, make_leads
from users.models import User

pytestmark = pytest.mark.django_db

MANY = 100
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield a list that contains the statements of the block at its end."""
    run: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield run
    run += [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(TRANSACTION)]


def cost(api: Api, method: str, path: str, body: Any = None, expected: int = 200) -> int:
    with statements() as run:
        reply = api.send(method, path, body)
    assert reply.status_code == expected, reply.content[:500]
    return len(run)


def add_leads(count: int) -> None:
    Lead.objects.all().delete()
    make_leads([_stored(lead_row()) for _ in range(count)])


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    return {"status": "new", "source": "x", "budget_min": 1, "budget_max": 2, "property_interest": None, **row}


@pytest.mark.parametrize(
    "query",
    ["size=10", "size=100&page=1", "size=10&q=ada+555&status=new&source=X&min_budget=1&max_budget=2", "page=9&size=10"],
)
def test_list(api: Api, query: str) -> None:
    # 1. the token's user  2. the page of leads. With a budget: on SQLite, whether few leads have it, before the page;
    # on PostgreSQL, if it is not found among the newest leads, that question and the page once more
    expected = [2, 2]
    if "budget" in query:
        expected = [3, 3] if connection.vendor == "sqlite" else [4, 2]
    costs = []
    for rows in (1, MANY):
        add_leads(rows)
        costs.append(cost(api, "GET", f"/api/leads?{query}"))
    assert costs == expected


INCLUDE = "include=version,owner,created_by,tags,last_activity,next_follow_up,consent,closed_at"


def test_list_for_grids(api: Api, case: Case) -> None:
    for query, postgresql, sqlite in [
        # 1. the token's user  2. the page, whatever it includes
        ("sort=name&after=", 2, 2),
        (f"sort=-updated_at&deleted=include&{INCLUDE}", 2, 2),
        ("status=new&status=lost&open=true&inactive_days=3&contactable=call&due=none&id=1,2,3", 2, 2),
        # and up to when everything was seen
        ("updated_since=&after=", 3, 3),
        # and the user's names as an author
        ("created_by=me", 3, 3),
        # and how many there are to sort
        ("sort=-budget", 3, 3),
        # and the count that triggers store; SQLite counts
        ("count=exact&status=new", 3, 3),
        # and the count, between two statements that limit its time
        ("count=exact&open=true", 5, 3),
        ("count=estimated&source=x", 5, 3),
    ]:
        with case(query, postgresql, sqlite):
            costs = []
            for rows in (1, MANY):
                add_leads(rows)
                costs.append(cost(api, "GET", f"/api/leads?{query}"))
            assert costs == [postgresql if connection.vendor == "postgresql" else sqlite] * 2


@pytest.mark.parametrize("rows", [1, 1000])
def test_bulk_create(api: Api, rows: int) -> None:
    # 1. the token's user  2. who that is as an author  3. the ids  4. all rows
    api.post("/api/leads", lead_row())
    body = [lead_row() for _ in range(rows)]
    assert cost(api, "POST", "/api/leads", body, 201) == 4 + rest(rows)


def rest(rows: int) -> int:
    """Return the additional statements for rows that do not fill a statement of many rows."""
    return 1 if connection.vendor == "sqlite" and rows > 1 else 0


@pytest.mark.parametrize("rows", [1, 1000])
def test_an_idempotency_key(api: Api, rows: int) -> None:
    api.post("/api/leads", lead_row())
    body = [lead_row() for _ in range(rows)]
    without = cost(api, "POST", "/api/leads", body, 201)
    api.client.defaults["HTTP_IDEMPOTENCY_KEY"] = "key"
    # On top: 1. the lock (PostgreSQL)  2. the stored response, if any  3. storing the response
    lock = connection.vendor == "postgresql"
    assert cost(api, "POST", "/api/leads", body, 201) == without + lock + 2
    # 1. the token's user  2. the lock  3. the stored response
    assert cost(api, "POST", "/api/leads", body, 201) == 2 + lock


def test_create(api: Api) -> None:
    # 1. the token's user  2. the row; where none is stored, because this user has created none by this name, five more
    assert [cost(api, "POST", "/api/leads", lead_row(), 201) for _ in range(3)] == [7, 2, 2]


@pytest.mark.parametrize(
    ("method", "body", "expected", "count"),
    [
        # 1. the token's user  2. the lead
        ("GET", None, 200, 2),
        # 1. the token's user  2. the lead, locked  3. its new values, and its history's entry
        ("PUT", {"first_name": "Ada", "status": "closed", "budget_min": 1}, 200, 3),
        ("PATCH", {"phone": "1"}, 200, 3),
        ("DELETE", None, 204, 3),
    ],
)
def test_one_lead(api: Api, method: str, body: Any, expected: int, count: int) -> None:
    costs = []
    for rows in (1, MANY):
        add_leads(rows)
        costs.append(cost(api, method, f"/api/leads/{Lead.objects.earliest('id').pk}", body, expected))
    count += 0 if method == "GET" else apart()
    assert costs == [count, count]


def apart() -> int:
    """Return the additional statements of a database that cannot write a lead and its audit log entry in one."""
    return 0 if connection.vendor == "postgresql" else 1


def test_list_activities(api: Api) -> None:
    lead = make_lead()
    path = f"/api/leads/{lead.pk}/activities"
    # 1. the token's user  2. the lead with its activities, if any
    assert cost(api, "GET", path) == 2
    for rows in (1, MANY):
        api.post(path, [activity_row() for _ in range(rows)])
        assert cost(api, "GET", path) == 2


# 1. the token's user  2. the lead's count  3. the row; on PostgreSQL the second and third are one
SINGLE = 2 if connection.vendor == "postgresql" else 3


@pytest.mark.parametrize("rows", [1, 1000])
def test_bulk_create_activities(api: Api, rows: int) -> None:
    path = f"/api/leads/{make_lead().pk}/activities"
    body = [activity_row() for _ in range(rows)]
    # 1. the token's user  2. the lead's count  3. the ids  4. all rows; a list of one is stored like a single one
    assert cost(api, "POST", path, body, 201) == (SINGLE if rows == 1 else 4) + rest(rows)


def test_create_activity(api: Api) -> None:
    path = f"/api/leads/{make_lead().pk}/activities"
    assert cost(api, "POST", path, activity_row(), 201) == SINGLE
    api.post(path, [activity_row() for _ in range(MANY)])
    assert cost(api, "POST", path, activity_row(), 201) == SINGLE


def test_history(api: Api) -> None:
    # 1. the token's user  2. whether there is such a lead  3. the page of its history
    costs = []
    for rows in (1, MANY):
        add_leads(1)
        path = f"/api/leads/{Lead.objects.get().pk}"
        assert api.post(f"{path}/activities", [activity_row() for _ in range(rows)]).status_code == 201
        assert [api.put(path, {"phone": str(n)}).status_code for n in range(rows)] == [200] * rows
        costs.append(cost(api, "GET", f"{path}/history?size=1000"))
        connection.cursor().execute("DELETE FROM activities_activity")
    assert costs == [3, 3]


def test_dashboard(api: Api) -> None:
    # 1. the token's user  2. all figures by status  3. the last ten activities
    costs = []
    for rows in (1, MANY):
        add_leads(rows)
        path = f"/api/leads/{Lead.objects.earliest('id').pk}/activities"
        assert api.post(path, [activity_row() for _ in range(rows)]).status_code == 201
        costs.append(cost(api, "GET", "/api/dashboard"))
        connection.cursor().execute("DELETE FROM activities_activity")
    assert costs == [3, 3]


def test_refused_bodies_reach_no_table(api: Api) -> None:
    # 1. the token's user
    assert cost(api, "POST", "/api/leads", [{"email": 1}] * MANY, 422) == 1
    assert cost(api, "PUT", "/api/leads/1", {"email": 1}, 422) == 1


def test_users(api: Api, anonymous: Api, agent: User) -> None:
    # 1. the token's user  2. when the account was made, which no other call asks for
    assert cost(api, "GET", "/api/users/me") == 2
    # 1. what failed from that address lately  2. the user of that name
    credentials = {"username": agent.username, "password": PASSWORD}
    assert cost(anonymous, "POST", "/api/users/login", credentials) == 2
    new = {"username": "new", "email": "new@example.com", "password": PASSWORD, "first_name": "", "last_name": ""}
    # 1. how many that address has made  2. the row; the constraints speak for themselves  3. one made more
    # 4. the entry of the audit log
    assert cost(anonymous, "POST", "/api/users/register", new, 201) == 5
    # 1. how many that address has made  2. whether the name is free  3. one refused, which counts too
    assert cost(anonymous, "POST", "/api/users/register", new, 409) == 3


@pytest.mark.parametrize(
    ("path", "count"),
    [
        # 1. the token's user  2. the activities
        ("/api/activities?size=100", 2),
        ("/api/activities?after=&size=5&type=call&user=me", 2),
        # 1. the token's user  2. the lead  3. by email address  4. by phone number and name  5. the leads
        ("/api/leads/{lead}/duplicates", 5),
        # 1. the token's user  2. statuses  3. sources  4. types of activities  5. those of deleted leads  6. tags
        ("/api/leads/vocabulary", 6),
    ],
)
def test_reads_around_the_list(api: Api, agent: User, path: str, count: int) -> None:
    costs = []
    for rows in (2, 30):
        add_leads(rows)
        for lead in Lead.objects.all():
            make_activity(lead, agent)
        Lead.objects.update(email="same@b.co", email_key="same@b.co")
        costs.append(cost(api, "GET", path.format(lead=Lead.objects.earliest("id").pk)))
        Activity.objects.all().delete()
    assert costs == [count, count]


def test_writes_of_many_leads(api: Api) -> None:
    costs = []
    for rows in (2, 30):
        add_leads(rows)
        ids = list(Lead.objects.values_list("pk", flat=True))
        changed = cost(api, "PATCH", "/api/leads", [{"id": number, "phone": "1"} for number in ids])
        costs.append((changed, cost(api, "POST", "/api/leads/delete", {"ids": ids}, 204)))
    assert costs[0] == costs[1]
