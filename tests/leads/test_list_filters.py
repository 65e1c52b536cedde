"""GET /api/leads: q, status and source; the budgets are in test_list_budgets.py."""

import pytest

from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_lead

pytestmark = pytest.mark.django_db


def found(api: Api, **query: object) -> set[str]:
    """Return the first names of the leads a query finds."""
    reply = api.get("/api/leads", size=1000, **query)
    assert reply.status_code == 200, reply.content
    return {row["first_name"] for row in reply.json()}


def person(first_name: str = "", last_name: str = "", email: str = "", phone: str = "", **fields: object) -> None:
    make_lead(first_name=first_name, last_name=last_name, email=email, phone=phone, **fields)


def test_it_works(api: Api) -> None:
    person("John", "Smith", "js@example.com", "+1-555-0100", status="contacted", source="Referral", budget_min=5)
    person("Jane", "Smith", status="contacted", source="Referral", budget_min=4)
    query = {"q": "smith", "status": "contacted", "source": "referral", "min_budget": 5, "max_budget": 5}
    assert found(api, **query) == {"John"}


def test_q_looks_in_names_email_and_phone(api: Api, case: Case) -> None:
    for q in ["ada", "ADA", "lovelace", "ADA@EXAMPLE", "555-01", "elac", "@", "+1", " ada ", "a"]:
        with case(q):
            person("Ada", "Lovelace", "ada@example.com", "+1-555-0100")
            assert found(api, q=q) == {"Ada"}


def test_q_looks_nowhere_else(api: Api, case: Case) -> None:
    for q in ["website", "new", "condo", "450000", "true"]:
        with case(q):
            person(
                "Ada", "Lovelace", "ada@example.com", "+1-555-0100", property_interest="2BR condo", budget_max=450_000
            )
            assert found(api, q=q) == set()


def test_words_may_be_in_different_fields(api: Api, case: Case) -> None:
    for q in ["ada lovelace", "LOVELACE  ada", "ada example", "0100\tada", "ada\u3000lovelace", "a d"]:
        with case(q):
            person("Ada", "Lovelace", "ada@example.com", "+1-555-0100")
            person("Other", "Person", "other@example.org", "+44 20 7946")
            assert found(api, q=q) == {"Ada"}


def test_every_word_must_occur(api: Api) -> None:
    person("Ada", "Lovelace")
    person("Ada", "Byron")
    assert found(api, q="ada byron") == {"Ada"}
    assert len(api.get("/api/leads", q="ada").json()) == 2
    assert found(api, q="ada byron lovelace") == set()


def test_no_word_matches_across_fields(api: Api, case: Case) -> None:
    for q in ["annlee", "leea@b.co", "b.co555", "co5", "55566", "7788555"]:
        with case(q):
            person("Ann", "Lee", "a@b.co", "555 667788")
            person("Control", "Ann Lee")
            expected = {"Ann"} if q == "55566" else set()  # the telephone's digits run together, by decision
            assert found(api, q=q) == expected


def test_no_character_is_a_wildcard(api: Api, case: Case) -> None:
    for q, expected in [
        ("%", {"100% sure"}),
        ("_", {"snake_case"}),
        ("\\", {"back\\slash"}),
        ("k\\s", {"back\\slash"}),
        ("e_c", {"snake_case"}),
        ("s%", set()),
        ("s_", set()),
        ("\\%", set()),
        ("'", {"O'Brien"}),
        ('"', set()),
        (";--", set()),
        ("*", set()),
        (".", set()),
    ]:
        with case(q, expected):
            for name in ("100% sure", "snake_case", "back\\slash", "O'Brien", "plain"):
                person(name)
            assert found(api, q=q) == expected


def test_case_does_not_count_in_any_script(api: Api, case: Case) -> None:
    for stored, q in [
        ("Émile", "émile"),
        ("émile", "ÉMILE"),
        ("E\u0301mile", "émile"),  # the accent written apart
        ("Strauß", "strauss"),
        ("Strauss", "STRAUß"),
        ("STRAUẞ", "strauß"),
        ("İnan", "İNAN"),
        ("İnan", "i\u0307nan"),
        ("Işık", "IŞıK"),  # the dotless ı is a letter of its own, as Unicode folds it
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
        ("Ölçü", "ÖLÇÜ"),
        ("Привет", "пРИВЕТ"),
        ("ＡＢＣ", "abc"),  # full-width letters
        ("ﬁsher", "FISHER"),  # a ligature
        ("王小明", "小明"),
        ("😀 smile", "😀"),
    ]:
        with case(stored, q):
            person(stored)
            person("unrelated")
            assert found(api, q=q) == {stored}


def test_digits_find_a_phone_number_whatever_its_punctuation(api: Api, case: Case) -> None:
    for phone in ["+1-555-0100", "(555) 01 00", "1.555.0100", "5550100", "+1 5550100 ext. 3", "５５５-０１００"]:
        with case(phone):
            person("Ada", phone=phone)
            person("Other", phone="+1-555-0199")
            assert found(api, q="5550100") == {"Ada"}
            assert found(api, q="ada 5550100") == {"Ada"}


def test_a_phone_number_is_also_found_as_it_is_written(api: Api) -> None:
    person("Ada", phone="+1-555-0100")
    assert found(api, q="555-0100") == {"Ada"}
    assert found(api, q="555.0100") == {"Ada"}
    assert found(api, q="Ada 555.0100") == set(), "only a search for a number alone has any punctuation"


def test_an_edited_lead_is_found_by_its_new_values_alone(api: Api) -> None:
    lead = make_lead(first_name="Ada", phone="+1-555-0100")
    api.put(f"/api/leads/{lead.pk}", {"first_name": "Grace", "phone": "020 7946"})
    assert found(api, q="grace 0207946") == {"Grace"}
    assert found(api, q="ada") <= {"Grace"}  # her e-mail address still says so
    assert found(api, q="5550100") == set()


@pytest.mark.parametrize("q", ["", "   ", "\t\n\u3000"])
def test_an_empty_q_is_no_filter(api: Api, q: str) -> None:
    person("Ada")
    assert found(api, q=q) == {"Ada"}


def test_many_words(api: Api) -> None:
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + 150)]
    person("".join(letters))
    person("".join(letters[:-1]))
    assert found(api, q=" ".join(letters)) == {"".join(letters)}


def test_a_thousand_characters_of_q_and_no_more(api: Api) -> None:
    person("Ada")
    assert found(api, q=" ".join("a" * 500)) == {"Ada"}
    assert found(api, q=" ".join(chr(0x4E00 + n) for n in range(500))) == set()
    assert found(api, q="a" * 1000) == set()
    assert refused(api.get("/api/leads", q="a" * 1001)) == [("string_too_long", ["query", "q"])]


def test_all_statuses(api: Api, case: Case) -> None:
    for status in [None, "", "all", "ALL", " All ", "  "]:
        with case(status):
            person("New", status="new")
            person("Odd", status="waiting for spring")
            query = {} if status is None else {"status": status}
            assert found(api, **query) == {"New", "Odd"}


@pytest.mark.parametrize("status", ["contacted", "CONTACTED", " Contacted "])
def test_one_status_in_any_case(api: Api, status: str) -> None:
    person("Ada", status="contacted")
    person("Bob", status="contacted twice")
    person("Cy", status="new")
    assert found(api, status=status) == {"Ada"}


def test_a_status_of_ones_own_is_found_as_it_was_sent(api: Api) -> None:
    row = {"first_name": "Ada", "last_name": "", "email": "", "phone": "", "status": " İLK Görüşme "}
    assert api.post("/api/leads", row).status_code == 201
    assert found(api, status="İLK Görüşme") == {"Ada"}


def test_an_unknown_status_finds_nothing(api: Api) -> None:
    person("Ada")
    assert found(api, status="nonsense") == set()
    assert found(api, status="n" * 5000) == set()


@pytest.mark.parametrize("source", ["Open House", "open house", "OPEN HOUSE", "  Open house "])
def test_a_source_in_any_case(api: Api, source: str) -> None:
    person("Ada", source="Open HOUSE")
    person("Bob", source="Open House 2")
    assert found(api, source=source) == {"Ada"}


def test_a_source_beyond_ascii_in_any_case(api: Api) -> None:
    person("Ada", source="Straßenfest É")
    assert found(api, source="STRASSENFEST é") == {"Ada"}


@pytest.mark.parametrize("query", [{}, {"source": ""}, {"min_budget": ""}, {"max_budget": " "}])
def test_empty_parameters_are_no_filter(api: Api, query: dict[str, str]) -> None:
    person("Poor")
    person("Rich", source="referral", budget_max=10)
    assert found(api, **query) == {"Poor", "Rich"}


@pytest.mark.parametrize("name", ["q", "status", "source"])
def test_text_that_no_column_holds_is_refused(api: Api, name: str) -> None:
    assert refused(api.get("/api/leads", **{name: "a\0b"})) == [("value_error", ["query", name])]
