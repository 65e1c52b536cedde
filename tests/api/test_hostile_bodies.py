"""Hostile bodies: an error in JSON, never a 500."""

import json
from itertools import product

import orjson
import pytest

from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import PASSWORD, lead_row, make_lead, make_user

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def row_with(raw: bytes, field: str = "first_name") -> bytes:
    """Return the body of a lead with one value as literal JSON."""
    return orjson.dumps(lead_row(**{field: "PLACE"})).replace(b'"PLACE"', raw)


def test_nul_and_unpaired_surrogates_are_errors_of_their_field(api: Api, case: Case) -> None:
    for field, text in product(
        ["first_name", "email", "phone", "status", "source", "property_interest"],
        ["a\\u0000b", "\\ud800", "\\udc00", "a\\udfffb", "\\udc00\\ud800"],
    ):
        with case(field, text):
            ((type, loc),) = refused(api.send("POST", "/api/leads", row_with(f'"{text}"'.encode(), field)))
            assert type in ("value_error", "string_unicode")
            assert loc == ["body", field]
            assert not Lead.objects.exists()


def test_in_bulk_they_are_errors_of_their_row(api: Api) -> None:
    body = b"[" + row_with(b'"fine"') + b"," + row_with(b'"\\ud800"') + b"]"
    assert refused(api.send("POST", "/api/leads", body)) == [("string_unicode", ["body", 1, "first_name"])]


def test_paired_surrogates_are_a_letter(api: Api) -> None:
    reply = api.send("POST", "/api/leads", row_with(b'"\\ud83d\\udd11"'))
    assert reply.json()["first_name"] == "🔑"


def test_odd_names_are_unknown_fields(api: Api, case: Case) -> None:
    for name in ["\\ud800", "\\u0000", "", "__proto__", "id"]:
        with case(name):
            body = f'{{"{name}":1,'.encode() + orjson.dumps(lead_row())[1:]
            assert api.send("POST", "/api/leads", body).status_code == 201


def test_numbers_out_of_range(api: Api, case: Case) -> None:
    for number, expected in [
        (b"9223372036854775808", "less_than_equal"),
        (b"18446744073709551616", "less_than_equal"),
        (b"1e30", "less_than_equal"),
        (b"1" + b"0" * 300, "less_than_equal"),
        (b"-1", "greater_than_equal"),
        (b"-9223372036854775809", "greater_than_equal"),
        (b"1.5", "int_from_float"),
        (b'"' + b"9" * 10_000 + b'"', "less_than_equal"),
        (b'"1e5"', "int_parsing"),
        (b'"\\u0661"', "int_parsing"),
        (b"true", "int_type"),
    ]:
        with case(number, expected):
            assert refused(api.send("POST", "/api/leads", row_with(number, "budget_min"))) == [
                (expected, ["body", "budget_min"])
            ]


def test_the_largest_number_is_stored(api: Api) -> None:
    body = row_with(b"9223372036854775807", "budget_max")
    assert api.send("POST", "/api/leads", body).json()["budget_max"] == 2**63 - 1


def test_numbers_json_has_not(api: Api, case: Case) -> None:
    for letter, number in product(
        [b'"e"', b'"\\u00e9"'], [b"1e400", b"-1e400", b"NaN", b"Infinity", b"1" + b"0" * 5000, b"01", b"0x1", b"1_0"]
    ):
        with case(letter, number):
            body = b'{"unknown":' + letter + b"," + row_with(number, "budget_min")[1:]
            ((_, loc),) = refused(api.send("POST", "/api/leads", body))
            assert loc[0] == "body"
            assert not Lead.objects.exists()


def test_of_duplicate_names_the_last_counts(api: Api) -> None:
    body = orjson.dumps(lead_row())[:-1] + b',"first_name":"first","first_name":"last"}'
    assert api.send("POST", "/api/leads", body).json()["first_name"] == "last"


@pytest.mark.slow
def test_nesting_of_any_depth_is_a_422(api: Api, case: Case) -> None:
    for letter, depth in product(
        [b'"e"', b'"\\u00e9"'], [10, 200, *range(245, 262), 1000, 1020, 1023, 1024, 1025, 10_000]
    ):
        with case(letter, depth):
            nest = b"[" * depth + letter + b"]" * depth
            objects = b'{"a":' * depth + letter + b"}" * depth
            for body in (
                row_with(nest),
                row_with(objects),
                nest,
                objects,
                b'{"unknown":' + nest + b"}",
                b"[" + objects + b"]",
            ):
                for method, path in (
                    ("POST", "/api/leads"),
                    ("POST", "/api/users/login"),
                    ("POST", "/api/users/register"),
                ):
                    assert refused(api.send(method, path, body))
            assert not Lead.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [b"[" * 10**6, b'{"a":' * 10**6, b"[" * 10**6 + b'"\\u', b'"\\ud800"' + b"[" * 10**6, b"[" * 10**6 + b"]" * 10**6],
)
def test_a_million_brackets_are_a_422(api: Api, body: bytes) -> None:
    ((type, loc),) = refused(api.send("POST", "/api/leads", body))
    assert (type, loc[0]) == ("json_invalid", "body")


@pytest.mark.parametrize("path", ["/api/leads", pytest.param("/api/users/register", marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", [b"0,", b"[],", b"{},", b'"",', b'"\\"",'])
def test_more_values_than_a_worker_has_memory_for_are_a_413(api: Api, path: str, unit: bytes) -> None:
    for start, end in ((b"[", b"0]"), (b'{"x":[', b"0]}"), (b"[" + row_with(b'"a"')[:-1] + b',"x":[', b"0]}]")):
        reply = api.send("POST", path, start + unit * 500_001 + end)
        assert reply.status_code == 413
        assert reply.json() == {"detail": "The body holds more than 500000 values"}
    assert not Lead.objects.exists()


def test_what_stands_in_texts_counts_for_no_value(api: Api) -> None:
    texts = ",".join(f'"\\\\{",[{" * 300}\\"{",[{" * 300}"' for _ in range(1000)).encode()
    assert texts.count(b",") > 500_000 < texts.count(b"[")
    body = orjson.dumps(lead_row())[:-1] + b',"x":[' + texts + b"]}"
    assert api.send("POST", "/api/leads", body).status_code == 201


def test_so_many_values_are_fine(api: Api) -> None:
    body = orjson.dumps(lead_row())[:-1] + b',"x":[' + b"0," * 499_000 + b"0]}"
    assert api.send("POST", "/api/leads", body).status_code == 201


def test_a_form_of_more_than_a_megabyte_is_a_413(anonymous: Api) -> None:
    for path in ("/api/users/token", "/admin/login/"):
        reply = anonymous.send("POST", path, b"username=" + b"%41" * 350_000, f"{FORM}; charset=x")
        assert (reply.status_code, reply.json()) == (413, {"detail": "The form is larger than 1048576 bytes"})


def test_megabyte_strings_are_a_422(api: Api, case: Case) -> None:
    for filling, field in product(
        ["x", "9", " x", "é", "\u3000x"], ["first_name", "email", "status", "source", "budget_min", "property_interest"]
    ):
        with case(filling, field):
            ((_, loc),) = refused(api.post("/api/leads", lead_row(**{field: filling * (10**6 // len(filling))})))
            assert loc == ["body", field]


def test_a_megabyte_of_white_space_is_trimmed(api: Api) -> None:
    assert api.post("/api/leads", lead_row(first_name=" " * 10**6 + "x")).json()["first_name"] == "x"


def test_a_megabyte_for_a_name_or_password_is_a_401_at_login(anonymous: Api) -> None:
    user = make_user()
    for name, password in ((user.username, "x" * 10**6), ("x" * 10**6, PASSWORD), ("ﷺ" * 10**5, PASSWORD)):
        reply = anonymous.post("/api/users/login", {"username": name, "password": password})
        assert reply.status_code == 401


def test_bytes_that_are_no_utf_8_are_a_422(api: Api, case: Case) -> None:
    for body in [
        b'{"first_name":"\xff"}',
        b'{"first_name":"\xed\xa0\x80"}',
        b'{"first_name":"\xc3","x":"\\u00e9"}',
        b'{"first_name":"\xc0\x80"}',
        json.dumps(lead_row()).encode("utf-16"),
        json.dumps(lead_row()).encode("utf-32"),
        b"\x00",
        b"\x1f\x8b\x08\x00",
    ]:
        with case(body):
            ((type, loc),) = refused(api.send("POST", "/api/leads", body))
            assert (type, loc[0]) == ("json_invalid", "body")


def test_json_is_utf_8_whatever_its_charset_says(api: Api, case: Case) -> None:
    for charset in ["latin-1", "utf-16", "nonsense", '"', "utf-8; charset=utf-7", "\N{SNOWMAN}"]:
        with case(charset):
            content_type = f"application/json; charset={charset}".encode().decode("latin-1")
            reply = api.send("POST", "/api/leads", row_with('"Zoë"'.encode()), content_type)
            assert reply.json()["first_name"] == "Zoë"


def test_forms_are_utf_8_whatever_their_charset_says(anonymous: Api, case: Case) -> None:
    for charset in ["latin-1", "utf-16", "nonsense", '"', "utf-7"]:
        with case(charset):
            make_user(username="Zoë")
            plain = f"username=zoë&password={PASSWORD}".encode()
            parts = "".join(
                f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in (("username", "zoë"), ("password", PASSWORD))
            )
            for body, content_type in ((plain, FORM), (f"{parts}--x--\r\n".encode(), MULTIPART)):
                reply = anonymous.send("POST", "/api/users/token", body, f"{content_type}; charset={charset}")
                assert reply.status_code == 200


@pytest.mark.parametrize(
    "body", [b"username=a\xff&password=b", b"username=a%FF&password=b", b"username=%ED%A0%80&password=b"]
)
def test_a_form_that_is_no_utf_8_logs_nobody_in(anonymous: Api, body: bytes) -> None:
    assert anonymous.send("POST", "/api/users/token", body, FORM).status_code in (401, 422)


PART = b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="%d"; filename="f"\r\n\r\n1\r\n'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"&".join(b"a%d=1" % number for number in range(5000)), FORM),
        (b"".join(PART % number for number in range(5000)) + b"--x--\r\n", MULTIPART),
        (b"".join(FILE % number for number in range(500)) + b"--x--\r\n", MULTIPART),
    ],
)
def test_too_many_form_fields_are_a_413(
    anonymous: Api, body: bytes, content_type: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply = anonymous.send("POST", "/api/users/token", body, content_type)
    assert reply.status_code == 413
    assert reply.json() == {"detail": "The form has more than 1000 fields"}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_malformed_multipart_form_is_a_422(anonymous: Api, case: Case) -> None:
    for body, content_type in product(
        [b"x", b"--x", b"--x\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"],
        [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=" + "x" * 300,
            "multipart/form-data; boundary=\xe9",
            MULTIPART,
        ],
    ):
        with case(body, content_type):
            assert all(
                loc[0] == "body" for _, loc in refused(anonymous.send("POST", "/api/users/token", body, content_type))
            )


def test_no_value_of_any_kind_breaks_a_lead(api: Api, case: Case) -> None:
    for value in [[], {}, [1], {"a": 1}, "x", 1.5, None, True, -1, 2**63, "\0"]:
        with case(value):
            lead = make_lead()
            for field in (
                *lead_row(),
                "status",
                "source",
                "budget_min",
                "budget_max",
                "property_interest",
                "is_active",
            ):
                for reply in (
                    api.post("/api/leads", lead_row(**{field: value})),
                    api.patch(f"/api/leads/{lead.pk}", {field: value}),
                ):
                    assert reply.status_code in (200, 201, 404, 422), (field, value)
