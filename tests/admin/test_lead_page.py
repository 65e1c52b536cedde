"""The page of one lead: saving, conflicts, activities, history, duplicates."""

import io
from datetime import date
from functools import partial
from time import process_time
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags

from activities.models import Activity
from leads.models import Lead, LeadChange
from tests.admin.lead_forms import fields_in, open_form
from tests.admin.lists import visible_text
from tests.admin.people import join, make_person
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import SOMEBODY, lead_row, make_activity, make_follow_up, make_lead, make_user
from tests.test_query_counts import statements
from users.models import User
from users.permissions import STAFF

pytestmark = pytest.mark.django_db


def change_page(lead: Lead) -> str:
    return f"/admin/leads/lead/{lead.pk}/change/"


def get_html(browser: Client, page: str) -> str:
    reply = browser.get(page)
    assert reply.status_code == 200
    return reply.content.decode()


def save(browser: Client, lead: Lead, form: dict[str, str]) -> Any:
    return browser.post(change_page(lead), {**form, "_continue": "1"})


@pytest.fixture
def maria(db: None) -> Client:
    """Return the client of a second user."""
    client = Client()
    user = make_user(username="maria", first_name="Maria", last_name="Lopez", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def test_it_works(boss: Client, api: Api) -> None:
    lead = make_lead(first_name="Ada", budget_min=1, status="contacted")
    form = open_form(boss, change_page(lead))
    assert (form["first_name"], form["budget_min"], form["status"]) == ("Ada", "1", "contacted")
    assert save(boss, lead, {**form, "status": "closed", "budget_max": "5"}).status_code == 302
    row = api.get(f"/api/leads/{lead.pk}").json()
    assert (row["status"], row["budget_max"], row["first_name"]) == ("closed", 5, "Ada")
    lead.refresh_from_db()
    assert (lead.version, lead.closed_at) == (2, lead.updated_at)
    change = LeadChange.objects.of_lead(lead.pk)[0]
    assert (change.channel, change.changes) == ("admin", {"status": ["contacted", "closed"], "budget_max": [None, 5]})


def test_saving_without_changes_writes_nothing(boss: Client) -> None:
    lead = make_lead(budget_min=7, property_interest="A house\nwith a garden")
    assert save(boss, lead, open_form(boss, change_page(lead))).status_code == 302
    lead.refresh_from_db()
    assert (lead.version, lead.property_interest) == (1, "A house\nwith a garden")


def test_it_says_what_was_saved(boss: Client, case: Case) -> None:
    day = date.today().isoformat()
    call, step = {"log-title": "Left a message"}, {"log-next_on": "2099-12-31"}
    for entries, said in (
        ({}, ["Nothing was changed."]),
        (call, ["Activity logged."]),
        (step, ["Follow-up planned for 31 Dec 2099."]),
        ({"consent-statement": "call:revoked"}, ["Consent recorded."]),
        ({"status": "closed"}, ["Ada King was saved."]),
        ({"status": "lost", **call}, ["Ada King was saved.", "Activity logged."]),
        ({"_is_active": "False"}, ["Ada King was deleted. It can be restored on its page."]),
    ):
        for button in ("_continue", "_save"):
            with case(button, entries):
                lead = make_lead(first_name="Ada", last_name="King")
                form = {**open_form(boss, change_page(lead)), "log-activity_type": "call", "log-activity_date": day}
                reply = boss.post(change_page(lead), {**form, **entries, button: "1"}, follow=True)
                assert [strip_tags(str(message)) for message in reply.context["messages"]] == said


def test_what_was_not_saved_is_not_said_to_be(boss: Client) -> None:
    lead = make_lead()
    form = open_form(boss, change_page(lead)) | {"log-activity_type": "call", "log-title": "Left a message"}
    form |= {"log-activity_date": date.today().isoformat(), "consent-statement": "call:revoked"}
    with mock.patch("leads.consents.MAX_CONSENTS", 0):
        reply = save(boss, lead, form)
    assert not Activity.objects.exists()
    assert "Not saved." in visible_text(reply.content.decode())
    assert "Activity logged." not in visible_text(reply.content.decode())


def test_a_new_lead_needs_a_name_an_email_or_a_phone(boss: Client) -> None:
    form = open_form(boss, "/admin/leads/lead/add/") | {"property_interest": "condo"}
    reply = boss.post("/admin/leads/lead/add/", form)
    assert "Enter a name, an email or a phone number." in reply.content.decode()
    assert not Lead.objects.exists()


def test_a_new_lead(boss: Client) -> None:
    form = open_form(boss, "/admin/leads/lead/add/") | {"first_name": "Zoe", "email": "zoe@example.com"}
    reply = boss.post("/admin/leads/lead/add/", form)
    lead = Lead.objects.get()
    assert reply["Location"] == change_page(lead)  # where the call is logged
    assert (lead.first_name, lead.status, lead.source, lead.is_active) == ("Zoe", "new", "website", True)


def test_agents_own_the_leads_that_they_add() -> None:
    for kind, owns in (("staff", True), ("manager", False)):
        user, browser = make_person(kind), Client()
        browser.force_login(user)
        form = open_form(browser, "/admin/leads/lead/add/") | {"first_name": kind}
        assert browser.post("/admin/leads/lead/add/", form).status_code == 302
        assert Lead.objects.get(first_name=kind).owner_id == (user.pk if owns else None)


def test_invalid_values(boss: Client) -> None:
    lead = make_lead()
    form = open_form(boss, change_page(lead)) | {"email": "nowhere", "budget_min": "5", "budget_max": "x\0"}
    reply = save(boss, lead, form)
    assert reply.status_code == 200
    assert "Enter a valid email address." in reply.content.decode()
    lead.refresh_from_db()
    assert lead.version == 1


def test_a_concurrent_change_is_not_overwritten(boss: Client, maria: Client) -> None:
    lead = make_lead(phone="1", source="website")
    mine = open_form(boss, change_page(lead))
    save(maria, lead, open_form(maria, change_page(lead)) | {"phone": "2", "status": "qualified"})
    reply = save(boss, lead, mine | {"phone": "3", "source": "fair"})
    html = reply.content.decode()
    assert reply.status_code == 200
    assert "Not saved: someone else changed this lead." in html
    assert "Maria Lopez" in html
    assert "Phone from 1 to 2; Status from new to qualified" in html
    assert "Current value: 2" in html
    lead.refresh_from_db()
    assert (lead.phone, lead.source, lead.version) == ("2", "website", 2)
    # Entries stay; other fields show the current values, so that saving again does not reset them.
    again = fields_in(html)
    assert (again["phone"], again["source"], again["status"], again["seen_version"]) == ("3", "fair", "qualified", "2")
    assert save(boss, lead, again).status_code == 302
    lead.refresh_from_db()
    assert (lead.phone, lead.source, lead.status, lead.version) == ("3", "fair", "qualified", 3)


def browser_of(name: str) -> Client:
    client = Client()
    client.force_login(make_user(username=name, last_name=name, is_staff=True, is_superuser=True))
    return client


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_saves_one_is_a_conflict(concurrent_db: None) -> None:
    browsers = [browser_of("boss"), browser_of("maria")]
    for _ in range(5):
        lead = make_lead(phone="1")
        forms = [
            open_form(browser, change_page(lead)) | {"phone": f"of {number}"} for number, browser in enumerate(browsers)
        ]
        replies = together(*(partial(save, *args) for args in zip(browsers, [lead] * 2, forms, strict=True)))
        assert sorted(reply.status_code for reply in replies) == [200, 302]
        rejected = next(reply for reply in replies if reply.status_code == 200).content.decode()
        assert "Not saved: someone else changed this lead." in rejected
        lead.refresh_from_db()
        assert lead.version == 2
        assert lead.phone == f"of {[reply.status_code for reply in replies].index(302)}"


def test_a_concurrent_activity_is_no_conflict(boss: Client, agent: User) -> None:
    lead = make_lead()
    form = open_form(boss, change_page(lead))
    make_activity(lead, agent)
    assert save(boss, lead, form | {"status": "lost"}).status_code == 302
    lead.refresh_from_db()
    assert (lead.status, lead.activity_count) == ("lost", 1)


def test_delete_and_restore(boss: Client, api: Api) -> None:
    lead = make_lead()
    save(boss, lead, open_form(boss, change_page(lead)) | {"_is_active": "False"})
    assert api.get(f"/api/leads/{lead.pk}").status_code == 404
    html = get_html(boss, change_page(lead))
    assert "This lead is deleted" in html
    save(boss, lead, fields_in(html) | {"_is_active": "True"})
    assert api.get(f"/api/leads/{lead.pk}").status_code == 200
    kinds = [change.kind for change in LeadChange.objects.of_lead(lead.pk)]
    assert kinds[:2] == ["restored", "deleted"]


def test_an_erased_lead_cannot_be_restored(boss: Client) -> None:
    lead = make_lead(email="ada@example.com")
    call_command("erase_person", "ada@example.com", "--yes", stdout=io.StringIO())
    html = get_html(boss, change_page(lead))
    assert "This lead is erased" in html
    assert "Restore" not in html.partition("lead-summary")[0]
    assert boss.post(change_page(lead), {"first_name": "Back", "_is_active": "True"}).status_code == 403
    assert not Lead.objects.filter(is_active=True).exists()
    assert not Lead.objects.filter(first_name="Back").exists()


ACTIVITY = {
    "activity_type": "call",
    "title": "Left a message",
    "notes": "",
    "duration": "",
    "activity_date": "2026-11-02",
}


def test_the_author_of_an_activity_is_the_user(maria: Client, api: Api) -> None:
    lead = make_lead()
    reply = maria.post(f"/admin/leads/lead/{lead.pk}/log/", {**ACTIVITY, "user_name": "Someone else", "notes": "Later"})
    assert reply.status_code == 302
    row = api.get(f"/api/leads/{lead.pk}/activities").json()[0]
    assert (row["user_name"], row["title"], row["notes"], row["duration"]) == (
        "Maria Lopez",
        "Left a message",
        "Later",
        None,
    )
    lead.refresh_from_db()
    assert (lead.activity_count, lead.version) == (1, 1)
    assert "Left a message" in get_html(maria, change_page(lead))


def test_the_default_date_is_today(boss: Client) -> None:
    from django.utils import timezone

    assert f'value="{timezone.localdate().isoformat()}"' in get_html(boss, change_page(make_lead()))


def test_an_invalid_activity_shows_errors_and_the_entries(boss: Client, case: Case) -> None:
    for field, value, error in [
        ("title", " ", "This field is required."),
        ("title", "x" * 256, "at most 255 characters"),
        ("duration", "long", "Enter a whole number."),
        ("duration", "-1", "Enter 0 or more."),
        ("duration", "9" * 30, "Enter 2,147,483,647 or less."),
        ("activity_date", "", "Enter a valid date"),
        ("activity_date", "2026-02-30", "Enter a valid date"),
        ("activity_type", "", "required"),
        ("activity_type", "x" * 33, "at most 32 characters"),
        ("notes", "x" * 20_001, "at most 20,000 characters"),
        ("notes", "a\0b", "Null characters"),
    ]:
        with case(field, value, error):
            lead = make_lead()
            reply = boss.post(f"/admin/leads/lead/{lead.pk}/log/", {**ACTIVITY, field: value})
            html = reply.content.decode()
            assert reply.status_code == 200
            assert error in html
            assert field == "title" or 'value="Left a message"' in html
            lead.refresh_from_db()
            assert (lead.activity_count, Activity.objects.count()) == (0, 0)


def test_no_activity_of_a_deleted_lead(boss: Client) -> None:
    lead = make_lead(is_active=False)
    html = boss.post(f"/admin/leads/lead/{lead.pk}/log/", {**ACTIVITY, "notes": "A long call"}).content.decode()
    assert not Activity.objects.exists()
    assert "Not logged: this lead is deleted." in visible_text(html)
    assert fields_in(html, "log_form")["notes"] == "A long call"


def test_entries_are_not_lost_if_somebody_deletes_the_lead(boss: Client, maria: Client) -> None:
    lead = make_lead(first_name="Ada", last_name="King")
    entries = {"log-activity_type": "call", "log-title": "Called", "log-notes": "A long call"}
    entries |= {
        "log-activity_date": date.today().isoformat(),
        "log-next_on": "2099-12-31",
        "consent-statement": "text:revoked",
    }
    mine = open_form(boss, change_page(lead)) | entries
    save(maria, lead, open_form(maria, change_page(lead)) | {"_is_active": "False"})
    for expected in ("Not saved: someone else changed this lead.", "Restore it to save the activity"):
        html = save(boss, lead, mine).content.decode()
        assert expected in visible_text(html)
        # These fields are outside the form's element and belong to it by their attribute.
        for words in ('value="Called"', "A long call</textarea>", 'value="2099-12-31"'):
            assert words in html
        mine = mine | fields_in(html)
    assert not Activity.objects.exists()
    reply = boss.post(change_page(lead), {**mine, "_is_active": "True"}, follow=True)
    said = [strip_tags(str(message)) for message in reply.context["messages"]]
    follow_up = "Follow-up planned for 31 Dec 2099."
    assert said == ["Ada King was restored.", "Activity logged.", follow_up, "Consent recorded."]
    assert Activity.objects.get().notes == "A long call"


@pytest.mark.parametrize("number", ["0", "999999999", "9" * 30, "x"])
def test_no_such_lead(boss: Client, number: str) -> None:
    assert boss.post(f"/admin/leads/lead/{number}/log/", ACTIVITY).status_code == 404
    assert boss.get(f"/admin/leads/lead/{number}/history/").status_code == 404
    assert boss.get(f"/admin/leads/lead/{number}/change/").status_code == 302


def test_activities_are_newest_first_in_pages(boss: Client, agent: User) -> None:
    lead = make_lead()
    for day in range(1, 26):
        make_activity(lead, agent, title=f"Call {day:02}", activity_date=f"2026-10-{day:02}")
    first, second = get_html(boss, change_page(lead)), get_html(boss, f"{change_page(lead)}?activities=2")
    assert first.index("Call 25") < first.index("Call 24") < first.index("Call 06")
    assert "Call 05" not in first
    assert "Call 05" in second
    assert "Call 06" not in second
    for invalid in ("x", "-1", "", "9" * 30):
        assert "Call 25" in get_html(boss, f"{change_page(lead)}?activities={invalid}")


def test_history(boss: Client, api: Api) -> None:
    lead = make_lead(first_name="Ada")
    api.put(f"/api/leads/{lead.pk}", {"status": "qualified", "budget_min": 250000})
    html = get_html(boss, change_page(lead))
    history = html[html.index('id="history-title"') :]
    for text in ("Agent One", "app", "Status", "new", "qualified", "Budget min", "250,000"):
        assert text in history
    assert history.index("qualified") < history.index("Created")


def test_history_of_follow_ups(boss: Client, agent: User) -> None:
    lead = make_lead()
    make_follow_up(lead, agent, due_on=date(2026, 12, 3))
    history = visible_text(get_html(boss, change_page(lead)).partition('id="history-title"')[2])
    assert "Follow up call: Call back" in history
    assert "→ call: Call back" not in history
    assert f"Assignee — → {agent.name}" in history
    assert "Due on — → 3 Dec 2026" in history


def test_history_in_pages(boss: Client) -> None:
    lead = make_lead()
    for number in range(60):
        Lead.objects.update_lead(lead.pk, {"phone": f"number {number:02}"}, SOMEBODY)
    path = f"/admin/leads/lead/{lead.pk}/history/"
    assert "All changes" in get_html(boss, change_page(lead))
    first, second = get_html(boss, path), get_html(boss, f"{path}?page=2")
    assert "number 59" in first
    assert "number 05" not in first
    assert "number 05" in second
    assert "Created" in second


def test_markup_is_escaped(boss: Client, agent: User) -> None:
    evil = "<script>alert(1)</script>"
    lead = make_lead(first_name=evil, email="", phone=evil, property_interest=evil)
    twin = make_lead(first_name=evil, last_name=lead.last_name, phone="5", email="twin@example.com")
    Lead.objects.update_lead(twin.pk, {"phone": "6", "email": ""}, SOMEBODY)
    make_activity(lead, agent, title=evil, notes=evil, activity_type=evil)
    Lead.objects.update_lead(lead.pk, {"source": evil}, SOMEBODY)
    for path in (change_page(lead), f"/admin/leads/lead/{lead.pk}/history/", f"/admin/leads/lead/{lead.pk}/log/"):
        assert evil not in get_html(boss, path)
    assert evil not in get_html(boss, f"/admin/leads/lead/merge/?ids={lead.pk},{twin.pk}")


def test_possible_duplicates(boss: Client) -> None:
    lead = make_lead(email="ada@example.com", first_name="Ada", last_name="King", phone="+1 555 0100")
    by_mail = make_lead(email="ADA@example.com", first_name="Countess")
    by_person = make_lead(email="", first_name="ada", last_name="KING", phone="1-555-0100")
    make_lead(email="ada@example.com", is_active=False, first_name="Deleted")
    make_lead(first_name="Other")
    html = get_html(boss, change_page(lead))
    banner = html[html.index("Possible duplicates") : html.index("lead-summary")]
    assert f"/admin/leads/lead/{by_mail.pk}/change/" in banner
    assert f"/admin/leads/lead/{by_person.pk}/change/" in banner
    assert f"/admin/leads/lead/merge/?ids={lead.pk},{by_person.pk}" in banner
    assert "Deleted" not in banner
    assert "Other" not in banner


def test_duplicates_are_limited_and_empty_keys_do_not_match(boss: Client) -> None:
    lead = make_lead(email="", phone="")
    make_lead(email="", phone="")
    assert "Possible duplicates" not in get_html(boss, change_page(lead))
    many = [make_lead(email="office@example.com") for _ in range(15)]
    html = get_html(boss, change_page(many[3]))
    assert html.count("Merge…") == 10


def test_the_number_of_queries_is_constant(boss: Client, agent: User) -> None:
    # 1. session  2. user  3. second factor  4. the lead  5. its activities  6. its history  7. its duplicates
    # 8. its consents  9. its follow-ups  10. the users who may own it  11. the saved views of the sidebar  12. who
    # created it, if the history is short enough to show it
    lead, costs = make_lead(email="office@example.com"), []
    get_html(boss, change_page(lead))  # the first request of a minute also stores that the session is used
    for rows in (1, 30):
        for number in range(rows):
            make_activity(lead, agent)
            make_lead(**lead_row(email="office@example.com"))
            Lead.objects.update_lead(lead.pk, {"phone": f"{rows} {number}"}, SOMEBODY)
        with statements() as run:
            get_html(boss, change_page(lead))
        costs.append(len(run))
    assert costs == [12, 11]


def test_permission_for_leads_only(agent: User) -> None:
    lead = make_lead(first_name="Ada")
    make_activity(lead, agent, title="Showed the garden")
    viewer, browser = make_user(is_staff=True), Client()
    viewer.user_permissions.add(Permission.objects.get(codename="view_lead"))
    browser.force_login(viewer)
    html = get_html(browser, change_page(lead))
    assert "Ada" in html
    for hidden in ("Showed the garden", "history-title", "Log activity", "Seen version", ">Save<", ">Delete<"):
        assert hidden not in html
    assert browser.get(f"/admin/leads/lead/{lead.pk}/history/").status_code == 403
    assert browser.post(f"/admin/leads/lead/{lead.pk}/log/", ACTIVITY).status_code == 403
    assert browser.post(change_page(lead), {"first_name": "Eve"}).status_code == 403
    lead.refresh_from_db()
    assert (lead.first_name, lead.activity_count) == ("Ada", 1)


def test_office_staff(agent: User) -> None:
    lead = make_lead()
    clerk, browser = make_user(is_staff=True), Client()
    join(clerk, STAFF)
    browser.force_login(clerk)
    browser.post(f"/admin/leads/lead/{lead.pk}/log/", ACTIVITY)
    save(browser, lead, open_form(browser, change_page(lead)) | {"status": "qualified"})
    html = get_html(browser, change_page(lead))
    for text in ("Left a message", "qualified", "history-title"):
        assert text in html
    lead.refresh_from_db()
    assert (lead.status, lead.activity_count) == ("qualified", 1)
    assert browser.get(f"/admin/leads/lead/merge/?ids={lead.pk},{lead.pk + 1}").status_code == 403


@pytest.mark.parametrize(("typed", "stored"), [("450,000", 450_000), (" 1 250 000 ", 1_250_000), ("", None)])
def test_budgets_with_separators(boss: Client, typed: str, stored: int | None) -> None:
    lead = make_lead(budget_min=7, budget_max=2_000_000)
    save(boss, lead, {**open_form(boss, change_page(lead)), "budget_min": typed})
    lead.refresh_from_db()
    assert lead.budget_min == stored


@pytest.mark.parametrize(
    ("typed", "error"),
    [("-5", "Enter 0 or more."), ("9" * 19, "less than or equal to 9223372036854775807"), ("4e5", "Enter a")],
)
def test_invalid_budgets(boss: Client, typed: str, error: str) -> None:
    lead = make_lead(budget_min=7)
    assert error in save(boss, lead, {**open_form(boss, change_page(lead)), "budget_min": typed}).content.decode()
    lead.refresh_from_db()
    assert (lead.budget_min, lead.version) == (7, 1)


def test_long_values_are_shortened_without_normalization(boss: Client, api: Api) -> None:
    """Normalizing 20,000 combining marks takes a second."""
    lead = make_lead()
    for number in range(4):
        long = "a" + "\u0315" * 9999 + "\u0300" * 9998 + str(number)
        assert api.put(f"/api/leads/{lead.pk}", lead_row(property_interest=long)).status_code == 200
    begin = process_time()
    html = get_html(boss, change_page(lead))
    assert process_time() - begin < 2
    assert html.count("<ins>a" + "\u0315" * 119 + "…</ins>") == 4
