"""Samples of the objects that the OpenAPI document describes, made of the examples of their fields."""

from collections.abc import Iterator, Mapping
from typing import Any

Node = dict[str, Any]

EMPTY: dict[str, Any] = {"boolean": True, "array": [], "object": {}}


def add_samples(result: Node, schemas: Node) -> None:
    """Add a sample to every object, and two samples to bodies that are one object or an array of them."""
    bodies = [body for path in result["paths"].values() for described in path.values() for body in _bodies(described)]
    sent = {name for body, is_request in bodies if is_request for name in references(body, schemas)}
    for name, schema in schemas.items():
        if schema.get("type") == "object":
            schema["examples"] = [_sample(schema, schemas, complete=name in sent)]
    for body, _ in bodies:
        for content in body.get("content", {}).values():
            choices = _resolve(content["schema"], schemas).get("oneOf", ())
            if any(choice.get("type") == "array" for choice in choices):
                one, many = (_sample(choice, schemas) for choice in choices)
                content["examples"] = {
                    "one": {"summary": "One", "value": one},
                    "many": {"summary": "Several", "value": many},
                }


def _bodies(described: Node) -> Iterator[tuple[Node, bool]]:
    if "requestBody" in described:
        yield described["requestBody"], True
    for reply in described["responses"].values():
        yield reply, False


def references(node: Any, schemas: Node) -> Iterator[str]:
    """Yield the names of the components that a part of the document refers to, directly or not."""
    if isinstance(node, list):
        for value in node:
            yield from references(value, schemas)
    elif isinstance(node, dict):
        if name := _name(node):
            yield name
            yield from references(schemas[name], schemas)
        else:
            yield from references(list(node.values()), schemas)


def _name(schema: Mapping[str, Any]) -> str:
    reference = schema.get("$ref", "")
    return reference.rpartition("/")[2] if reference.startswith("#/components/schemas/") else ""


def _resolve(schema: Node, schemas: Node) -> Node:
    name = _name(schema)
    return schemas[name] if name else schema


def _sample(schema: Node, schemas: Node, complete: bool = False) -> Any:
    """Return a value of a schema: of an object its required fields, with ``complete`` also others with an example."""
    schema = _resolve(schema, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if choices := schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf"):
        return _sample(choices[0], schemas)
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        return None if "null" in kind else EMPTY.get(kind[0], "string")
    if kind == "integer":
        return schema.get("minimum", 0)
    if kind == "object":
        required = schema.get("required", ())
        return {
            name: _sample(field, schemas, complete)
            for name, field in schema.get("properties", {}).items()
            if name in required or (complete and "examples" in field)
        }
    if kind == "array" and "items" in schema:
        return [_sample(schema["items"], schemas)]
    return EMPTY.get(kind, "string")
