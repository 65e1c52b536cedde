"""``Idempotency-Key``: a repeated request is executed once."""

import threading
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone

from activities.models import Activity
from crm_project.http.models import IdempotencyKey
from leads.models import Lead
from tests.assertions import refused
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import PASSWORD, activity_row, bearer, lead_row, make_lead, make_user
from users.models import User

KEY = "4f1c5a4e-2a52-4c56-9f3f-0a3f3b1f7c11"
AT_KEY = [("value_error", ["header", "Idempotency-Key"])]

pytestmark = pytest.mark.django_db


def post(api: Api, body: Any, key: str = KEY, path: str = "/api/leads", method: str = "POST") -> HttpResponse:
    """Send a request with a key; ``body`` is serialized unless it is bytes."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Idempotency-Key": key}
    return api.client.generic(method, path, data, content_type="application/json", headers=headers)


def replayed(reply: HttpResponse) -> bool:
    """Return whether the response is marked as a repeated one."""
    return reply.get("Idempotent-Replayed") == "true"


def test_it_works(api: Api) -> None:
    body = lead_row()
    first, second = post(api, body), post(api, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first["ETag"] == second["ETag"]
    assert first["Content-Type"] == second["Content-Type"] == "application/json"
    assert (replayed(first), replayed(second)) == (False, True)
    assert Lead.objects.get().email == body["email"]


def test_the_first_reply_is_the_one_without_a_key(api: Api) -> None:
    body = lead_row()
    keyed, plain = post(api, body), api.post("/api/leads", body)
    assert keyed.json().keys() == plain.json().keys()
    assert dict(keyed.items()).keys() == dict(plain.items()).keys()


def test_without_a_key_it_is_done_twice_and_nothing_is_stored(api: Api) -> None:
    body = lead_row()
    assert [api.post("/api/leads", body).status_code for _ in range(2)] == [201, 201]
    assert (Lead.objects.count(), IdempotencyKey.objects.count()) == (2, 0)


def test_a_bulk_reply_is_repeated_whole(api: Api) -> None:
    body = [lead_row(property_interest="üñî " * 100) for _ in range(500)]
    first, second = post(api, body), post(api, body)
    assert first.status_code == 201
    assert len(first.json()) == 500
    assert second.content == first.content
    assert replayed(second)
    assert Lead.objects.count() == 500


def test_activities_too(api: Api) -> None:
    lead = make_lead()
    path = f"/api/leads/{lead.pk}/activities"
    replies = [post(api, activity_row(), path=path) for _ in range(3)]
    assert [replayed(reply) for reply in replies] == [False, True, True]
    assert len({reply.content for reply in replies}) == 1
    lead.refresh_from_db()
    assert (lead.activity_count, Activity.objects.count()) == (1, 1)


def test_a_trailing_slash_is_the_same_request(api: Api) -> None:
    body = lead_row()
    post(api, body)
    assert replayed(post(api, body, path="/api/leads/"))
    assert Lead.objects.count() == 1


@pytest.mark.parametrize("change", [{"phone": "1"}, {"unknown": 1}])
def test_another_body_is_refused(api: Api, change: dict[str, Any]) -> None:
    body = lead_row()
    post(api, body)
    assert refused(post(api, {**body, **change})) == AT_KEY
    assert Lead.objects.count() == 1
    assert replayed(post(api, body))


def test_another_lead_of_the_same_route_is_refused(api: Api) -> None:
    paths = [f"/api/leads/{make_lead().pk}/activities" for _ in range(2)]
    assert post(api, activity_row(), path=paths[0]).status_code == 201
    assert refused(post(api, activity_row(), path=paths[1])) == AT_KEY
    assert Activity.objects.count() == 1


def test_a_key_belongs_to_a_route(api: Api) -> None:
    lead = post(api, lead_row()).json()
    activity = post(api, activity_row(), path=f"/api/leads/{lead['id']}/activities")
    assert (activity.status_code, replayed(activity)) == (201, False)


def test_a_key_belongs_to_a_user(api: Api) -> None:
    body = lead_row()
    other = Api(bearer(make_user()))
    first, theirs = post(api, body), post(other, body)
    assert first.json()["id"] != theirs.json()["id"]
    assert not replayed(theirs)


@pytest.mark.parametrize("key", ["k", "k" * 255, "a key, with: {punctuation} ~", "0"])
def test_good_keys(api: Api, key: str) -> None:
    body = lead_row()
    assert [replayed(post(api, body, key)) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("key", "problem"),
    [("", "string_too_short"), ("k" * 256, "string_too_long"), ("é", "value_error"), ("a\tb", "value_error")],
)
def test_bad_keys(api: Api, key: str, problem: str) -> None:
    reply = post(api, lead_row(), key)
    assert refused(reply) == [(problem, ["header", "Idempotency-Key"])]
    assert "1 to 255 printable ASCII characters" in reply.json()["detail"][0]["msg"]
    assert not Lead.objects.exists()


def test_nobody_gets_as_far_as_the_key_without_a_token(anonymous: Api, api: Api) -> None:
    body = lead_row()
    post(api, body)
    for key in (KEY, ""):
        assert post(anonymous, body, key).status_code == 401


def test_a_replay_asks_for_a_token_that_still_counts(api: Api, agent: User) -> None:
    body = lead_row()
    post(api, body)
    User.objects.filter(pk=agent.pk).update(token_version=agent.token_version + 1)
    assert post(api, body).status_code == 401


def test_errors_are_not_stored(api: Api, case: Case) -> None:
    for body, path, status in [
        ({"first_name": 1}, "/api/leads", 422),
        (b"{", "/api/leads", 422),
        ([], "/api/leads", 400),
        ([{}] * 10_001, "/api/leads", 413),
        (activity_row(), "/api/leads/999999/activities", 404),
    ]:
        with case(body, path, status):
            for _ in range(2):
                reply = post(api, body, path=path)
                assert (reply.status_code, replayed(reply)) == (status, False)
            assert not IdempotencyKey.objects.exists()
            assert post(api, lead_row()).status_code == 201  # corrected, with the same key


def test_an_unsupported_content_type_is_refused_as_without_a_key(api: Api) -> None:
    headers = {"Idempotency-Key": KEY}
    reply = api.client.generic("POST", "/api/leads", b"<lead/>", content_type="text/xml", headers=headers)
    assert reply.status_code == 415


def test_a_failure_inside_leaves_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    body = lead_row()
    with monkeypatch.context() as broken:
        broken.setattr(IdempotencyKey.objects, "create", _fail)
        assert post(api, body).status_code == 500
    assert (Lead.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    assert post(api, body).status_code == 201


def _fail(**values: Any) -> None:
    raise RuntimeError("in the middle")


def test_after_a_day_the_key_is_new(api: Api) -> None:
    body = lead_row()
    post(api, body)
    day = timedelta(hours=24)
    IdempotencyKey.objects.update(created_at=timezone.now() - day + timedelta(minutes=1))
    assert replayed(post(api, body))
    IdempotencyKey.objects.update(created_at=timezone.now() - day)
    again = post(api, {**body, "phone": "2"})
    assert (again.status_code, replayed(again)) == (201, False)
    assert replayed(post(api, {**body, "phone": "2"}))
    assert (Lead.objects.count(), IdempotencyKey.objects.count()) == (2, 1)


def test_other_methods_have_no_use_for_it(api: Api) -> None:
    path = f"/api/leads/{make_lead().pk}"
    for method, body in (("PUT", {"phone": "1"}), ("PATCH", {"phone": "1"}), ("GET", b""), ("DELETE", b"")):
        reply = post(api, body, "", path, method)
        assert (reply.status_code, replayed(reply)) == (204 if method == "DELETE" else 200, False)
    assert not IdempotencyKey.objects.exists()


def test_log_in_and_registration_ignore_it(anonymous: Api, agent: User) -> None:
    account = {"username": "new", "email": "n@b.c", "password": PASSWORD, "first_name": "", "last_name": ""}
    statuses = [post(anonymous, account, path="/api/users/register").status_code for _ in range(2)]
    assert statuses == [201, 409]
    credentials = {"username": agent.username, "password": PASSWORD}
    for _ in range(2):
        reply = post(anonymous, credentials, "", "/api/users/login")
        assert (reply.status_code, replayed(reply)) == (200, False)
    assert not IdempotencyKey.objects.exists()


def test_deleting_a_user_deletes_their_stored_responses(api: Api) -> None:
    user = make_user()
    post(Api(bearer(user)), lead_row())
    assert IdempotencyKey.objects.count() == 1
    user.delete()
    assert not IdempotencyKey.objects.exists()


def test_sent_many_times_at_once_it_is_done_once(concurrent_db: None) -> None:
    user, body = make_user(), lead_row()
    replies = together(*[lambda: post(Api(bearer(user)), body) for _ in range(6)])
    done = [reply for reply in replies if reply.status_code == 201]
    assert Lead.objects.count() == 1
    assert [replayed(reply) for reply in done].count(False) == 1
    assert len({reply.content for reply in done}) == 1
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert all(reply["Retry-After"] for reply in replies if reply.status_code == 409)


def test_while_the_first_still_runs_the_second_is_refused(concurrent_db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's writers queue up: the second waits for the first and repeats its reply")
    user, lead = make_user(), make_lead()
    path, body = f"/api/leads/{lead.pk}/activities", activity_row()

    def first() -> HttpResponse:
        return post(Api(bearer(user)), body, path=path)

    def second() -> HttpResponse:
        with transaction.atomic():
            Lead.objects.select_for_update().get(pk=lead.pk)  # which the first request is going to wait for
            start.set()
            while not _somebody_waits():
                pass
            return post(Api(bearer(user)), body, path=path)

    start = threading.Event()

    def first_once_locked() -> HttpResponse:
        assert start.wait(30)
        return first()

    done, refusal = together(first_once_locked, second)
    assert (done.status_code, refusal.status_code) == (201, 409)
    assert refusal.json() == {"detail": "A request with this Idempotency-Key is still running"}
    assert Activity.objects.count() == 1
    assert replayed(first())


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid IN"
            " (SELECT pid FROM pg_stat_activity WHERE datname = current_database()))"
        )
        return bool(cursor.fetchone()[0])
