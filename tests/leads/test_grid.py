"""GET /api/leads with what a data grid needs: filters, orders, cursors, totals, ``include``."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.http import HttpResponse, QueryDict
from django.utils import timezone

from crm_project.http import cursors
from leads import list_sql
from leads.attribution import Author
from leads.filters import LeadFilter, deleted_of, replace_me
from leads.list_sql import INDEXED, SORTED, Order
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Query = list[tuple[str, str]]


def get(api: Api, query: Query | dict[str, str] | str, **headers: str) -> HttpResponse:
    text = query if isinstance(query, str) else urlencode(query)
    return api.client.get(f"/api/leads?{text}", headers=headers)


def ids(reply: HttpResponse) -> list[int]:
    assert reply.status_code == 200, reply.content
    return [row["id"] for row in reply.json()]


def link(reply: HttpResponse, relation: str) -> str | None:
    """Return the target of a link."""
    for part in reply.headers.get("Link", "").split(", <"):
        target, _, rel = part.lstrip("<").partition(">; rel=")
        if rel == f'"{relation}"':
            return target
    return None


def pages(api: Api, query: str) -> Iterator[HttpResponse]:
    """Yield all pages of a walk, by their links."""
    target: str | None = f"/api/leads?{query}"
    while target:
        reply = api.client.get(target)
        assert reply.status_code == 200, reply.content
        yield reply
        target = link(reply, "next")


def walked(api: Api, query: str) -> list[int]:
    return [number for page in pages(api, query) for number in ids(page)]


@pytest.fixture
def office(agent: User) -> dict[str, Lead]:
    """Leads that differ in everything, with values that repeat."""
    authors = [Author.objects.create(user_id=agent.pk, name="Ada"), Author.objects.create(name="operator")]
    names = (("Grace", "Silva"), ("grace", "Álvarez"), ("Bo", ""), ("", ""), ("Zoë", "de Silva"))
    statuses = ("new", "contacted", "closed", "lost")
    leads = {}
    for place, ((first, last), status) in enumerate(product(names, statuses)):
        lead = make_lead(
            first_name=first,
            last_name=last,
            status=status,
            source=("Zillow", "walk-in", "")[place % 3],
            phone="" if place % 5 == 0 else f"+1 (555) 687-05{place:02}",
            email="" if place % 4 == 1 else f"lead{place}@example.com",
            budget_min=(None, 100, 200)[place % 3],
            budget_max=(None, 300, None)[place % 3],
        )
        for days in range(place % 3):
            make_activity(lead, agent, activity_date=(date(2026, 2, 1) + timedelta(days=place + days)).isoformat())
        moment = NOON + timedelta(hours=place // 2 * 7)
        Lead.objects.filter(pk=lead.pk).update(
            created_at=moment,
            updated_at=NOON + timedelta(hours=place % 7),
            is_active=place % 6 != 5,
            closed_at=moment + timedelta(days=1) if status == "closed" else None,
            created_by_id=(None, authors[0].pk, authors[1].pk)[place % 3],
            owner_id=(None, agent.pk)[place % 2],
            tag_keys=("", ",vip,", ",hot,vip,")[place % 3],
        )
        leads[f"{first} {last} {status}"] = lead
    return leads


DAYS = ("2026-03-01", "2026-03-02", "2026-03-03T05:00:00", "2026-03-03T05:00:00+02:00", "2026-03-02T21:00Z")
FILTERS: list[str] = [
    "",
    *("status=new", "status=new&status=LOST", "status=new&status=all", "status=new&status=", "status=a,b"),
    *("source=zillow", "source=ZILLOW&source=walk-in", "source=zillow&source=all", "source=all", "source=nowhere"),
    *("open=true", "open=false", "open=", "open=1&status=closed"),
    *(f"{name}={day}".replace("+", "%2B") for name in ("created_from", "created_to", "closed_from") for day in DAYS),
    *("closed_to=2026-03-04", "created_from=2026-03-02&created_to=2026-03-02", "created_to=9999-12-31"),
    *("created_from=2026-03-02&tz=America/Chicago", "created_to=2026-03-02&tz=Asia/Tokyo", "created_from=0001-01-01"),
    *("inactive_days=1", "inactive_days=400", "inactive_days=2147483647"),
    *("created_by=me", "created_by=none", "created_by=999999", "created_by="),
    *("owner=none", "owner=me", "owner=me&open=true", "owner=999999", "owner=me&owner=none&owner="),
    *("created_by=none&created_by=me", "due=today&due=overdue&due=none", "contactable=text&contactable=email"),
    *("tag=vip", "tag=", "tag=VIP&tag=hot", "tag=hot,vip", "due=none", "due=today", "due=week"),
    *("contactable=call", "contactable=text", "contactable=email", "contactable="),
    *("deleted=include", "deleted=only", "deleted=", "updated_since=", "updated_since=2026-01-01", "id=", "id=0"),
    *("updated_since=2999-01-01T00:00:00Z", "updated_since=&deleted=only"),
    *("q=(555) 687-0507", "q=%2B15556870507", "q=555.687.0507", "q=1-555-687-0507", "q=0507", "q=687 0507"),
    *("q=Silva, Grace", "q=silva", "q=de, silva", "q=grace,", "q=,", "q=50"),
    "status=new&source=zillow&open=true&created_by=me&contactable=call&created_from=2026-03-01&deleted=include",
]


def expected(agent: User, query: str) -> list[Lead]:
    """Return what the ORM finds."""
    wanted, errors = LeadFilter.validate(QueryDict(query))
    assert errors == []
    return list(LeadFilter.find(replace_me(wanted, agent.pk)))


def by_python(leads: list[Lead], order: Order) -> list[int]:
    """Their ids in an order, leads without a value last."""

    def key(lead: Lead) -> Any:
        match order.name:
            case "name":
                return lead.name_key or None
            case "budget":
                return lead.budget_max if lead.budget_max is not None else lead.budget_min
            case "last_activity":
                return max((one.activity_date for one in lead.activities.all()), default=None)
        return getattr(lead, order.name)

    with_value = sorted(
        (lead for lead in leads if key(lead) is not None),
        key=lambda lead: (key(lead), lead.pk),
        reverse=order.descending,
    )
    without = sorted((lead for lead in leads if key(lead) is None), key=lambda lead: lead.pk, reverse=order.descending)
    return [lead.pk for lead in with_value + without]


def test_each_filter_finds_what_its_queryset_does(api: Api, agent: User, office: dict[str, Lead], case: Case) -> None:
    for query in FILTERS:
        with case(query):
            found = expected(agent, query)
            reply = get(api, f"{query}&size=1000&count=exact")
            assert ids(reply) == by_python(found, Order())
            assert reply.headers["X-Total-Count"] == str(len(found))


def test_the_filters_tell_the_leads_apart(agent: User, office: dict[str, Lead]) -> None:
    """Without this, filters that find nothing would pass everything."""
    found = {query: frozenset(lead.pk for lead in expected(agent, query)) for query in FILTERS}
    assert len(set(found.values())) > 25
    used = {name for query in FILTERS for name in parse_qs(query)} | {"id", "min_budget", "max_budget"}
    assert sorted(LeadFilter.base_filters.keys() - used) == [], "Add queries with these parameters to FILTERS."


def test_search(api: Api, office: dict[str, Lead], case: Case) -> None:
    for query, names in [
        ("q=Silva, Grace", {"Grace Silva"}),
        ("q=grace silva", {"Grace Silva"}),
        ("q=Alvarez", set()),
        ("q=Álvarez,grace", set()),
        ("q=ÁLVAREZ, grace", {"grace Álvarez"}),
        ("q=(555) 687-0501", {"Grace Silva"}),
        ("q=+1 555 6870501".replace("+", "%2B"), {"Grace Silva"}),
        ("q=15556870501", {"Grace Silva"}),
        ("q=687-0501", {"Grace Silva"}),
        ("q=+44 555 6870501".replace("+", "%2B"), set()),
        ("q=501", {"Grace Silva"}),
    ]:
        with case(query, names):
            rows = get(api, f"{query}&size=1000").json()
            assert {f"{row['first_name']} {row['last_name']}" for row in rows} == names


def test_a_number_is_found_however_it_is_stored(api: Api, case: Case) -> None:
    for asked, stored in product(
        ["(555) 687-0555", "+15556870555", "555.687.0555", "1 555 687 0555"],
        ["5556870555", "+1 (555) 687-0555", "1.555.687.0555", "001 555 687 0555"],
    ):
        with case(asked, stored):
            lead = make_lead(phone=stored)
            make_lead(phone="555 687 0556")
            assert ids(get(api, {"q": asked})) == [lead.pk]


def test_ids(api: Api, office: dict[str, Lead]) -> None:
    active = [lead.pk for lead in Lead.objects.active()]
    deleted = Lead.objects.deleted().values_list("pk", flat=True)[0]
    wanted = [*active[:12], deleted, 10**30, 10**9]
    for query in ([("id", ",".join(map(str, wanted)))], [("id", str(number)) for number in wanted]):
        assert sorted(ids(get(api, query))) == sorted(active[:12]), "as many as were asked for, without a size"
    assert len(ids(get(api, [("id", ",".join(map(str, wanted))), ("size", "3")]))) == 3
    assert refused(get(api, {"id": ",".join(["1"] * 1001)})) == [("too_long", ["query", "id"])]


BAD = [
    *(("id", "x"), ("id", "1;2"), ("created_from", "yesterday"), ("created_to", "2026-02-30"), ("tz", "Mars/Base")),
    *(("tz", "America"), ("tz", "../etc/passwd"), ("updated_since", "soon"), ("deleted", "yes"), ("open", "maybe")),
    *(("inactive_days", "0"), ("inactive_days", "x"), ("created_by", "0"), ("created_by", "you"), ("owner", "x")),
    *(("due", "tomorrow"), ("contactable", "fax"), ("sort", "status"), ("sort", '["name"]'), ("sort", "[[[")),
    *(("sort", '["name","UP"]'), ("count", "yes"), ("after", "x"), ("after", "e30"), ("include", "secrets")),
    *(("closed_from", "2026-01-01T25:00"), ("closed_to", "0001-01-01T00:00:00+02:00"), ("times", "local")),
    *(("strict", "maybe"), ("created_from", "20260101"), ("created_from", "2026-W01-1"), ("after", "\x00é")),
]


def test_values_that_cannot_be_read(api: Api, case: Case) -> None:
    for name, value in BAD:
        with case(name, value):
            assert [loc for _, loc in refused(get(api, {name: value}))] == [["query", name]]


def test_all_of_them_at_once(api: Api) -> None:
    problems = refused(get(api, "sort=x&count=y&include=z&deleted=w&page=0&size=0"))
    assert sorted(loc[1] for _, loc in problems) == ["deleted", "page", "size"]
    assert sorted(loc[1] for _, loc in refused(get(api, "sort=x&count=y&include=z"))) == ["count", "include", "sort"]


ORDERS = [Order(name, descending) for name in (*INDEXED, *SORTED) for descending in (False, True)]


@pytest.mark.parametrize("query", ["", "deleted=include", "deleted=only", "status=new&status=closed&deleted=include"])
def test_each_order(api: Api, agent: User, office: dict[str, Lead], query: str, case: Case) -> None:
    for order in ORDERS:
        with case(order):
            right = by_python(expected(agent, query), order)
            assert ids(get(api, f"{query}&sort={order}&size=1000")) == right
            by_page = [n for page in range(1, 6) for n in ids(get(api, f"{query}&sort={order}&size=5&page={page}"))]
            assert by_page == right
            if order.is_indexed:
                for size in (1, 3, 1000):
                    assert walked(api, f"{query}&sort={order}&size={size}&after=") == right
            else:
                assert refused(get(api, f"sort={order}&after=")) == [("value_error", ["query", "after"])]


@pytest.mark.parametrize(
    ("sort", "same"), [('["name","ASC"]', "name"), ('["id", "desc"]', "-id"), ("", "-created_at"), (" -id ", "-id")]
)
def test_spellings_of_an_order(api: Api, office: dict[str, Lead], sort: str, same: str) -> None:
    assert ids(get(api, {"sort": sort, "size": "100"})) == ids(get(api, {"sort": same, "size": "100"}))


def test_too_many_to_sort(api: Api, office: dict[str, Lead], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_sql, "MAX_SORTED", 5)
    assert refused(get(api, "sort=budget")) == [("value_error", ["query", "sort"])]
    assert len(ids(get(api, "sort=budget&status=new"))) == 5 - Lead.objects.deleted().filter(status="new").count()
    assert len(ids(get(api, "sort=name"))) == 10


def test_rows_that_come_meanwhile_are_no_reason_to_miss_or_repeat_others(api: Api, office: dict[str, Lead]) -> None:
    seen: list[int] = []
    before = ids(get(api, "size=1000"))
    for page in pages(api, "size=2&after="):
        seen += ids(page)
        make_lead()
    assert seen == before


def test_a_cursor_belongs_to_its_walk(api: Api, office: dict[str, Lead]) -> None:
    target = link(get(api, "sort=name&status=new&size=1&after="), "next")
    assert target
    after = parse_qs(urlsplit(target).query)["after"][0]
    assert target.startswith("/api/leads?")
    assert len(ids(get(api, f"sort=name&status=new&size=3&include=version&after={after}"))) == 3, "another size is fine"
    for other in ("sort=name", "sort=name&status=lost", "sort=-name&status=new", "status=new", "sort=id&status=new"):
        assert refused(get(api, f"{other}&after={after}")) == [("value_error", ["query", "after"])]
    assert refused(get(api, f"sort=name&status=new&page=1&after={after}")) == [("value_error", ["query", "after"])]
    assert refused(get(api, f"sort=name&status=new&after={after[:-2]}")) == [("value_error", ["query", "after"])]


def test_a_forged_cursor_is_refused_or_a_place_in_the_list(api: Api, case: Case) -> None:
    for values, sort in product(
        [
            *(
                [0, key, 1, None]
                for key in ("x", "", 5, None, 2**64, True, "2026-13-01T00:00:00", "9999-12-31T23:59:60")
            ),
            *([group, "2026-01-01T00:00:00.000000", 1, None] for group in (-1, "0", None, 2**70)),
            *([0, "2026-01-01T00:00:00.000000", row_id, None] for row_id in (0.5, "1", None, 2**63)),
            *([0, "2026-01-01T00:00:00.000000", 1, time] for time in (-1, "x", 2**63 - 1, 253402300800000000)),
            [],
            [0, "x", 1, None, 5],
        ],
        ["created_at", "id", "name"],
    ):
        with case(values, sort):
            walk = cursors.walk_of(QueryDict(f"sort={sort}&updated_since="), LeadFilter.base_filters, sort)
            after = urlsafe_b64encode(json.dumps([walk, *values]).encode()).decode()
            assert get(api, {"sort": sort, "updated_since": "", "after": after}).status_code in (200, 422)


def test_links(api: Api, office: dict[str, Lead]) -> None:
    assert "Link" not in get(api, "size=1&count=exact").headers
    first = get(api, "size=1&after=&count=exact&status=new&status=lost")
    assert link(first, "first") == "/api/leads?size=1&after=&count=exact&status=new&status=lost"
    last = get(api, "size=1000&after=")
    assert "Link" not in last.headers


def test_totals(api: Api, office: dict[str, Lead], case: Case) -> None:
    for query, prefer, total, content_range, applied in [
        ("count=exact", "", "17", "leads 0-9/17", None),
        ("count=estimated", "", "17", "leads 0-9/17", None),
        ("count=exact&page=2", "", "17", "leads 10-16/17", None),
        ("count=exact&page=3", "", "17", "leads */17", None),
        ("count=exact&after=", "", "17", "leads */17", None),
        ("count=exact&status=nobody", "", "0", "leads */0", None),
        ("count=exact&deleted=include", "", "20", "leads 0-9/20", None),
        ("", "count=exact", "17", "leads 0-9/17", "count=exact"),
        ("", "count=estimated", "17", "leads 0-9/17", "count=estimated"),
        ("", 'respond-async, Count="exact"; x=1', "17", "leads 0-9/17", "count=exact"),
        ("size=1", "handling=strict, count=exact", "17", "leads 0-0/17", "count=exact, handling=strict"),
        ("", "count=none", None, None, None),
        ("count=", "", None, None, None),
    ]:
        with case(query, prefer, total, content_range, applied):
            headers = get(api, query, **({"Prefer": prefer} if prefer else {})).headers
            assert headers.get("X-Total-Count") == total
            assert headers.get("Content-Range") == content_range
            assert headers.get("Preference-Applied") == applied


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite counts")
def test_a_count_that_takes_too_long_is_an_estimate(
    api: Api, office: dict[str, Lead], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION slow(text) RETURNS text LANGUAGE sql AS 'SELECT $1 FROM pg_sleep(0.02)'")
        cursor.execute("ANALYZE leads_lead")
    monkeypatch.setattr(list_sql, "COUNT_TIMEOUT", 5)
    monkeypatch.setattr(list_sql, "ESTIMATE_TIMEOUT", 5)
    monkeypatch.setitem(connection.operators, "contains", "LIKE slow(%s)")
    reply = get(api, "q=e&count=exact&size=1")
    assert reply.status_code == 200
    assert int(reply.headers["X-Total-Count"]) > list_sql.MAX_COUNTED
    assert reply.headers["Preference-Applied"] == "count=estimated"


KEYS = ["version", "owner", "created_by", "tags", "last_activity", "next_follow_up", "consent", "closed_at"]


def test_include(api: Api, agent: User) -> None:
    lead = api.post("/api/leads?include=closed_at,version", {**row(), "status": "closed"}).json()
    assert list(lead)[-2:] == ["version", "closed_at"]
    make_activity(Lead.objects.get(pk=lead["id"]), agent, activity_date="2026-05-06")
    make_activity(Lead.objects.get(pk=lead["id"]), agent, activity_date="2026-04-06")
    extra = {
        "version": 1,
        "owner": None,
        "created_by": {"id": agent.pk, "name": agent.name},
        "tags": [],
        "last_activity": "2026-05-06",
        "next_follow_up": None,
        "consent": {"call": None, "text": None, "email": None},
        "closed_at": lead["created_at"],
    }
    include = ",".join(reversed(KEYS))
    plain = api.get(f"/api/leads/{lead['id']}").json()
    whole = {**plain, **extra}
    assert api.get(f"/api/leads/{lead['id']}?include={include}").json() == whole
    assert list(api.get(f"/api/leads/{lead['id']}?include={include}").json())[-8:] == KEYS
    assert get(api, f"include={include}").json() == [whole]
    assert get(api, f"include={include}&sort=budget").json() == [whole]
    changed = api.put(f"/api/leads/{lead['id']}?include=version", {"first_name": "B"}).json()
    assert changed["version"] == 2
    many = api.post(f"/api/leads?include={include}", [row(), row()]).json()
    assert [list(one)[-8:] for one in many] == [KEYS, KEYS]
    assert many[0]["created_by"] == {"id": agent.pk, "name": agent.name}
    assert get(api, "include=").json()[0].keys() == plain.keys()


def row() -> dict[str, str]:
    return {"first_name": "A", "last_name": "B", "email": "", "phone": ""}


def test_an_unknown_key_of_include_changes_nothing(api: Api, case: Case) -> None:
    for method, path, body in [
        ("GET", "/api/leads?include=x", None),
        ("GET", "/api/leads/{lead}?include=x", None),
        ("POST", "/api/leads?include=x", row()),
        ("PUT", "/api/leads/{lead}?include=x", {"first_name": "C"}),
        ("PATCH", "/api/leads/{lead}?include=version,x", {"first_name": "C"}),
    ]:
        with case(method, path, body):
            lead = make_lead()
            assert refused(api.send(method, path.format(lead=lead.pk), body)) == [("value_error", ["query", "include"])]
            lead.refresh_from_db()
            assert (Lead.objects.count(), lead.version) == (1, 1)


def test_created_by_is_one_user_under_several_names(api: Api, agent: User) -> None:
    other = make_user()
    mine = api.post("/api/leads", row()).json()["id"]
    User.objects.filter(pk=agent.pk).update(last_name="Renamed")
    also = api.post("/api/leads", row()).json()["id"]
    nobody = make_lead().pk
    assert ids(get(api, "created_by=me")) == ids(get(api, f"created_by={agent.pk}")) == [also, mine]
    assert ids(get(api, f"created_by={other.pk}")) == []
    assert ids(get(api, "created_by=none")) == [nobody]


def test_inactive_days(api: Api, agent: User) -> None:
    now = timezone.now()
    ages = {days: make_lead(created_at=now - timedelta(days=days)) for days in (0, 3, 10)}
    make_activity(ages[10], agent, activity_date=f"{now.date() - timedelta(days=5)}")
    assert ids(get(api, "inactive_days=2")) == [ages[3].pk, ages[10].pk]
    assert ids(get(api, "inactive_days=5")) == [ages[10].pk]
    assert ids(get(api, "inactive_days=7")) == []


def test_other_parameters_leave_rows_as_they_are(api: Api, office: dict[str, Lead]) -> None:
    assert get(api, "size=100&sort=-created_at&count=exact&after=").content == get(api, "size=100").content


def test_deleted_of() -> None:
    assert [deleted_of(wanted) for wanted in ({}, {"deleted": None}, {"updated_since": 0}, {"deleted": "only"})] == [
        None,
        None,
        "include",
        "only",
    ]
