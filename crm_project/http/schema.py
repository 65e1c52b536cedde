"""The OpenAPI document: additions to what drf-spectacular generates."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import uritemplate
from django.urls import resolve
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.serializers import Serializer

from crm_project.http import dry_run
from crm_project.http.schema_components import (
    DRY_RUN,
    GETTING_STARTED,
    HEADERS,
    HEALTH,
    IDEMPOTENCY_KEY,
    PREFER,
    PREFER_COUNT,
    REFUSALS,
    REPLAYED,
    REPLY_OPTIONS,
    SCHEMAS,
    Node,
)
from crm_project.http.schema_samples import add_samples
from crm_project.json_schema import IDENTIFIER

Operation = Callable[[Any], Any]  # a decorator
ONE_OR_MANY = "OneOrMany"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """OAuth2's password flow, for which Swagger's Authorize button asks for user name and password."""

    target_class = "users.tokens.BearerAuthentication"
    name = "OAuth2PasswordBearer"

    def get_security_definition(self, auto_schema: Any) -> Node:
        """Return the security scheme."""
        return {"type": "oauth2", "flows": {"password": {"tokenUrl": "/api/users/token", "scopes": {}}}}


def refusal(description: str) -> OpenApiResponse:
    """Return an error response that only this operation has, or that has a special meaning here."""
    return OpenApiResponse({"$ref": "#/components/schemas/HTTPError"}, description=description)


class Documented(NamedTuple):
    """The documentation of an operation that cannot be generated: its success, and its own error responses."""

    code: int
    reply: str  # a sentence
    response: Any  # a serializer, where it is not the view set's
    refusals: dict[int, OpenApiResponse]
    media_type: str | None = None  # of a success that is a file


def operation(
    operation_id: str,
    summary: str,
    reply: str = "",
    code: int = 200,
    response: Any = None,
    refusals: Mapping[int, str | OpenApiResponse] | None = None,
    media_type: str | None = None,
    **described: Any,
) -> Operation:
    """Return a decorator that documents a viewset's method. Its docstring is the operation's description."""
    sentences = (refusals or {}).items()
    others = {status: refusal(text) if isinstance(text, str) else text for status, text in sentences}
    documented = Documented(code, reply, response, others, media_type)

    def decorate(method: Any) -> Any:
        method.documented = {**getattr(method, "documented", {}), operation_id: documented}
        return extend_schema(operation_id=operation_id, summary=summary, **described)(method)

    return decorate


class RuleSchema(AutoSchema):
    """drf-spectacular's schema of one operation, for the view sets of ``crm_project.http.viewsets``."""

    view: Any

    def get_description(self) -> str:  # type: ignore[override]
        """Return the docstring, with one line for each paragraph."""
        return "\n\n".join(" ".join(part.split()) for part in super().get_description().split("\n\n"))

    def get_tags(self) -> list[str]:
        """Return the viewset's section of the documentation."""
        return [self.view.tag]

    def get_override_parameters(self) -> list[Any]:
        """Ids in the path, which are any number that a row can have; and the options of every call."""
        names = uritemplate.variables(self.path)
        ids = [
            OpenApiParameter(name, self.view.path_schemas.get(name, IDENTIFIER), OpenApiParameter.PATH, required=True)
            for name in names
        ]
        is_dry_run = dry_run.PARAMETER in self.view.known_parameters()
        return [*ids, *REPLY_OPTIONS, *([DRY_RUN] if is_dry_run else [])]

    def map_parsers(self) -> list[str]:
        """Return one content type, the viewset's first: for several, openapi-python-client generates modules that fail.

        A form that is accepted beside JSON stands in the operation's description.
        """
        return [str(media_type) for media_type in super().map_parsers()[:1]]

    def get_request_serializer(self) -> Any:
        """Return the serializer of the action's body: an object, or also an array if the viewset accepts many."""
        serializer = self.view.input_classes.get(self.view.action)
        if serializer and self.view.action in self.view.array_actions:
            return serializer(many=True)
        return _one_or_many(serializer) if serializer and self.view.takes_many() else serializer

    def get_response_serializers(self) -> Any:
        """Return the success response, and the error responses of this operation."""
        documented = getattr(self.view, self.view.action).documented[self.get_operation_id()]
        success = OpenApiResponse(self._response(documented), description=documented.reply)
        code = (documented.code, documented.media_type) if documented.media_type else documented.code
        return {code: success, **documented.refusals}

    def _response(self, documented: Documented) -> Any:
        if documented.response or documented.code == 204:
            return documented.response
        serializer = self.view.get_serializer_class()
        output = getattr(serializer, "output_class", None) or serializer
        if self.view.takes_many():
            return _one_or_many(output)
        if self.view.action in self.view.array_actions:
            return {"type": "array", "items": self.resolve_serializer(output(), "response").ref}
        # Of a list, what its rows are: with a serializer, a page would be a component of its own.
        return self.resolve_serializer(output(), "response").ref if self.view.action == "list" else output


def _one_or_many(serializer: type[Serializer[Any]]) -> PolymorphicProxySerializer:
    """Return the serializer of one object or an array of them."""
    return PolymorphicProxySerializer(
        component_name=f"{serializer.__name__.removesuffix('Serializer')}{ONE_OR_MANY}",
        serializers=[serializer(), serializer(many=True)],
        resource_type_field_name=None,
        many=False,
    )


def as_contract(result: Node, generator: Any, request: Any, public: bool) -> Node:
    """drf-spectacular's hook: adds what holds for every operation of its kind."""
    components = result["components"]
    schemas = {**components["schemas"], **SCHEMAS}
    for name, schema in list(schemas.items()):
        _describe_choices(name, schema, schemas)
    for path, method, described in _operations(result):
        _complete(path, method, described)
    add_samples(result, schemas)
    result["info"]["description"] = GETTING_STARTED
    result["paths"] = {**HEALTH, **result["paths"]}
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = {name: _refusal(code, sentence) for code, (name, sentence) in REFUSALS.items()}
    return result


def _operations(result: Node) -> Iterator[tuple[str, str, Node]]:
    for path, methods in result["paths"].items():
        for method, described in methods.items():
            yield path, method, described


def _describe_choices(name: str, schema: Node, schemas: Node) -> None:
    """Complete a schema of one object or many, and a schema of two objects with common fields."""
    choices = schema.get("oneOf", ())
    for choice in choices:
        if choice.get("type") == "array":
            choice["minItems"] = 1  # no maxItems: more than BULK_MAX_ROWS are a 413, not an invalid value
            # A name of its own for the same thing: openapi-generator's modelOneOf.mustache of typescript-fetch imports
            # the model once for the object and once for the array (loops oneOfArrays and oneOfModels).
            one = name.removesuffix(ONE_OR_MANY)
            row = f"{one}Row"
            schemas[row] = {"allOf": [choice["items"]], "description": "One of several."}
            choice.update(title=f"Array of {one}", items={"$ref": f"#/components/schemas/{row}"})
    if choices and all("$ref" in choice for choice in choices):
        schema["anyOf"] = schema.pop("oneOf")  # both may fit, which ``oneOf`` forbids


def _complete(path: str, method: str, described: Node) -> None:
    """Add ``Prefer``, the error responses that follow from the parameters, and ``security: []`` without a token."""
    public = described.get("security", [{}]) == [{}]
    described["security"] = [] if public else described["security"]
    responses = described["responses"]
    codes = {"503"}
    if not public:
        codes.add("401")
        if method == "post" and resolve(path).func.cls.keeps_replies:  # type: ignore[attr-defined]
            described.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            for code in responses.keys() & {"200", "201", "202"}:
                responses[code].setdefault("headers", {}).update(REPLAYED)
            codes |= {"409", "422"}
    if "requestBody" in described:
        described["requestBody"]["required"] = True
        for content in described["requestBody"]["content"].values():
            if content["schema"].get("type") == "array":
                content["schema"].setdefault("minItems", 1)
        codes |= {"400", "413", "415", "422"}
    if "parameters" in described:
        codes.add("422")
        names = {parameter["name"] for parameter in described["parameters"]}
        if "Prefer" not in names:
            described["parameters"].append(PREFER_COUNT if "count" in names else PREFER)
    if "{lead_id}" in path:
        codes.add("404")
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
