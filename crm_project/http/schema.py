"""The OpenAPI document: what drf-spectacular cannot see by itself, and the pages that show it."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import orjson
import uritemplate
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import resolve
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.serializers import Serializer

Node = dict[str, Any]
Operation = Callable[[Any], Any]  # a decorator

SCHEMAS: Node = {
    "HTTPError": {
        "type": "object",
        "description": "What went wrong, in a sentence.",
        "properties": {"detail": {"type": "string"}},
        "required": ["detail"],
    },
    "ValidationError": {
        "type": "object",
        "description": "One bad value: its kind, where it stands, what is wrong with it, and what was sent.",
        "properties": {
            "type": {"type": "string", "examples": ["missing"]},
            "loc": {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "description": "The path to the value; in a bulk body the row's index follows `body`.",
                "examples": [["body", 3, "email"]],
            },
            "msg": {"type": "string", "examples": ["Field required"]},
            "input": {"description": "The refused value; never a password."},
        },
        "required": ["type", "loc", "msg", "input"],
    },
    "HTTPValidationError": {
        "type": "object",
        "description": "Every bad value of the request, at most 100 of them.",
        "properties": {"detail": {"type": "array", "items": {"$ref": "#/components/schemas/ValidationError"}}},
        "required": ["detail"],
    },
}
RETRY_AFTER: Node = {
    "description": "Seconds to wait before trying again",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
HEADERS: dict[str, Node] = {
    "401": {
        "WWW-Authenticate": {
            "description": "How to authenticate",
            "required": True,
            "schema": {"type": "string", "enum": ["Bearer"]},
        }
    },
    "429": {"Retry-After": RETRY_AFTER},
    "503": {"Retry-After": RETRY_AFTER},
}
# The refusals that operations share: code -> name of the component, sentence.
REFUSALS = {
    "400": ("BadRequest", "The request cannot be read"),
    "401": ("Unauthorized", "No token, or one that is invalid, expired or revoked"),
    "404": ("NotFound", "No such active lead"),
    "409": ("Conflict", "A request with the same `Idempotency-Key` is still running"),
    "413": ("ContentTooLarge", f"The body is over {settings.BODY_MAX_BYTES} bytes or {settings.BULK_MAX_ROWS} rows"),
    "415": ("UnsupportedMediaType", "The body is of another content type"),
    "422": ("Unprocessable", "Values that break the rules"),
    "503": ("Unavailable", "The server or its database is too busy; try again"),
}
REPEATABLE = (
    " With an `Idempotency-Key` (1 to 255 printable ASCII characters) it is done once: sent again within 24 hours it "
    "gets the same reply, marked `Idempotent-Replayed: true`; with another body, a 422."
)
OK: Node = {
    "description": "It is",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"status": {"type": "string", "enum": ["ok"]}},
                "required": ["status"],
            }
        }
    },
}


def _health(operation_id: str, summary: str, description: str, **refusals: Node) -> Node:
    responses = {"200": OK, **refusals}
    common = {"tags": ["Health"], "security": [], "responses": responses}
    return {"get": {"operationId": operation_id, "summary": summary, "description": description, **common}}


HEALTH: Node = {
    "/": _health("get_health", "Health", "Whether the server is there; asks nothing of the database."),
    "/health/live": _health("get_liveness", "Alive", "Whether the server answers; asks nothing of the database."),
    "/health/ready": _health(
        "get_readiness",
        "Ready",
        "Whether it can work: the database answers within two seconds and has every migration.",
        **{"503": {"$ref": "#/components/responses/Unavailable"}},
    ),
}


# ReDoc searches in a worker made of a blob, and makes two elements of style: an empty one that it fills by script, and
# one of fixed text; both are let in by their hashes.
REDOCS_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
PAGES_POLICY = (
    f"default-src 'self'; style-src 'self' {REDOCS_STYLES}; img-src 'self' data:; worker-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """OAuth2's password flow, so that Swagger's Authorize asks for user name and password."""

    target_class = "users.tokens.BearerAuthentication"
    name = "OAuth2PasswordBearer"

    def get_security_definition(self, auto_schema: Any) -> Node:
        """The security scheme."""
        return {"type": "oauth2", "flows": {"password": {"tokenUrl": "/api/users/token", "scopes": {}}}}


def refusal(description: str) -> OpenApiResponse:
    """An error reply that only this operation gives, or that means something special here."""
    return OpenApiResponse({"$ref": "#/components/schemas/HTTPError"}, description=description)


class Documented(NamedTuple):
    """What only its author knows of one operation: its success, and the refusals that no other operation has."""

    code: int
    reply: str  # a sentence
    response: Any  # a serializer, where it is not the view set's
    refusals: dict[int, OpenApiResponse]


def operation(
    operation_id: str,
    summary: str,
    reply: str = "",
    code: int = 200,
    response: Any = None,
    refusals: Mapping[int, str | OpenApiResponse] | None = None,
    **described: Any,
) -> Operation:
    """The decorator that documents a view set's method; the method's docstring is the operation's description."""
    sentences = (refusals or {}).items()
    others = {status: refusal(text) if isinstance(text, str) else text for status, text in sentences}
    documented = Documented(code, reply, response, others)

    def decorate(method: Any) -> Any:
        method.documented = {**getattr(method, "documented", {}), operation_id: documented}
        return extend_schema(operation_id=operation_id, summary=summary, **described)(method)

    return decorate


class RuleSchema(AutoSchema):
    """drf-spectacular's schema of one operation, for the view sets of ``crm_project.http.viewsets``."""

    view: Any

    def get_description(self) -> str:  # type: ignore[override]
        """The docstring, a paragraph a line."""
        return "\n\n".join(" ".join(part.split()) for part in super().get_description().split("\n\n"))

    def get_tags(self) -> list[str]:
        """The section of the documentation that the view set says."""
        return [self.view.tag]

    def get_override_parameters(self) -> list[Any]:
        """Ids in the path: any number that a row can have."""
        schema = {"type": "integer", "minimum": 1}
        names = uritemplate.variables(self.path)
        return [OpenApiParameter(name, schema, OpenApiParameter.PATH, required=True) for name in names]

    def get_request_serializer(self) -> Any:
        """The body that the action takes: an object, or where the view set takes many also an array."""
        serializer = self.view.input_classes.get(self.view.action)
        return _one_or_many(serializer) if serializer and self.view.takes_many() else serializer

    def get_response_serializers(self) -> Any:
        """The reply of a success, and the refusals that this operation alone has."""
        documented = getattr(self.view, self.view.action).documented[self.get_operation_id()]
        success = OpenApiResponse(self._response(documented), description=documented.reply)
        return {documented.code: success, **documented.refusals}

    def _response(self, documented: Documented) -> Any:
        if documented.response or documented.code == 204:
            return documented.response
        serializer = self.view.get_serializer_class()
        output = getattr(serializer, "output_class", None) or serializer
        if self.view.takes_many():
            return _one_or_many(output)
        # Of a list, what its rows are: with a serializer, a page would be a component of its own.
        return self.resolve_serializer(output(), "response").ref if self.view.action == "list" else output


def _one_or_many(serializer: type[Serializer[Any]]) -> PolymorphicProxySerializer:
    """One object, or an array of them."""
    return PolymorphicProxySerializer(
        component_name=f"{serializer.__name__.removesuffix('Serializer')}OneOrMany",
        serializers=[serializer(), serializer(many=True)],
        resource_type_field_name=None,
        many=False,
    )


def as_contract(result: Node, generator: Any, request: Any, public: bool) -> Node:
    """drf-spectacular's hook: adds what holds for every operation of its kind."""
    components = result["components"]
    for schema in components["schemas"].values():
        _bound_rows(schema)
        _let_longer_objects_fit(schema)
    for path, method, described in _operations(result):
        _complete(path, method, described)
    result["paths"] = {**HEALTH, **result["paths"]}
    components["schemas"] = dict(sorted({**components["schemas"], **SCHEMAS}.items()))
    components["responses"] = {name: _refusal(code, sentence) for code, (name, sentence) in REFUSALS.items()}
    return result


def _operations(result: Node) -> Iterator[tuple[str, str, Node]]:
    for path, methods in result["paths"].items():
        for method, described in methods.items():
            yield path, method, described


def _bound_rows(schema: Node) -> None:
    for choice in schema.get("oneOf", ()):
        if choice.get("type") == "array":
            choice.update(minItems=1)  # no maxItems: more than BULK_MAX_ROWS are a 413, not an invalid value


def _let_longer_objects_fit(schema: Node) -> None:
    """A reply that is an object or a longer one of the same start fits both, which ``oneOf`` forbids."""
    if "oneOf" in schema and all("$ref" in choice for choice in schema["oneOf"]):
        schema["anyOf"] = schema.pop("oneOf")


def _complete(path: str, method: str, described: Node) -> None:
    """The error replies that follow from what an operation takes; ``security: []`` where no token is asked for."""
    public = described.get("security", [{}]) == [{}]
    described["security"] = [] if public else described["security"]
    codes = {"503"}
    if not public:
        codes.add("401")
        if method == "post" and resolve(path).func.cls.keeps_replies:  # type: ignore[attr-defined]
            described["description"] += REPEATABLE
            codes |= {"409", "422"}
    if "requestBody" in described:
        described["requestBody"]["required"] = True
        codes |= {"400", "413", "415", "422"}
    if "parameters" in described:
        codes.add("422")
    if "{lead_id}" in path:
        codes.add("404")
    responses = described["responses"]
    for code in codes - responses.keys():
        responses[code] = {"$ref": f"#/components/responses/{REFUSALS[code][0]}"}
    for code in HEADERS.keys() & responses.keys():
        if "$ref" not in responses[code]:
            responses[code]["headers"] = HEADERS[code]
    described["responses"] = dict(sorted(responses.items()))


def _refusal(code: str, sentence: str) -> Node:
    schema = "HTTPValidationError" if code == "422" else "HTTPError"
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    headers = {"headers": HEADERS[code]} if code in HEADERS else {}
    return {"description": sentence, **headers, "content": content}


_generating = Lock()  # the generator keeps its state in globals


@cache
def _document() -> bytes:
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """``GET /openapi.json``: generated once in a process."""
    with _generating:
        document = _document()
    return HttpResponse(document, content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """``GET /docs``: Swagger UI."""
    return _page(request, "api/docs.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """``GET /redoc``: ReDoc."""
    return _page(request, "api/redoc.html")


def _page(request: HttpRequest, template: str) -> HttpResponse:
    """A page that loads nothing from elsewhere."""
    response = render(request, template)
    response["Content-Security-Policy"] = PAGES_POLICY
    return response
