"""GET /openapi.json: the committed snapshot, valid, complete, and true to the URL map."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_spec_validator import OpenAPIV31SpecValidator

SNAPSHOT = Path(__file__).with_name("openapi.json")
REWRITE = "REWRITE_OPENAPI=1 pytest tests/openapi/test_document.py"
# Pages for people: no part of the API.
NOT_API = ("openapi.json", "docs", "redoc", "admin/", "favicon.ico")

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
    """Every (path, method) of the URL map."""
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
    assert public == health | {*(f"/api/users/{name}" for name in ("register", "login", "token", "token/refresh"))}
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
        ("/api/users/logout", "post", {"204", "401", "409", "503"}),
        ("/api/users/logout-all", "post", {"204", "401", "503"}),
        ("/api/users/me/password", "post", {"200", "401", "403", "429", "503"} | BODY),
        ("/api/users/me", "get", {"200", "401", "503"}),
        ("/api/leads", "get", {"200", "401", "422", "503"}),
        ("/api/leads", "post", {"201", "401", "409", "503"} | BODY),
        ("/api/leads/{lead_id}", "get", {"200", "304", "401", "404", "422", "503"}),
        ("/api/leads/{lead_id}", "put", {"200", "401", "404", "412", "503"} | BODY),
        ("/api/leads/{lead_id}", "patch", {"200", "401", "404", "412", "503"} | BODY),
        ("/api/leads/{lead_id}", "delete", {"204", "401", "404", "412", "422", "503"}),
        ("/api/leads/{lead_id}/activities", "get", {"200", "401", "404", "422", "503"}),
        ("/api/leads/{lead_id}/activities", "post", {"201", "401", "404", "409", "503"} | BODY),
        ("/api/dashboard", "get", {"200", "401", "503"}),
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
        many = {"type": "array", "items": one, "minItems": 1}
        body = content["application/json"]["schema"]
        assert schemas[body["$ref"].rpartition("/")[2]] == {"oneOf": [one, many]}
