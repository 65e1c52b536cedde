"""Leads on the wire. The rules judge (``leads/rules.py``); the serializers describe the schema."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from crm_project.api.fields import TIMESTAMP, Described, JSONSchema, boolean, email, integer, text, untrimmed
from crm_project.api.pagination import DEFAULT_SIZE, HIGHEST_PAGE, LARGEST_SIZE
from crm_project.api.schema import one_or_many, operation, refusal
from crm_project.api.times import iso
from crm_project.values import BIGGEST
from leads import rules
from leads.filters import LONGEST_QUERY, NAMED
from leads.models import Lead

OUT = (
    "id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "status",
    "source",
    "budget_min",
    "budget_max",
    "property_interest",
    "is_active",
    "created_at",
    "updated_at",
    "activity_count",
)


def lead_out(lead: Lead) -> dict[str, Any]:
    """A lead as the API shows it."""
    return row_out(vars(lead))


def row_out(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a lead as the API shows them."""
    row = {field: columns[field] for field in OUT}
    row["created_at"], row["updated_at"] = iso(row["created_at"]), iso(row["updated_at"])
    return row


def _budget(example: int) -> Described:
    schema = integer(0, BIGGEST, examples=[example])
    return Described(schema, required=False, allow_null=True, help_text="Whole units of money")


_words = f"Any word, kept in lower case: {', '.join(rules.PIPELINE)}, …"
_status = f"{_words}; `{rules.DEFAULT_STATUS}` when left out or empty"


class LeadCreateSerializer(serializers.Serializer[Any]):
    """A new lead. `budget_min` is not above `budget_max`."""

    first_name = Described(text(rules.LONGEST_NAME, examples=["John"]))
    last_name = Described(text(rules.LONGEST_NAME, examples=["Smith"]))
    email = Described(email(blank=True, about="An e-mail address; empty where only a telephone number is known"))
    phone = Described(text(rules.LONGEST_PHONE, examples=["+1-555-0100"]))
    status = Described(text(rules.LONGEST_STATUS, about=_status, examples=[rules.DEFAULT_STATUS]), required=False)
    source = Described(  # type: ignore[assignment]
        text(
            rules.LONGEST_SOURCE,
            about=f"`{rules.DEFAULT_SOURCE}` when left out or empty",
            examples=[rules.DEFAULT_SOURCE],
        ),
        required=False,
    )
    budget_min = _budget(300_000)
    budget_max = _budget(450_000)
    property_interest = Described(text(rules.LONGEST_TEXT, examples=["2BR condo"]), required=False, allow_null=True)


class LeadUpdateSerializer(serializers.Serializer[Any]):
    """The fields of a lead to change; the others stay."""

    first_name = Described(text(rules.LONGEST_NAME), required=False)
    last_name = Described(text(rules.LONGEST_NAME), required=False)
    email = Described(email(blank=True), required=False)
    phone = Described(text(rules.LONGEST_PHONE), required=False)
    status = Described(text(rules.LONGEST_STATUS, 1, _words, examples=["contacted"]), required=False)
    source = Described(text(rules.LONGEST_SOURCE), required=False)  # type: ignore[assignment]
    budget_min = _budget(300_000)
    budget_max = _budget(450_000)
    property_interest = Described(text(rules.LONGEST_TEXT), required=False, allow_null=True)
    is_active = Described(boolean(), required=False, help_text="`false` deletes the lead softly")


class LeadOutSerializer(serializers.Serializer[Any]):
    """A lead."""

    id = serializers.IntegerField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    status = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    budget_min = serializers.IntegerField(allow_null=True)
    budget_max = serializers.IntegerField(allow_null=True)
    property_interest = serializers.CharField(allow_null=True)
    is_active = serializers.BooleanField()
    created_at = Described(TIMESTAMP)
    updated_at = Described(TIMESTAMP)
    activity_count = serializers.IntegerField()


LEAD_ID = OpenApiParameter("lead_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, required=True)


# If-Match and If-None-Match stand in the descriptions: a parameter for a tag that only a reply can give helps nobody.
ETAG = OpenApiParameter(
    "ETag", {"type": "string"}, OpenApiParameter.HEADER, response=[200, 201, 304], description="The lead's entity tag"
)
_moved = {412: refusal("`If-Match` names another version of the lead; nothing was changed")}
_if_match = "With `If-Match`, only if the lead is still as its `ETag` says."


def _parameter(name: str, schema: JSONSchema, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=description)


_filters: dict[str, JSONSchema] = {
    "q": text(LONGEST_QUERY),
    "status": untrimmed(),
    "source": untrimmed(),
    "min_budget": integer(0, BIGGEST, blank=True),
    "max_budget": integer(0, BIGGEST, blank=True),
}
PAGE = [
    _parameter("page", {"type": "integer", "minimum": 1, "maximum": HIGHEST_PAGE, "default": 1}, "Counts from 1"),
    _parameter(
        "size", {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE}, "Rows a page"
    ),
]
PARAMETERS = [*(_parameter(name, schema, str(NAMED[name].label)) for name, schema in _filters.items()), *PAGE]

_lead = {200: OpenApiResponse(LeadOutSerializer, description="The lead")}
OPERATIONS = {
    "list": operation(
        "list_leads",
        "Leads",
        "List leads",
        "One page of the active leads that fit all the filters, newest first.",
        parameters=PARAMETERS,
        responses={200: OpenApiResponse(LeadOutSerializer(many=True), description="The leads of the page")},
    ),
    "create": operation(
        "create_leads",
        "Leads",
        "Create a lead, or many",
        "One lead from an object; from an array all of its leads, in its order, or none.",
        parameters=[ETAG],
        request=one_or_many(LeadCreateSerializer, "LeadCreateOneOrMany"),
        responses={
            201: OpenApiResponse(
                one_or_many(LeadOutSerializer, "LeadOutOneOrMany"), description="An object for an object, else an array"
            ),
            400: refusal("An empty list, or rows that the database refused; nothing was stored"),
        },
    ),
    "retrieve": operation(
        "get_lead",
        "Leads",
        "Get a lead",
        "One active lead. With `If-None-Match`, only if it is not as its `ETag` says.",
        parameters=[LEAD_ID, ETAG],
        responses={**_lead, 304: OpenApiResponse(description="The client has it already")},
    ),
    "update": [
        operation(
            name,
            "Leads",
            summary,
            "Writes the fields that are sent; PUT and PATCH do the same. "
            f"`budget_min` is not above `budget_max`, whichever of the two is sent. {_if_match}",
            methods=[method],
            parameters=[LEAD_ID, ETAG],
            request=LeadUpdateSerializer,
            responses={**_lead, **_moved},
        )
        for method, name, summary in (
            ("PUT", "update_lead", "Update a lead"),
            ("PATCH", "patch_lead", "Update a lead (the same as PUT)"),
        )
    ],
    "destroy": operation(
        "delete_lead",
        "Leads",
        "Delete a lead",
        f"Softly: the lead is kept, but not found any more. {_if_match}",
        parameters=[LEAD_ID],
        responses={204: OpenApiResponse(description="Deleted"), **_moved},
    ),
}
