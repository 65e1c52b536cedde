"""Merging leads: the survivor, its values, everybody's activities, and what becomes of the others."""

from functools import partial
from time import process_time
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client

from activities.merge import merge
from activities.models import Activity
from leads.importing import undo
from leads.importing.stats import Refused
from leads.merge import FIELDS, MergeRejected, Plan, suggest_merge
from leads.models import ImportRun, ImportUpdate, Lead, LeadChange
from tests.admin.lead_forms import fields_in
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import SOMEBODY, activity_row, make_activity, make_lead
from tests.test_query_counts import statements
from users.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"
PAGE = "/admin/leads/lead/merge/"


def decided(leads: list[Lead], survivor: Lead, **sources: Lead) -> dict[str, Any]:
    """What the merge page sends: the survivor's own values but for those of ``sources``."""
    return {
        "ids": ",".join(str(lead.pk) for lead in leads),
        "survivor": str(survivor.pk),
        **{f"version-{lead.pk}": str(Lead.objects.get(pk=lead.pk).version) for lead in leads},
        **{f"from-{field}": str(sources.get(field, survivor).pk) for field in FIELDS},
    }


def told(browser: Client, reply: HttpResponse) -> str:
    assert reply.status_code == 302
    return browser.get(reply["Location"]).content.decode()


def plan_of(*leads: Lead) -> Plan:
    return suggest_merge([Lead.objects.get(pk=lead.pk) for lead in leads])


def test_it_works(boss: Client, api: Api, agent: User) -> None:
    old = make_lead(first_name="Ada", phone="1", email="", budget_min=5)
    new = make_lead(first_name="Ada B.", phone="2", email="ada@example.com", budget_min=9)
    for lead, title in ((old, "First call"), (new, "Second call"), (new, "Third call")):
        make_activity(lead, agent, title=title)
    reply = boss.post(PAGE, decided([old, new], old, email=new, phone=new))
    assert "2 leads were merged into Ada" in told(boss, reply)
    row = api.get(f"/api/leads/{old.pk}").json()
    assert (row["first_name"], row["email"], row["phone"], row["budget_min"]) == ("Ada", "ada@example.com", "2", 5)
    assert row["activity_count"] == 3
    assert len(api.get(f"/api/leads/{old.pk}/activities").json()) == 3
    assert [found["id"] for found in api.get("/api/leads", q="ada@example.com").json()] == [old.pk]
    assert api.get(f"/api/leads/{new.pk}").status_code == 404
    new.refresh_from_db()
    assert (new.is_active, new.merged_into_id, new.activity_count, new.version) == (False, old.pk, 0, 2)
    figures = api.get("/api/dashboard").json()
    assert (figures["total_leads"], figures["total_activities"]) == (1, 3)


def test_the_page_proposes_the_oldest_and_fills_its_gaps(boss: Client) -> None:
    old = make_lead(email="", phone="1")
    new = make_lead(email="ada@example.com", phone="2")
    html = boss.get(f"{PAGE}?ids={new.pk},{old.pk}").content.decode()
    assert f'name="survivor" value="{old.pk}" checked' in html
    assert f'name="from-email" value="{new.pk}" checked' in html
    assert f'name="from-phone" value="{old.pk}" checked' in html
    hidden = fields_in(html[html.index('<form class="lead-card') :].replace("<form ", '<form id="it" ', 1), "it")
    assert hidden == {"ids": f"{old.pk},{new.pk}", f"version-{old.pk}": "1", f"version-{new.pk}": "1"}


def test_a_merge_is_told_on_both_leads(boss: Client) -> None:
    old, new = make_lead(phone="1"), make_lead(phone="2")
    told(boss, boss.post(PAGE, decided([old, new], old, phone=new)))
    kept, gone = (LeadChange.objects.of_lead(lead.pk)[0] for lead in (old, new))
    assert (kept.kind, gone.kind, kept.channel, gone.channel) == ("merged", "merged", "admin", "admin")
    assert kept.changes == {"phone": ["1", "2"], "merged_from": [None, [new.pk]]}
    assert gone.changes == {"is_active": [True, False], "merged_into": [None, old.pk]}
    html = boss.get(f"{LIST}{old.pk}/history/").content.decode()
    assert f'<dt>Merged from</dt><dd><del>—</del> <span aria-hidden="true">→</span> <ins>lead {new.pk}</ins>' in html


def test_a_merged_lead_s_page_points_to_the_survivor_and_changes_nothing(boss: Client) -> None:
    old, new = make_lead(), make_lead(first_name="Gone")
    merge(plan_of(old, new), SOMEBODY)
    path = f"{LIST}{new.pk}/change/"
    html = boss.get(path).content.decode()
    assert "Merged into" in html
    assert f"{LIST}{old.pk}/change/" in html
    assert "Restore" not in html
    assert "Seen version" not in html
    assert boss.post(path, {"first_name": "Back", "_is_active": "True"}).status_code == 403
    new.refresh_from_db()
    assert (new.is_active, new.first_name) == (False, "Gone")


def test_a_merged_lead_is_not_restored_with_others(boss: Client) -> None:
    old, new, deleted = make_lead(), make_lead(), make_lead(is_active=False)
    merge(plan_of(old, new), SOMEBODY)
    assert Lead.objects.deleted().update_leads("is_active", True, SOMEBODY) == 1
    new.refresh_from_db()
    deleted.refresh_from_db()
    assert (new.is_active, deleted.is_active) == (False, True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lead.objects.filter(pk=new.pk).update(is_active=True)


def test_the_action_leads_to_the_page(boss: Client) -> None:
    leads = [make_lead() for _ in range(3)]
    form = {"action": "merge", "select_across": "0", "index": "0", "_selected_action": [str(lead.pk) for lead in leads]}
    html = told(boss, boss.post(LIST, form))
    assert "Merge 3 leads" in html


@pytest.mark.parametrize("count", [1, 21])
def test_too_few_or_too_many(boss: Client, count: int) -> None:
    leads = [make_lead() for _ in range(count)]
    form = {"action": "merge", "select_across": "1", "index": "0", "_selected_action": [str(leads[0].pk)]}
    assert "from 2 to 20 leads" in told(boss, boss.post(LIST, form))
    ids = ",".join(str(lead.pk) for lead in leads)
    assert "from 2 to 20 leads" in told(boss, boss.get(f"{PAGE}?ids={ids}"))
    assert "from 2 to 20 leads" in told(boss, boss.post(PAGE, decided(leads, leads[0])))
    assert Lead.objects.active().count() == count


def test_twenty_at_once_in_a_constant_number_of_statements(agent: User) -> None:
    costs = []
    for count in (2, 20):
        leads = [make_lead() for _ in range(count)]
        for lead in leads:
            make_activity(lead, agent)
        plan = plan_of(*leads)
        with statements() as run:
            survivor = merge(plan, SOMEBODY)
        costs.append(len([sql for sql in run if not sql.startswith("SELECT JSON('")]))
        assert survivor.activity_count == Activity.objects.of_lead(survivor.pk).count() == count
    # 1. the leads, locked  2. activities  3. the survivor  4. its entry  5. the others' entries  6. the others
    # 7. what was merged into them earlier
    assert costs == [7, 7]


@pytest.mark.parametrize(
    "senseless",
    [
        {"survivor": "0"},
        {"survivor": "x"},
        {"survivor": ""},
        {"from-email": "999999"},
        {"from-status": ""},
        {"ids": ""},
        {"ids": "1"},
        {"ids": "a,b"},
        {"ids": "9" * 30 + "," + "8" * 30},
        {"ids": "1," * 500},
        {"version-{}": "x"},
        {"version-{}": ""},
    ],
)
def test_what_no_form_of_ours_sends(boss: Client, senseless: dict[str, str]) -> None:
    old, new = make_lead(), make_lead()
    form = decided([old, new], old) | {name.format(new.pk): value for name, value in senseless.items()}
    told(boss, boss.post(PAGE, form))
    assert Lead.objects.active().count() == 2
    assert boss.get(PAGE, {"ids": form["ids"]}).status_code in (200, 302)


def test_what_was_changed_meanwhile_is_not_merged(boss: Client) -> None:
    old, new = make_lead(), make_lead()
    form = decided([old, new], old)
    Lead.objects.update_lead(new.pk, {"phone": "new"}, SOMEBODY)
    assert f"lead {new.pk} was changed meanwhile" in told(boss, boss.post(PAGE, form))
    assert Lead.objects.active().count() == 2


def test_what_was_deleted_meanwhile_is_not_merged(boss: Client) -> None:
    old, new = make_lead(), make_lead()
    form = decided([old, new], old)
    Lead.objects.update_lead(new.pk, {"is_active": False}, SOMEBODY)
    html = told(boss, boss.get(told_path(boss.post(PAGE, form))))
    assert f"lead {new.pk} was deleted or merged meanwhile" in html
    old.refresh_from_db()
    assert (old.is_active, old.version) == (True, 1)


def told_path(reply: HttpResponse) -> str:
    assert reply.status_code == 302
    return str(reply["Location"])


def test_budgets_that_do_not_fit_together(boss: Client) -> None:
    old, new = make_lead(budget_min=1, budget_max=2), make_lead(budget_min=8, budget_max=9)
    assert "lowest budget" in told(boss, boss.post(PAGE, decided([old, new], old, budget_min=new)))
    old.refresh_from_db()
    assert (old.budget_min, old.version) == (1, 1)


def test_a_sale_stays_on_its_day(boss: Client) -> None:
    old, new = make_lead(), make_lead(status="closed")
    told(boss, boss.post(PAGE, decided([old, new], old, status=new)))
    old.refresh_from_db()
    assert (old.status, old.closed_at) == ("closed", new.closed_at)


def test_merged_leads_follow_the_survivor_when_it_is_merged() -> None:
    first, second, third = make_lead(), make_lead(), make_lead()
    merge(plan_of(second, third), SOMEBODY)
    merge(plan_of(first, second), SOMEBODY)
    assert set(Lead.objects.filter(merged_into=first).values_list("pk", flat=True)) == {second.pk, third.pk}


def run_of(**fields: Any) -> ImportRun:
    return ImportRun.objects.create(file_name="a.csv", sha256="x", state="done", **fields)


def test_undoing_the_import_of_a_merged_lead_leaves_both_alone(agent: User) -> None:
    run = run_of(read=3, created=3)
    kept, gone, other = make_lead(), make_lead(), make_lead()
    Lead.objects.filter(pk__in=[kept.pk, gone.pk, other.pk]).update(import_run=run)
    merge(plan_of(kept, gone), SOMEBODY)
    undone = undo.undo(run.pk, SOMEBODY)
    assert undone.undo_report["deleted"] == 1
    assert kept.pk in undone.undo_report["left_created"]
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert (kept.is_active, gone.is_active, gone.merged_into_id) == (True, False, kept.pk)
    assert gone.version == 2


def test_undoing_an_import_that_wrote_over_a_merged_lead_leaves_both_alone() -> None:
    run = run_of(read=2, updated=2)
    kept, gone = make_lead(phone="1"), make_lead(phone="2")
    for lead in (kept, gone):
        before = {field: getattr(lead, field) for field in FIELDS} | {"phone": "earlier", "closed_at": None}
        ImportUpdate.objects.create(run=run, lead=lead, version=lead.version, before=before)
    merge(plan_of(kept, gone), SOMEBODY)
    with pytest.raises(Refused):
        undo.undo(run.pk, SOMEBODY)
    assert set(Lead.objects.values_list("phone", "is_active")) == {("1", True), ("2", False)}


@pytest.mark.django_db(transaction=True)
def test_nobody_logs_for_a_lead_that_is_being_merged(concurrent_db: None, api: Api) -> None:
    for _ in range(5):
        old, new = make_lead(), make_lead()
        calls = [partial(api.post, f"/api/leads/{lead.pk}/activities", activity_row()) for lead in (old, new)]
        *replies, _ = together(*calls, partial(_try_to_merge, old, new))
        logged = sum(reply.status_code == 201 for reply in replies)
        assert {reply.status_code for reply in replies} <= {201, 404}
        old.refresh_from_db()
        assert old.activity_count == logged == Activity.objects.of_lead(old.pk).count()
        assert not Activity.objects.of_lead(new.pk).exists()


def _try_to_merge(old: Lead, new: Lead) -> None:
    merge(plan_of(old, new), SOMEBODY)


@pytest.mark.django_db(transaction=True)
def test_two_merges_of_the_same_leads_at_once(concurrent_db: None) -> None:
    one, two = make_lead(), make_lead()
    forth = plan_of(one, two)
    back = forth._replace(survivor=two.pk, others=(one.pk,))
    outcomes = together(*(partial(outcome, plan) for plan in (forth, back)))
    assert sorted(outcomes) == ["merged", "refused"]
    assert Lead.objects.active().count() == 1


def outcome(plan: Plan) -> str:
    try:
        merge(plan, SOMEBODY)
    except MergeRejected:
        return "refused"
    return "merged"


def test_long_values_are_cut_without_being_normalized(boss: Client) -> None:
    """Putting 20,000 combining marks in order takes a second."""
    long = "a" + "\u0315" * 9999 + "\u0300" * 9999
    leads = [make_lead(property_interest=long + str(number)) for number in range(5)]
    begin = process_time()
    html = boss.get(PAGE, {"ids": ",".join(str(lead.pk) for lead in leads)}).content.decode()
    assert process_time() - begin < 2
    assert html.count("a" + "\u0315" * 199 + "…") == 5
