"""``activity_count`` equals the number of the lead's activities, whoever writes at the same time."""

from functools import partial

import pytest

from activities.models import Activity
from leads.models import Lead
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import activity_row, bearer, make_lead, make_user

pytestmark = pytest.mark.usefixtures("concurrent_db")

ROUNDS = 6


def test_eight_agents_log_single_activities_and_lists_of_them() -> None:
    lead = make_lead()
    path = f"/api/leads/{lead.pk}/activities"
    people = [bearer(make_user()) for _ in range(8)]

    def log(number: int) -> list[int]:
        api = Api(people[number])
        body = activity_row() if number % 2 else [activity_row() for _ in range(number + 1)]
        return [api.post(path, body).status_code for _ in range(ROUNDS)]

    assert together(*(partial(log, number) for number in range(8))) == [[201] * ROUNDS] * 8
    stored = Lead.objects.get()
    assert stored.activity_count == Activity.objects.filter(lead=lead).count() == ROUNDS * (4 + 1 + 3 + 5 + 7)
    assert stored.version == 1


def test_a_lead_deleted_meanwhile_takes_whole_requests_or_none() -> None:
    lead, other = make_lead(), make_lead()
    headers = bearer(make_user())
    path = f"/api/leads/{lead.pk}"
    single, many = activity_row(), [activity_row() for _ in range(3)]
    bodies = [single, many, single, many, single, many, single]

    def log(body: object) -> list[int]:
        return [Api(headers).post(f"{path}/activities", body).status_code for _ in range(ROUNDS)]

    *logged, deleted = together(*(partial(log, body) for body in bodies), lambda: Api(headers).delete(path))
    assert deleted.status_code == 204
    assert {status for statuses in logged for status in statuses} <= {201, 404}
    # An agent who gets the 404 cannot go back.
    assert all(statuses == sorted(statuses) for statuses in logged)
    expected = sum(
        statuses.count(201) * (3 if isinstance(body, list) else 1)
        for statuses, body in zip(logged, bodies, strict=True)
    )
    stored = Lead.objects.get(pk=lead.pk)
    assert stored.activity_count == Activity.objects.filter(lead=lead).count() == expected
    assert Lead.objects.get(pk=other.pk).activity_count == 0


def test_edits_and_activities_do_not_overwrite_each_other() -> None:
    lead = make_lead()
    headers = bearer(make_user())
    path = f"/api/leads/{lead.pk}"

    def edit(number: int) -> list[int]:
        return [Api(headers).put(path, {"phone": f"{number} {n}"}).status_code for n in range(ROUNDS)]

    def log(_: int) -> list[int]:
        return [Api(headers).post(f"{path}/activities", activity_row()).status_code for _ in range(ROUNDS)]

    done = together(*(partial(edit if number % 2 else log, number) for number in range(8)))
    assert {status for statuses in done[1::2] for status in statuses} == {200}
    assert {status for statuses in done[::2] for status in statuses} == {201}
    stored = Lead.objects.get()
    assert stored.activity_count == Activity.objects.count() == 4 * ROUNDS
    assert stored.version == 1 + 4 * ROUNDS
