"""Hostile values in every form, list and action of the back office: an error or stored safely, and never a 500.

The forms are read off the pages, and the pages taken from the URL map: a new one cannot be forgotten.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import cycle, islice, product
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import account_log
from leads.back_office.filters import PARAMETERS
from leads.models import ImportRun, Lead
from tests.admin.people import ensure_groups
from tests.admin.test_permissions import all_routes
from tests.conftest import Case
from tests.factories import PASSWORD, make_activity, make_lead, make_user
from tests.security.corpus import TEXTS
from tests.users.mails import link_in, set_mail
from users.models import LoginFailure, User

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

FORM = "application/x-www-form-urlencoded"
SANE = {200, 302, 400, 403, 404, 405, 413, 429}
# As they go over the wire: what no text can be, and the field not at all, or as a list.
RAW = {"lone surrogate": "%ED%A0%80", "no UTF-8": "%ff%fe%C0%80", "half an escape": "%", "nothing": ""}
VALUES = {name: quote(text) for name, text in TEXTS.items()} | RAW
# Into every field; of the others each gets some, in turn: a page takes 30 ms, and all into all three minutes.
ALWAYS = ("NUL", "long", "2^63", "digits of other scripts", "minus", "lone surrogate", "half an escape")
IN_TURN = [name for name in VALUES if name not in ALWAYS]
TURNS = 2
STAYS = {"markup", "right-to-left override", "emoji"}  # what these change is not undone
if connection.vendor == "postgresql":  # its run is the slower one: what no form lets through to a database is left out
    ALWAYS = tuple(name for name in ALWAYS if name not in ("digits of other scripts", "half an escape"))
    TURNS = 1
LISTS = ("leads/lead", "activities/activity", "leads/importrun", "users/user", "auth/group", "users/accountevent")
QUERY = [*PARAMETERS, "q", "p", "o", "e", "all", "page", "activities", "ids", "_facets", "_popup", "_to_field", "next"]
QUERY += ["_changelist_filters", "email__contains", "password__startswith", "id__in", "search", "is_active__exact"]
QUERY += account_log.PARAMETERS
QUERY += ["groups__id__exact", "state__exact", "kind", "created_at__year", "lead__email", "user__password"]


ENDING = ("csrfmiddlewaretoken", "cancel", "import", "_is_active")


class Form(NamedTuple):
    """A POST form: its URL, and its fields with their initial values."""

    action: str
    fields: dict[str, str]


class _Forms(HTMLParser):
    """Parses all forms of a page. Checkboxes and radio buttons are checked, and named buttons are fields."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.found = path, list[Form]()
        self.by_id: dict[str, Form] = {}
        self.form: Form | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        name = given.get("name", "")
        if tag == "form":
            self.form = Form(given.get("action") or self.path, {})
            self.by_id[given.get("id", "")] = self.form
            if given.get("method", "").lower() == "post":
                self.found.append(self.form)
        form = self.by_id.get(given.get("form", "")) if "form" in given else self.form
        if form is None or (tag == "option" and self.select is None):
            return
        if tag in ("input", "button", "textarea") and name:
            form.fields.setdefault(name, given.get("value", ""))
        elif tag == "select":
            self.select = name
            form.fields.setdefault(name, "")
        elif tag == "option" and self.select and "selected" in given:
            form.fields[self.select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self.form = None if tag == "form" else self.form
        self.select = None if tag == "select" else self.select


def forms_in(reply: Any, path: str) -> list[Form]:
    """Return the forms of a page, without logout and without buttons that complete a process."""
    parser = _Forms(path)
    if reply.status_code == 200 and "text/html" in reply["Content-Type"]:
        parser.feed(reply.content.decode())
    for form in parser.found:
        for name in ENDING:
            form.fields.pop(name, None)
    return [form for form in parser.found if "logout" not in form.action]


@pytest.fixture
def boss(db: None) -> Client:
    """Return a superuser's browser."""
    ensure_groups()
    client = Client(raise_request_exception=False)
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def office(settings: Any) -> None:
    """Configure a mail server, so that all pages exist."""
    set_mail(settings)


@pytest.fixture
def objects(agent: User) -> dict[str, int]:
    """Return an id for each kind of page."""
    lead = make_lead(email="a@example.com", phone="5550100")
    make_lead(email="a@example.com")
    group = Group.objects.create(name="Interns")  # those of the migrations are gone after tests that empty the tables
    run = ImportRun.objects.create(file_name="fair.csv", sha256="0", state="done", read=1, skipped=1)
    return {
        "leads/lead": lead.pk,
        "leads/importrun": run.pk,
        "activities/activity": make_activity(lead, agent).pk,
        "users/user": agent.pk,
        "auth/group": group.pk,
    }


def pages(objects: dict[str, int]) -> Iterator[str]:
    """Return every page of the back office."""
    for route in all_routes(admin.site.get_urls()):
        if "(?P" not in route and route not in ("logout/", "login/"):
            of = next((pk for prefix, pk in objects.items() if route.startswith(prefix)), 1)
            yield "/admin/" + re.sub(r"<[^>]+>", str(of), route)


def more_forms(client: Client, objects: dict[str, int]) -> Iterator[Form]:
    """Return the pages with preconditions: merging, an upload, confirmations."""
    first, second = Lead.objects.order_by("pk")[:2]
    file = SimpleUploadedFile("fair.csv", b"First Name,Email,Shoe size\nAda,ada@example.com,38\nBo,bad,1\n")
    review = client.post("/admin/leads/importrun/add/", {"file": file})["Location"]
    for path in (f"/admin/leads/lead/merge/?ids={first.pk},{second.pk}", review):
        yield from forms_in(client.get(path), path)
    for action in ("set_status", "export", "delete_softly"):
        asked = client.post("/admin/leads/lead/", {"action": action, "_selected_action": [first.pk, second.pk]})
        yield from forms_in(asked, "/admin/leads/lead/")
    asked = client.post(f"/admin/users/user/{objects['users/user']}/password/").content.decode()
    path = client.get(link_in(asked))["Location"]
    yield from forms_in(client.get(path), path)
    for step in ("", "erase/"):
        path = f"/admin/personal-data/{step}"
        yield from forms_in(client.post(path, {"email": "a@example.com"}), path)


def send(client: Client, form: Form, field: str, value: str, content_type: str = FORM) -> Any:
    """Send a form with a raw value in one of its fields."""
    rest = urlencode({name: own for name, own in form.fields.items() if name != field})
    return client.generic("POST", form.action, f"{quote(field)}={value}&{rest}", content_type=content_type)


def assert_sane(reply: Any, *context: object) -> None:
    """Assert that a response is a page or a redirect, without contents of files and injected headers."""
    assert reply.status_code in SANE, (*context, reply.status_code)
    assert "Set-Cookie" not in reply.headers
    assert not any("\n" in value or "\r" in value for value in reply.headers.values()), context
    assert b"root:" not in b"".join(reply), context


def assert_whole(client: Client) -> None:
    """All that was stored is in every list, and agrees with its derived columns."""
    for path in ("", *(f"{one}/" for one in LISTS)):
        assert client.get(f"/admin/{path}").status_code == 200, path
    call_command("verify")


def collected(client: Client, objects: dict[str, int]) -> list[Form]:
    """Return the forms of all pages, each once."""
    forms = [form for path in pages(objects) for form in forms_in(client.get(path), path)]
    forms += more_forms(client, objects)
    return list({(form.action, *sorted(form.fields)): form for form in forms}.values())


def test_every_field_of_every_form(boss: Client, objects: dict[str, int]) -> None:
    forms = collected(boss, objects)
    fields = {
        (re.sub(r"[0-9a-f]{32,64}|\d+|(?<=set-password/).+", "1", form.action), re.sub(r"^seen-\d+$", "seen-1", name))
        for form in forms
        for name in form.fields
    }
    assert {
        ("/admin/leads/lead/add/", "email"),
        ("/admin/leads/lead/1/change/", "seen_version"),
        ("/admin/leads/lead/1/log/", "title"),
        ("/admin/leads/lead/merge/", "survivor"),
        ("/admin/leads/importrun/upload/1/", "column-0"),
        ("/admin/users/user/add/", "username"),
        ("/admin/set-password/1", "new_password1"),
        ("/admin/forgot-password/", "email"),
        ("/admin/password_change/", "old_password"),
        ("/admin/auth/group/1/change/", "name"),
        ("/admin/personal-data/erase/", "typed"),
        ("/admin/leads/lead/", "confirmed"),
        ("/admin/leads/lead/", "seen-1"),
    } <= fields
    turn, tried = cycle(IN_TURN), 0
    for form in forms:
        tried_here = set()
        for field in form.fields:
            for name in (*ALWAYS, *islice(turn, TURNS)):
                with transaction.atomic():
                    assert_sane(send(boss, form, field, VALUES[name]), form.action, field, name)
                    transaction.set_rollback(name not in STAYS)
                tried_here.add(name)
                tried += 1
            LoginFailure.objects.all().delete()
        if tried_here & STAYS:
            assert_whole(boss)
    assert tried > 110 * (len(ALWAYS) + TURNS)


def test_an_invalid_choice_is_an_error(boss: Client, objects: dict[str, int]) -> None:
    for path, field in (("users/user", "groups"), ("users/user", "user_permissions"), ("auth/group", "permissions")):
        form = forms_in(boss.get(f"/admin/{path}/{objects[path]}/change/"), f"/admin/{path}/{objects[path]}/change/")[0]
        reply = send(boss, form, field, str(2**63))
        assert reply.status_code == 200
        assert "is not one of the available choices" in reply.content.decode()


@pytest.mark.parametrize("page", ["leads/lead", "users/user", "auth/group"])
def test_a_search_that_is_refused_finds_nothing(boss: Client, objects: dict[str, int], page: str) -> None:
    shown = boss.get(f"/admin/{page}/", {"q": "a" * 1001}).content.decode()
    assert "more than 1,000 characters" in shown
    assert 'name="_selected_action"' not in shown


def test_a_list_answers_no_questions_but_its_own(boss: Client, case: Case) -> None:
    for lookup, page in product(
        ["id__in", "pk__gt", "password__startswith", "email__contains", "started_by__regex"], LISTS
    ):
        with case(lookup, page):
            assert boss.get(f"/admin/{page}/", {lookup: str(2**63)}).status_code == 400


@pytest.mark.parametrize("page", LISTS)
def test_query_strings_of_lists(boss: Client, objects: dict[str, int], page: str) -> None:
    turn = cycle(IN_TURN)
    for field in QUERY:
        for name in (*ALWAYS, *islice(turn, TURNS)):
            reply = boss.get(f"/admin/{page}/", QUERY_STRING=f"{field}={VALUES[name]}&{field}=1")
            assert_sane(reply, page, field, name)
            if field in PARAMETERS | account_log.PARAMETERS or field == "q":  # read where it stands alone
                assert_sane(boss.get(f"/admin/{page}/", QUERY_STRING=f"{field}={VALUES[name]}"), page, field, name)


PATHS = ("leads/lead/{}/change", "users/user/{}/password", "leads/importrun/{}/rejects", "r/{}/1", "r/1/{}", "{}")
PATHS += ("leads/importrun/upload/{}", "leads/importrun/{}/undo", "auth/group/{}/delete", "leads/{}")


def test_paths(boss: Client, objects: dict[str, int]) -> None:
    for name, text in TEXTS.items():
        for route in (
            "leads/lead/{}/change/",
            "users/user/{}/password/",
            "leads/importrun/{}/rejects/",
            "r/{}/1/",
            "{}",
        ):
            assert_sane(boss.get("/admin/" + route.format(quote(text[:3000], safe=""))), route, name)
        assert_sane(boss.get(f"/admin/leads/importrun/upload/{quote(text[:3000], safe='')}/"), name)


@pytest.mark.parametrize("field", ["username", "password", "next"])
def test_the_log_in_page(boss: Client, field: str) -> None:
    browser = Client(raise_request_exception=False)
    form = Form("/admin/login/", {"username": "boss", "password": PASSWORD, "next": "/admin/"})
    for name, value in VALUES.items():
        reply = send(browser, form, field, value)
        assert reply.status_code in (200, 302, 400, 413), name  # a form that is too long is not read
        if reply.status_code == 302:
            assert urlsplit(urljoin("http://testserver/admin/login/", reply["Location"])).netloc == "testserver", name
        LoginFailure.objects.all().delete()
        browser.logout()


def test_content_types_and_doubled_fields(boss: Client, objects: dict[str, int]) -> None:
    fields = {"first_name": "Zoë", "status": "new", "source": "x", "_save": "1"}
    form = Form("/admin/leads/lead/add/", fields)
    for charset in (
        "utf-8",
        "latin-1",
        "utf-16",
        "utf-7",
        "nonsense",
        '"',
        "x" * 500,
        "\N{SNOWMAN}".encode().decode("latin-1"),
    ):
        assert_sane(send(boss, form, "last_name", "a", f"{FORM}; charset={charset}"), charset)
        part = '--x\r\nContent-Disposition: form-data; name="first_name"\r\n\r\nZoë\r\n--x--\r\n'.encode()
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        assert_sane(boss.generic("POST", form.action, part, content_type=kind), charset)
    for kind in ("", "text/xml", "application/json", "multipart/form-data", "multipart/form-data; boundary="):
        assert_sane(boss.generic("POST", form.action, b"[" * 10**6, content_type=kind), kind)
    many = "&".join(f"a{number}=1" for number in range(5000))
    assert send(boss, form, "x", f"1&{many}").status_code == 400
    assert send(boss, form, "last_name", "first&last_name=last").status_code == 302
    assert Lead.objects.newest_first()[0].last_name == "last"
    for name in ("a\0", "__proto__", "status-9223372036854775808", "seen-1", "x" * 10_000, "column-1", "\ud800"):
        raw = quote(name.encode("utf-8", "surrogatepass"))
        for action in ("/admin/leads/lead/", form.action):
            reply = boss.generic("POST", action, f"{raw}=1&_statuses=1&{raw}=2".encode(), content_type=FORM)
            assert_sane(reply, name)
    assert_whole(boss)


wire = st.binary(max_size=40).map(lambda raw: quote(raw)) | st.text(max_size=20).map(quote)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_else_comes_over_the_wire(boss: Client, objects: dict[str, int], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(["leads/lead/add/", "leads/lead/", f"leads/lead/{objects['leads/lead']}/log/"]))
    names = st.sampled_from(["first_name", "email", "status", "budget_min", "title", "activity_date", "duration"])
    pairs = data.draw(st.lists(st.tuples(names | wire, wire), max_size=6))
    query = data.draw(st.lists(st.tuples(st.sampled_from(QUERY) | wire, wire), max_size=3))
    body, asked = ("&".join(f"{name}={value}" for name, value in some) for some in (pairs, query))
    assert_sane(boss.generic("POST", f"/admin/{path}", body, content_type=FORM, QUERY_STRING=asked), path, body, asked)
    assert_sane(boss.get("/admin/leads/lead/", QUERY_STRING=asked), asked)


def test_actions_on_ids_that_are_none(boss: Client, objects: dict[str, int], case: Case) -> None:
    numbers = ["a", "", "1.0", "-1", "\0", "\u202e", str(2**63), "9" * 40, "null", "\u0661"]
    for page, actions in [
        ("/admin/users/user/", ["deactivate", "reactivate", "unlock"]),
        ("/admin/auth/group/", ["delete_selected"]),
        ("/admin/leads/lead/", ["restore", "export"]),
    ]:
        with case(page):
            for number, action in product(numbers, actions):
                form = {"action": action, "_selected_action": [number, number], "index": "0"}
                reply = boss.post(page, form, follow=True)
                assert (reply.status_code, reply.redirect_chain[-1][0]) == (200, page), (number, action)
                assert "Invalid selection" in reply.content.decode(), (number, action)
            assert_whole(boss)


@pytest.mark.parametrize("field", ["lead", "user", "title", "none"])
def test_nothing_is_looked_up_for_fields_that_no_form_has(boss: Client, field: str) -> None:
    asked = {"app_label": "activities", "model_name": "activity", "field_name": field, "term": "a"}
    assert boss.get("/admin/autocomplete/", asked).status_code == 403
