"""GET /openapi.json: the committed snapshot, valid, complete, and true to the URL map."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

SNAPSHOT = Path(__file__).with_name("openapi.json")
REWRITE = "REWRITE_OPENAPI=1 pytest tests/openapi/test_document.py"
# Pages for people: no part of the API.
NOT_API = ("metrics", "openapi.json", "docs", "redoc", "admin/", "favicon.ico")

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    reply = Client().get("/openapi.json")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/json"
    return json.loads(reply.content)


def operations(document: Document) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, it) for path, methods in document["paths"].items() for method, it in methods.items()]


def test_it_is_the_committed_one(document: Document) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("REWRITE_OPENAPI"):
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text(), f"The schema changed. If that is meant, run: {REWRITE}"


def test_it_is_valid_openapi(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def served() -> set[tuple[str, str]]:
    """Return every (path, method) of the URL map."""
    found = set()

    def visit(patterns: list[Any], before: str) -> None:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if route.startswith(NOT_API):
                continue
            if isinstance(pattern, URLResolver):
                visit(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                methods = getattr(pattern.callback, "actions", {"get": "health"})
                found.update(
                    ("/" + route.replace("<", "{").replace(">", "}"), method) for method in methods if method != "head"
                )

    visit(get_resolver().url_patterns, "")
    return found


def test_every_route_and_method_is_in_it_and_no_other(document: Document) -> None:
    routes = served()
    assert ("/api/leads/{lead_id}", "patch") in routes
    assert {(path, method) for path, method, _ in operations(document)} == routes


def test_components_are_named_as_the_contract_names_them(document: Document) -> None:
    names = {"Token", "UserCreate", "UserOut", "LeadCreate", "LeadUpdate", "LeadOut", "ActivityCreate", "ActivityOut"}
    more = {"DashboardStats", "HTTPError", "ValidationError", "HTTPValidationError"}
    assert names | more <= document["components"]["schemas"].keys()


def test_operation_ids_are_unique_and_every_operation_has_a_listed_tag(document: Document) -> None:
    ids = Counter(it["operationId"] for _, _, it in operations(document))
    assert [name for name, times in ids.items() if times > 1] == []
    tags = {tag["name"] for tag in document["tags"]}
    assert [path for path, _, it in operations(document) if not set(it["tags"]) <= tags or not it["tags"]] == []


def test_only_registration_log_in_and_health_are_public(document: Document) -> None:
    public = {path for path, _, it in operations(document) if it["security"] == []}
    health = {"/", "/health/live", "/health/ready"}
    assert public == health | {
        *(f"/api/users/{name}" for name in ("register", "login", "token", "token/refresh", "calendar/{secret}.ics"))
    }
    others = [it["security"] for path, _, it in operations(document) if path not in public]
    assert others == [[{"OAuth2PasswordBearer": []}]] * len(others)


def test_authorize_is_told_where_the_token_comes_from(document: Document) -> None:
    assert document["components"]["securitySchemes"] == {
        "OAuth2PasswordBearer": {
            "type": "oauth2",
            "flows": {"password": {"tokenUrl": "/api/users/token", "scopes": {}}},
        }
    }


BODY = {"400", "413", "415", "422"}


@pytest.mark.parametrize(
    ("path", "method", "codes"),
    [
        ("/", "get", {"200"}),
        ("/health/live", "get", {"200"}),
        ("/health/ready", "get", {"200", "503"}),
        ("/api/users/register", "post", {"201", "403", "409", "429", "503"} | BODY),
        ("/api/users/login", "post", {"200", "401", "403", "429", "503"} | BODY),
        ("/api/users/token", "post", {"200", "401", "403", "429", "503"} | BODY),
        ("/api/users/token/refresh", "post", {"200", "401", "503"} | BODY),
        ("/api/users/logout", "post", {"204", "401", "409", "422", "503"}),
        ("/api/users/logout-all", "post", {"204", "401", "422", "503"}),
        ("/api/users/me/password", "post", {"200", "401", "403", "429", "503"} | BODY),
        ("/api/users/me", "get", {"200", "401", "422", "503"}),
        ("/api/leads", "get", {"200", "401", "422", "503"}),
        ("/api/leads", "post", {"200", "201", "401", "409", "503"} | BODY),
        ("/api/leads/{lead_id}", "get", {"200", "304", "401", "404", "422", "503"}),
        ("/api/leads/{lead_id}", "put", {"200", "401", "404", "412", "503"} | BODY),
        ("/api/leads/{lead_id}", "patch", {"200", "401", "404", "412", "503"} | BODY),
        ("/api/leads/{lead_id}", "delete", {"204", "401", "404", "412", "422", "503"}),
        ("/api/leads/{lead_id}/activities", "get", {"200", "401", "404", "422", "503"}),
        ("/api/leads/{lead_id}/activities", "post", {"201", "401", "404", "409", "503"} | BODY),
        ("/api/dashboard", "get", {"200", "401", "422", "503"}),
    ],
)
def test_status_codes(document: Document, path: str, method: str, codes: set[str]) -> None:
    assert document["paths"][path][method]["responses"].keys() == codes


def test_every_401_has_its_challenge_and_every_503_its_waiting_time(document: Document) -> None:
    shared = document["components"]["responses"]
    for path, _, it in operations(document):
        for code, header in (("401", "WWW-Authenticate"), ("429", "Retry-After"), ("503", "Retry-After")):
            reply = it["responses"].get(code, {})
            reply = shared[reply["$ref"].rpartition("/")[2]] if "$ref" in reply else reply
            assert not reply or header in reply["headers"], (path, code)


@pytest.mark.parametrize(("path", "name"), [("leads", "Lead"), ("leads/{lead_id}/activities", "Activity")])
def test_bulk_is_one_object_or_a_bounded_array(document: Document, path: str, name: str) -> None:
    post = document["paths"][f"/api/{path}"]["post"]
    schemas = document["components"]["schemas"]
    for content, component in (
        (post["requestBody"]["content"], f"{name}Create"),
        (post["responses"]["201"]["content"], f"{name}Out"),
    ):
        one = {"$ref": f"#/components/schemas/{component}"}
        many = {
            "title": f"Array of {component}",
            "type": "array",
            "items": {"$ref": f"#/components/schemas/{component}Row"},
            "minItems": 1,
        }
        body = content["application/json"]["schema"]
        assert schemas[body["$ref"].rpartition("/")[2]] == {"oneOf": [one, many]}
        assert schemas[f"{component}Row"]["allOf"] == [one]
        sample = schemas[component]["examples"][0]
        examples = content["application/json"]["examples"]
        assert {form: example["value"] for form, example in examples.items()} == {"one": sample, "many": [sample]}


JOHN_SMITH = {
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
CREATED = "2025-10-07T18:10:00.000000"
SAMPLES = {
    "LeadCreate": JOHN_SMITH,
    "LeadUpdate": JOHN_SMITH,
    "LeadOut": {
        **{"id": 7, **JOHN_SMITH, "is_active": True},
        **{"created_at": CREATED, "updated_at": CREATED, "activity_count": 0},
    },
    "ActivityCreate": {
        "activity_type": "call",
        "title": "Intro call",
        "notes": "Talked about financing",
        "duration": 12,
        "activity_date": "2025-10-03",
    },
    "Login": {"username": "agent1", "password": "pass123456"},
}


@pytest.mark.parametrize("component", SAMPLES)
def test_samples_are_the_contracts(document: Document, component: str) -> None:
    assert document["components"]["schemas"][component]["examples"] == [SAMPLES[component]]


def test_every_sample_fits_its_schema(document: Document) -> None:
    for name, schema in document["components"]["schemas"].items():
        validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
        assert [error.message for sample in schema.get("examples", ()) for error in validator.iter_errors(sample)] == []


def leaves(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object within a part of the document."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value)


def test_ids_and_budgets_have_64_bits(document: Document) -> None:
    fields = [
        (name, field)
        for schema in document["components"]["schemas"].values()
        for name, field in schema.get("properties", {}).items()
    ]
    parameters = [(it["name"], it["schema"]) for node in leaves(document["paths"]) for it in node.get("parameters", [])]
    wide = ("id", "import_run", "budget_min", "budget_max", "min_budget", "max_budget")
    numbers = [
        (name, schema)
        for name, schema in fields + parameters
        if (name in wide or name.endswith("_id"))
        and not {"string", "array"}.intersection(
            schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        )
    ]
    assert len(numbers) > 20
    assert [name for name, schema in numbers if schema.get("format") != "int64"] == []


@pytest.mark.parametrize(
    ("component", "field", "expected"),
    [
        ("LeadCreate", "budget_min", {"type": ["integer", "null"], "format": "int64", "minimum": 0}),
        ("LeadCreate", "email", {"type": "string", "format": "email", "maxLength": 254}),
        ("LeadCreate", "first_name", {"type": "string", "maxLength": 150}),
        ("LeadCreate", "status", {"type": "string", "maxLength": 32, "default": "new"}),
        ("LeadCreate", "source", {"type": "string", "maxLength": 64, "default": "website"}),
        ("LeadUpdate", "status", {"type": "string", "minLength": 1}),
        ("LeadUpdate", "is_active", {"type": "boolean"}),
        ("LeadOut", "id", {"type": "integer", "format": "int64"}),
        ("LeadOut", "budget_max", {"type": ["integer", "null"], "format": "int64"}),
        ("ActivityCreate", "duration", {"type": ["integer", "null"], "minimum": 0, "maximum": 2**31 - 1}),
        ("ActivityCreate", "activity_date", {"type": "string", "format": "date"}),
        ("UserCreate", "email", {"type": "string", "format": "email"}),
        ("UserCreate", "password", {"type": "string", "format": "password", "minLength": 8, "maxLength": 4096}),
        ("Login", "scope", {"type": "string"}),
    ],
)
def test_fields_say_what_to_send(document: Document, component: str, field: str, expected: dict[str, Any]) -> None:
    schema = document["components"]["schemas"][component]["properties"][field]
    assert {keyword: schema[keyword] for keyword in expected} == expected
    assert "default" not in document["components"]["schemas"]["LeadUpdate"]["properties"]["status"]


@pytest.mark.parametrize(
    ("component", "field", "known"),
    [
        ("LeadCreate", "status", ["new", "contacted", "qualified", "negotiation", "closed", "lost"]),
        ("LeadOut", "status", ["new", "contacted", "qualified", "negotiation", "closed", "lost"]),
        ("ActivityCreate", "activity_type", ["call", "email", "meeting", "note"]),
    ],
)
def test_open_vocabularies_name_what_is_known(document: Document, component: str, field: str, known: list[str]) -> None:
    schema = document["components"]["schemas"][component]["properties"][field]
    assert (schema["examples"], schema["x-extensible-enum"]) == (known, known)
    assert "enum" not in schema


@pytest.mark.parametrize(("zone", "fits"), [("", True), ("Z", True), ("+00:00", False)])
def test_timestamps_may_end_in_z(document: Document, zone: str, fits: bool) -> None:
    schema = document["components"]["schemas"]["LeadOut"]["properties"]["created_at"]
    assert Draft202012Validator(schema).is_valid(CREATED + zone) is fits


@pytest.mark.parametrize(
    ("path", "method", "header"),
    [
        ("/api/leads/{lead_id}", "get", "If-None-Match"),
        ("/api/leads/{lead_id}", "put", "If-Match"),
        ("/api/leads/{lead_id}", "patch", "If-Match"),
        ("/api/leads/{lead_id}", "delete", "If-Match"),
        ("/api/leads", "post", "Idempotency-Key"),
        ("/api/leads/{lead_id}/activities", "post", "Idempotency-Key"),
    ],
)
def test_headers_are_parameters_where_they_work(document: Document, path: str, method: str, header: str) -> None:
    for other_path, other_method, it in operations(document):
        names = [parameter["name"] for parameter in it.get("parameters", ()) if parameter["in"] == "header"]
        if (other_path, other_method) == (path, method):
            assert header in names
        elif header == "If-None-Match":
            assert header not in names


def test_nested_objects_are_components(document: Document) -> None:
    """openapi-python-client makes no models of others."""
    schemas = document["components"]["schemas"]
    nested = {
        (name, field)
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        for node in leaves(described)
        if "properties" in node
    }
    assert nested == set()


def test_every_body_has_one_content_type(document: Document) -> None:
    bodies = {path: list(it["requestBody"]["content"]) for path, _, it in operations(document) if "requestBody" in it}
    assert bodies.pop("/api/users/token") == ["application/x-www-form-urlencoded"]
    assert bodies.pop("/api/leads/import") == ["multipart/form-data"]
    assert set(map(tuple, bodies.values())) == {("application/json",)}


@pytest.mark.parametrize(
    "words", ["/api/users/register", "/api/users/login", "/api/users/token/refresh", "Idempotency-Key", "UTC", "page"]
)
def test_the_description_tells_how_to_start(document: Document, words: str) -> None:
    assert words in document["info"]["description"]
