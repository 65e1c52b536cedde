"""Merging leads."""

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
from tests.conftest import Api, Case
from tests.factories import SOMEBODY, activity_row, make_activity, make_lead
from tests.test_query_counts import statements
from users.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"
PAGE = "/admin/leads/lead/merge/"


def merge_form(leads: list[Lead], survivor: Lead, **sources: Lead) -> dict[str, Any]:
    """Return the form of the merge page: the survivor's values except those of ``sources``."""
    return {
        "ids": ",".join(str(lead.pk) for lead in leads),
        "survivor": str(survivor.pk),
        **{f"version-{lead.pk}": str(Lead.objects.get(pk=lead.pk).version) for lead in leads},
        **{f"from-{field}": str(sources.get(field, survivor).pk) for field in FIELDS},
    }


def follow(browser: Client, reply: HttpResponse) -> str:
    assert reply.status_code == 302
    return browser.get(reply["Location"]).content.decode()


def plan_of(*leads: Lead) -> Plan:
    return suggest_merge([Lead.objects.get(pk=lead.pk) for lead in leads])


def test_it_works(boss: Client, api: Api, agent: User) -> None:
    old = make_lead(first_name="Ada", phone="1", email="", budget_min=5)
    new = make_lead(first_name="Ada B.", phone="2", email="ada@example.com", budget_min=9)
    for lead, title in ((old, "First call"), (new, "Second call"), (new, "Third call")):
        make_activity(lead, agent, title=title)
    reply = boss.post(PAGE, merge_form([old, new], old, email=new, phone=new))
    assert "2 leads merged into Ada" in follow(boss, reply)
    row = api.get(f"/api/leads/{old.pk}").json()
    assert (row["first_name"], row["email"], row["phone"], row["budget_min"]) == ("Ada", "ada@example.com", "2", 5)
    assert row["activity_count"] == 3
    assert len(api.get(f"/api/leads/{old.pk}/activities").json()) == 3
    assert [row["id"] for row in api.get("/api/leads", q="ada@example.com").json()] == [old.pk]
    assert api.get(f"/api/leads/{new.pk}").status_code == 404
    new.refresh_from_db()
    assert (new.is_active, new.merged_into_id, new.activity_count, new.version) == (False, old.pk, 0, 2)
    figures = api.get("/api/dashboard").json()
    assert (figures["total_leads"], figures["total_activities"]) == (1, 3)


def test_the_page_suggests_the_oldest_with_missing_values_of_others(boss: Client) -> None:
    old = make_lead(email="", phone="1")
    new = make_lead(email="ada@example.com", phone="2")
    html = boss.get(f"{PAGE}?ids={new.pk},{old.pk}").content.decode()
    assert f'name="survivor" value="{old.pk}" checked' in html
    assert f'name="from-email" value="{new.pk}" checked' in html
    assert f'name="from-phone" value="{old.pk}" checked' in html
    hidden = fields_in(html[html.index('<form class="lead-card') :].replace("<form ", '<form id="it" ', 1), "it")
    assert hidden == {"ids": f"{old.pk},{new.pk}", f"version-{old.pk}": "1", f"version-{new.pk}": "1"}


def test_both_leads_have_a_history_entry(boss: Client) -> None:
    old, new = make_lead(phone="1"), make_lead(phone="2")
    follow(boss, boss.post(PAGE, merge_form([old, new], old, phone=new)))
    survivor, merged = (LeadChange.objects.of_lead(lead.pk)[0] for lead in (old, new))
    assert (survivor.kind, merged.kind, survivor.channel, merged.channel) == ("merged", "merged", "admin", "admin")
    assert survivor.changes == {"phone": ["1", "2"], "merged_from": [None, [new.pk]]}
    assert merged.changes == {"is_active": [True, False], "merged_into": [None, old.pk]}
    html = boss.get(f"{LIST}{old.pk}/history/").content.decode()
    assert f'<dt>Merged from</dt><dd><del>—</del> <span aria-hidden="true">→</span> <ins>lead {new.pk}</ins>' in html


def test_the_page_of_a_merged_lead_is_read_only(boss: Client) -> None:
    old, new = make_lead(), make_lead(first_name="Merged")
    merge(plan_of(old, new), SOMEBODY)
    path = f"{LIST}{new.pk}/change/"
    html = boss.get(path).content.decode()
    assert "Merged into" in html
    assert f"{LIST}{old.pk}/change/" in html
    assert "Restore" not in html
    assert "Seen version" not in html
    assert boss.post(path, {"first_name": "Back", "_is_active": "True"}).status_code == 403
    new.refresh_from_db()
    assert (new.is_active, new.first_name) == (False, "Merged")


def test_a_merged_lead_is_not_restored(boss: Client) -> None:
    old, new, deleted = make_lead(), make_lead(), make_lead(is_active=False)
    merge(plan_of(old, new), SOMEBODY)
    assert Lead.objects.deleted().update_leads("is_active", True, SOMEBODY) == 1
    new.refresh_from_db()
    deleted.refresh_from_db()
    assert (new.is_active, deleted.is_active) == (False, True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lead.objects.filter(pk=new.pk).update(is_active=True)


def test_the_action_opens_the_page(boss: Client) -> None:
    leads = [make_lead() for _ in range(3)]
    form = {"action": "merge", "select_across": "0", "index": "0", "_selected_action": [str(lead.pk) for lead in leads]}
    html = follow(boss, boss.post(LIST, form))
    assert "Merge 3 leads" in html


@pytest.mark.parametrize("count", [1, 21])
def test_too_few_or_too_many_leads(boss: Client, count: int) -> None:
    leads = [make_lead() for _ in range(count)]
    form = {"action": "merge", "select_across": "1", "index": "0", "_selected_action": [str(leads[0].pk)]}
    assert "Select 2 to 20 leads" in follow(boss, boss.post(LIST, form))
    ids = ",".join(str(lead.pk) for lead in leads)
    assert "Select 2 to 20 leads" in follow(boss, boss.get(f"{PAGE}?ids={ids}"))
    assert "Select 2 to 20 leads" in follow(boss, boss.post(PAGE, merge_form(leads, leads[0])))
    assert Lead.objects.active().count() == count


def test_the_number_of_statements_is_constant(agent: User) -> None:
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
    # 1. leads and locks  2. activities  3. the survivor  4. its entry  5. the entries of the others  6. the others
    # 7. leads that were merged into them earlier  8. follow-ups, 9. and how many  10. consents that count  11. consents
    # 12. consents that count now
    assert costs == [12, 12]


def test_invalid_forms(boss: Client, case: Case) -> None:
    for fields in [
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
    ]:
        with case(fields):
            old, new = make_lead(), make_lead()
            form = merge_form([old, new], old) | {name.format(new.pk): value for name, value in fields.items()}
            follow(boss, boss.post(PAGE, form))
            assert Lead.objects.active().count() == 2
            assert boss.get(PAGE, {"ids": form["ids"]}).status_code in (200, 302)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"phone": "new"}, "was changed meanwhile"), ({"is_active": False}, "was deleted or merged meanwhile")],
)
def test_leads_that_were_changed_are_not_merged(boss: Client, change: dict[str, Any], message: str) -> None:
    old, new = make_lead(), make_lead()
    form = merge_form([old, new], old)
    Lead.objects.update_lead(new.pk, change, SOMEBODY)
    assert f"lead {new.pk} {message}" in boss.post(PAGE, form, follow=True).content.decode()
    old.refresh_from_db()
    assert (old.is_active, old.version) == (True, 1)


def test_a_minimum_budget_above_the_maximum(boss: Client) -> None:
    old, new = make_lead(budget_min=1, budget_max=2), make_lead(budget_min=8, budget_max=9)
    assert "lowest budget" in follow(boss, boss.post(PAGE, merge_form([old, new], old, budget_min=new)))
    old.refresh_from_db()
    assert (old.budget_min, old.version) == (1, 1)


def test_the_closing_date_is_merged(boss: Client) -> None:
    old, new = make_lead(), make_lead(status="closed")
    follow(boss, boss.post(PAGE, merge_form([old, new], old, status=new)))
    old.refresh_from_db()
    assert (old.status, old.closed_at) == ("closed", new.closed_at)


def test_merging_a_survivor_again() -> None:
    first, second, third = make_lead(), make_lead(), make_lead()
    merge(plan_of(second, third), SOMEBODY)
    merge(plan_of(first, second), SOMEBODY)
    assert set(Lead.objects.filter(merged_into=first).values_list("pk", flat=True)) == {second.pk, third.pk}


def run_of(**fields: Any) -> ImportRun:
    return ImportRun.objects.create(file_name="a.csv", sha256="x", state="done", **fields)


def test_undoing_the_import_of_merged_leads_changes_neither(agent: User) -> None:
    run = run_of(read=3, created=3)
    survivor, merged, other = make_lead(), make_lead(), make_lead()
    Lead.objects.filter(pk__in=[survivor.pk, merged.pk, other.pk]).update(import_run=run)
    merge(plan_of(survivor, merged), SOMEBODY)
    undone = undo.undo(run.pk, SOMEBODY)
    assert undone.undo_report["deleted"] == 1
    assert survivor.pk in undone.undo_report["left_created"]
    survivor.refresh_from_db()
    merged.refresh_from_db()
    assert (survivor.is_active, merged.is_active, merged.merged_into_id) == (True, False, survivor.pk)
    assert merged.version == 2


def test_undoing_an_import_that_updated_merged_leads_changes_neither() -> None:
    run = run_of(read=2, updated=2)
    survivor, merged = make_lead(phone="1"), make_lead(phone="2")
    for lead in (survivor, merged):
        before = {field: getattr(lead, field) for field in FIELDS} | {"phone": "earlier", "closed_at": None}
        ImportUpdate.objects.create(run=run, lead=lead, version=lead.version, before=before)
    merge(plan_of(survivor, merged), SOMEBODY)
    with pytest.raises(Refused):
        undo.undo(run.pk, SOMEBODY)
    assert set(Lead.objects.values_list("phone", "is_active")) == {("1", True), ("2", False)}


@pytest.mark.django_db(transaction=True)
def test_concurrent_activities_of_a_merged_lead(concurrent_db: None, api: Api) -> None:
    for _ in range(5):
        old, new = make_lead(), make_lead()
        calls = [partial(api.post, f"/api/leads/{lead.pk}/activities", activity_row()) for lead in (old, new)]
        *replies, _ = together(*calls, partial(_merge, old, new))
        logged = sum(reply.status_code == 201 for reply in replies)
        assert {reply.status_code for reply in replies} <= {201, 404}
        old.refresh_from_db()
        assert old.activity_count == logged == Activity.objects.of_lead(old.pk).count()
        assert not Activity.objects.of_lead(new.pk).exists()


def _merge(old: Lead, new: Lead) -> None:
    merge(plan_of(old, new), SOMEBODY)


@pytest.mark.django_db(transaction=True)
def test_concurrent_merges_of_the_same_leads(concurrent_db: None) -> None:
    one, two = make_lead(), make_lead()
    forth = plan_of(one, two)
    back = forth._replace(survivor=two.pk, others=(one.pk,))
    outcomes = together(*(partial(outcome, plan) for plan in (forth, back)))
    assert sorted(outcomes) == ["merged", "rejected"]
    assert Lead.objects.active().count() == 1


def outcome(plan: Plan) -> str:
    try:
        merge(plan, SOMEBODY)
    except MergeRejected:
        return "rejected"
    return "merged"


def test_long_values_are_shortened_without_normalization(boss: Client) -> None:
    """Normalizing 20,000 combining marks takes a second."""
    long = "a" + "\u0315" * 9999 + "\u0300" * 9999
    leads = [make_lead(property_interest=long + str(number)) for number in range(5)]
    begin = process_time()
    html = boss.get(PAGE, {"ids": ",".join(str(lead.pk) for lead in leads)}).content.decode()
    assert process_time() - begin < 2
    assert html.count("a" + "\u0315" * 199 + "…") == 5
