"""POST /api/leads with one object."""

import json
import re
from itertools import product
from typing import Any

import pytest
from django.utils import timezone

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import lead_row

pytestmark = pytest.mark.django_db

MINIMAL = {"first_name": "Ada", "last_name": "Lovelace", "email": "", "phone": ""}
TEXTS = ("first_name", "last_name", "email", "phone", "status", "source", "property_interest")
TIMES = ("created_at", "updated_at")


def create(api: Api, **fields: Any) -> dict[str, Any]:
    reply = api.post("/api/leads", {**MINIMAL, **fields})
    assert reply.status_code == 201, reply.content
    return reply.json()


def problems(api: Api, **fields: Any) -> list[tuple[str, list[Any]]]:
    found = refused(api.post("/api/leads", {**MINIMAL, **fields}))
    assert not Lead.objects.exists()
    return found


def test_it_works(api: Api) -> None:
    before = timezone.now()
    body = {
        "first_name": "John",
        "last_name": "Smith",
        "email": "john.smith@example.com",
        "phone": "+1-555-0100",
        "status": "new",
        "source": "website",
        "budget_min": 300000,
        "budget_max": 450000,
        "property_interest": "2BR condo",
    }
    reply = api.post("/api/leads", body)
    assert reply.status_code == 201
    lead = Lead.objects.get()
    out = reply.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", out["created_at"])
    own = {"id": lead.pk, "is_active": True, "activity_count": 0}
    moments = {name: lead.created_at.replace(tzinfo=None).isoformat(timespec="microseconds") for name in TIMES}
    assert out == {**body, **own, **moments}
    assert {name: getattr(lead, name) for name in body} == body
    assert before <= lead.created_at == lead.updated_at <= timezone.now()
    assert (lead.version, lead.is_active, lead.closed_at) == (1, True, None)
    assert api.get(reply["Location"]).json() == out


def test_what_is_left_out_has_its_default(api: Api) -> None:
    out = create(api)
    assert (out["status"], out["source"]) == ("new", "website")
    assert (out["budget_min"], out["budget_max"], out["property_interest"]) == (None, None, None)


@pytest.mark.parametrize("blank", ["", "   "])
def test_an_empty_status_or_source_means_the_default(api: Api, blank: str) -> None:
    out = create(api, status=blank, source=blank)
    assert (out["status"], out["source"]) == ("new", "website")


def test_text_may_be_empty(api: Api) -> None:
    out = create(api, first_name="", last_name="", property_interest="")
    assert (out["first_name"], out["last_name"], out["email"], out["phone"]) == ("", "", "", "")
    assert out["property_interest"] == ""


def test_text_is_trimmed(api: Api) -> None:
    text = {
        "first_name": "  Ada ",
        "last_name": "\tvan  der\n",
        "email": " ada@example.com ",
        "phone": " 1 ",
        "source": " Open House\u3000",
        "property_interest": "\n two\nlines \n",
    }
    out = create(api, **text)
    assert {name: out[name] for name in text} == {name: value.strip() for name, value in text.items()}


def test_status_is_lower_case_and_source_keeps_its_spelling(api: Api) -> None:
    out = create(api, status="  Viewing BOOKED ", source="Zillow PRO")
    assert (out["status"], out["source"]) == ("viewing booked", "Zillow PRO")


def test_text_comes_back_as_it_was_sent(api: Api, case: Case) -> None:
    for text in ["Zoë 王小明 😀", "'; DROP TABLE x;--", "<b>&amp;</b>", "a\nb\tc", "\u202eabc"]:
        with case(text):
            out = create(api, first_name=text, property_interest=text)
            assert (out["first_name"], out["property_interest"]) == (text, text)
            assert api.get(f"/api/leads/{out['id']}").json() == out


LONGEST = {"first_name": 150, "last_name": 150, "phone": 64, "status": 32, "source": 64, "property_interest": 20_000}


def test_the_longest_text_fits_and_one_more_does_not(api: Api, case: Case) -> None:
    for letter, (field, longest) in product(["x", "ü", "😀"], LONGEST.items()):
        with case(letter, field, longest):
            assert problems(api, **{field: letter * (longest + 1)}) == [("string_too_long", ["body", field])]
            assert create(api, **{field: f"  {letter * longest} "})[field] == letter * longest


def test_the_longest_email_fits_and_one_more_does_not(api: Api) -> None:
    address = "a" * 242 + "@example.com"
    assert len(address) == 254
    assert problems(api, email="a" + address) == [("string_too_long", ["body", "email"])]
    assert create(api, email=address)["email"] == address


@pytest.mark.parametrize("field", ["first_name", "last_name", "email", "phone"])
def test_required_fields(api: Api, field: str) -> None:
    row = {name: value for name, value in lead_row().items() if name != field}
    assert refused(api.post("/api/leads", row)) == [("missing", ["body", field])]


def test_every_problem_is_told_at_once(api: Api) -> None:
    found = refused(api.post("/api/leads", {"first_name": 1, "email": "x", "status": None, "budget_min": -1}))
    assert sorted(found) == [
        ("greater_than_equal", ["body", "budget_min"]),
        ("missing", ["body", "last_name"]),
        ("missing", ["body", "phone"]),
        ("string_type", ["body", "first_name"]),
        ("string_type", ["body", "status"]),
        ("value_error", ["body", "email"]),
    ]


def test_strings_must_be_strings(api: Api, case: Case) -> None:
    for value, field in product(
        [1, 1.5, True, ["x"], {"x": 1}],
        ["first_name", "last_name", "email", "phone", "status", "source", "property_interest"],
    ):
        with case(value, field):
            assert problems(api, **{field: value}) == [("string_type", ["body", field])]


def test_null_for_a_field_that_is_not_nullable(api: Api, case: Case) -> None:
    for field in ["first_name", "last_name", "email", "phone", "status", "source"]:
        with case(field):
            assert problems(api, **{field: None}) == [("string_type", ["body", field])]


def test_null_for_the_nullable_fields(api: Api) -> None:
    out = create(api, budget_min=None, budget_max=None, property_interest=None)
    assert (out["budget_min"], out["budget_max"], out["property_interest"]) == (None, None, None)


@pytest.mark.parametrize("field", ["first_name", "email", "status", "property_interest"])
def test_nul_is_refused(api: Api, field: str) -> None:
    assert problems(api, **{field: "a\0b@example.com"}) == [("value_error", ["body", field])]


@pytest.mark.parametrize("field", ["last_name", "source", "property_interest"])
def test_unpaired_surrogates_are_refused(api: Api, field: str) -> None:
    found = refused(api.send("POST", "/api/leads", json.dumps({**MINIMAL, field: "\ud800"})))
    assert [loc for _, loc in found] == [["body", field]]


def test_bad_addresses(api: Api, case: Case) -> None:
    for email in ["a", "a@b", "@b.co", "a@@b.co", "a b@c.de", "a@b..co", "a@b.co\n.uk", "a@.co", "a@b.co."]:
        with case(email):
            assert problems(api, email=email) == [("value_error", ["body", "email"])]


@pytest.mark.parametrize("email", ["a@b.c", "o'brien+x@sub.example.com", "pelé@bücher.example", "A@EXAMPLE.COM"])
def test_good_addresses_keep_their_spelling(api: Api, email: str) -> None:
    assert create(api, email=email)["email"] == email


def test_unknown_and_server_set_fields_are_ignored(api: Api) -> None:
    sent = {
        "id": 77_777,
        "is_active": False,
        "created_at": "2001-01-01",
        "updated_at": 5,
        "activity_count": 9,
        "version": "x",
        "closed_at": "2001-01-01T00:00:00",
        "search": "secret",
        "email_key": None,
        "nickname": {"a": []},
        "": 1,
    }
    out = create(api, **sent)
    lead = Lead.objects.get()
    assert lead.pk == out["id"] != 77_777
    assert (out["is_active"], out["activity_count"], lead.version, lead.closed_at) == (True, 0, 1, None)
    assert lead.created_at == lead.updated_at
    assert lead.created_at.year > 2001
    assert api.get("/api/leads", q="secret").json() == []
    assert set(out) == {*MINIMAL, *LONGEST, "budget_min", "budget_max", "id", "is_active", *TIMES, "activity_count"}


def test_created_closed_counts_as_becoming_closed(api: Api) -> None:
    create(api, status=" CLOSED ")
    lead = Lead.objects.get()
    assert lead.status == "closed"
    assert lead.closed_at == lead.created_at


def test_twins_are_both_stored(api: Api) -> None:
    row = lead_row()
    assert [api.post("/api/leads", row).status_code for _ in range(2)] == [201, 201]
    assert Lead.objects.count() == 2


def test_a_body_that_is_no_lead(api: Api, case: Case) -> None:
    for body in [b"", b"null", b"1", b'"x"', b"{", b"nonsense"]:
        with case(body):
            assert [loc[0] for _, loc in refused(api.send("POST", "/api/leads", body))] == ["body"]
            assert not Lead.objects.exists()


@pytest.mark.parametrize(
    "address", ["<bo@example.com>", "ann@example.com;", "ann@example.com\u200b", "di\xad@example.com"]
)
def test_an_address_has_nothing_around_it(api: Api, address: str) -> None:
    assert problems(api, email=address) == [("value_error", ["body", "email"])]
    assert create(api, email='"bo;li"@example.com')["email"] == '"bo;li"@example.com'
