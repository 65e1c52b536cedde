"""The parts of the OpenAPI document without a view: errors, headers, health checks, and the introduction."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter

Node = dict[str, Any]

GETTING_STARTED = """\
Leads, activities and a dashboard for a real-estate office.

**Register** with `POST /api/users/register`. The office may have closed registration (403), or approve new accounts
before they can log in.

**Log in** with `POST /api/users/login` (JSON) or `POST /api/users/token` (OAuth2's password form; *Authorize* on this
page uses it), and send the `access_token` with every other call: `Authorization: Bearer <access_token>`. A 401 says why
in `WWW-Authenticate`: `error_description` is `expired`, `revoked` or `malformed`.

**Stay logged in**: with `"scope": "offline_access"` a login also returns a `refresh_token` and `expires_in` (seconds).
Exchange it at `POST /api/users/token/refresh` when the access token expires. Each refresh token works once; store the
new one.

**Page** through a list with `page` (from 1) and `size` (10 by default, at most 1,000); the page after the last one is
empty. `count=exact` adds the total in `X-Total-Count`. For long lists send `after=` (empty) instead of `page` and
follow the `next` link in `Link`.

**Synchronize** a copy with `GET /api/leads?updated_since=&after=`: it starts with all leads. Follow the `next` links,
and send the `X-Synced-Until` of the first page as the next round's `updated_since`: it has every lead changed since
then; deleted ones have `is_active` false. A lead may come twice.

**Retry** a POST safely with an `Idempotency-Key`: it is executed once, and a repetition gets the same response. After a
429 or a 503 wait for the seconds in `Retry-After`. Send a lead's `ETag` as `If-Match` to reject concurrent changes.

**Times** are UTC, with six digits and without a time zone: `2025-10-07T18:10:00.000000`. With `times=zoned` they end in
`Z`, as JavaScript needs it. Dates are `2025-10-03`.

**Leniency**: this document says what to send. The server accepts more: it trims texts (not passwords), reads integers
from strings of digits and truth values from the usual words, and ignores unknown fields and parameters.

**Errors** are `{"detail": "a sentence"}`, a 422 is `{"detail": [{"type", "loc", "msg", "input"}]}`: one entry for each
invalid value, where `loc` is the path to it.
"""

SCHEMAS: Node = {
    "HTTPError": {
        "type": "object",
        "description": "An error message.",
        "properties": {"detail": {"type": "string", "examples": ["The server is busy; try again"]}},
        "required": ["detail"],
    },
    "ValidationError": {
        "type": "object",
        "description": "One invalid value: the type of the error, its location, the message, and the value.",
        "properties": {
            "type": {"type": "string", "examples": ["value_error"]},
            "loc": {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "description": "The path to the value; in a bulk body the row's index follows `body`.",
                "examples": [["body", 3, "email"]],
            },
            "msg": {"type": "string", "examples": ["value is not a valid email address"]},
            "input": {"description": "The invalid value; never a password.", "examples": ["john.smith"]},
        },
        "required": ["type", "loc", "msg", "input"],
    },
    "HTTPValidationError": {
        "type": "object",
        "description": "All invalid values of the request, at most 100 of them.",
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
            "description": "How to authenticate; with a token that was refused, why: expired, revoked or malformed",
            "required": True,
            "schema": {
                "type": "string",
                "examples": ["Bearer", 'Bearer error="invalid_token", error_description="expired"'],
            },
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
ETAG = OpenApiParameter(
    "ETag",
    {"type": "string", "examples": ['"3-12"']},
    OpenApiParameter.HEADER,
    response=[200, 201, 304],
    description="The lead's entity tag",
)
LOCATION = OpenApiParameter(
    "Location",
    {"type": "string", "examples": ["/api/leads/7"]},
    OpenApiParameter.HEADER,
    response=[201, 202],
    description="The path of what was created, where that is one thing",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "examples": ["*", '"3-12"']},
    OpenApiParameter.HEADER,
    description="The `ETag` of the lead as the client has it: a 412 if the lead was changed since",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    {"type": "string", "examples": ['"3-12"']},
    OpenApiParameter.HEADER,
    description="The `ETag` of the lead as the client has it: a 304 if it is still the same",
)
# Of every call.
REPLY_OPTIONS = (
    OpenApiParameter(
        "strict",
        {"type": "boolean"},
        description="`true`: unknown parameters and fields are a 422. Also `Prefer: handling=strict`",
    ),
    OpenApiParameter(
        "times", {"type": "string", "enum": ["zoned"]}, description="`zoned`: the times of the reply end in `Z`"
    ),
)
DRY_RUN = OpenApiParameter(
    "dry_run",
    {"type": "boolean"},
    description="`true`: only try it out. The reply is that of the real call, with null for new ids and "
    "`Preference-Applied: dry-run`; nothing is stored",
)
# Of every call; with ``count`` as a preference, too, where it is a parameter.
PREFER: Node = {
    "in": "header",
    "name": "Prefer",
    "schema": {"type": "string", "examples": ["handling=strict"]},
    "description": "`handling=strict`: unknown parameters and fields are a 422",
}
PREFER_COUNT: Node = {
    **PREFER,
    "schema": {"type": "string", "examples": ["count=exact", "handling=strict"]},
    "description": "`count=exact`, `count=estimated`, `handling=strict`; `Preference-Applied` says what was applied",
}
TOTAL_HEADERS = tuple(
    OpenApiParameter(
        name, {"type": "string", "examples": [example]}, OpenApiParameter.HEADER, response=[200], description=about
    )
    for name, example, about in (
        ("X-Total-Count", "128", "With `count`: how many rows there are in all"),
        ("Content-Range", "leads 0-9/128", "With `count`: which of them these are; `leads */128` under a cursor"),
        ("Link", '</api/leads?after=W10>; rel="next"', "Under a cursor: the next page; with `count` also the first"),
        ("Preference-Applied", "count=exact", "What of `Prefer` was applied"),
    )
)
COUNT = OpenApiParameter(
    "count", {"type": "string", "enum": ["exact", "estimated"]}, description="How many there are, in `X-Total-Count`"
)
AFTER = OpenApiParameter(
    "after", {"type": "string"}, description="A cursor instead of `page`: empty to start, then the one of `Link`"
)
# Of a list that takes pages and cursors, and of one that has all rows without a page.
WALK = [COUNT, AFTER, *TOTAL_HEADERS]
OPTIONAL_PAGE = [
    OpenApiParameter("page", {"type": "integer", "minimum": 1}, description="Counts from 1"),
    OpenApiParameter("size", {"type": "integer", "minimum": 1, "maximum": 1000}, description="Rows a page"),
]
# Of every POST whose reply is stored, and of its success.
IDEMPOTENCY_KEY: Node = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": 255},
    "description": "A new one for each operation, such as a UUID: the request is carried out once. Sent again within "
    "24 hours it gets the same reply with `Idempotent-Replayed: true`; with another body, a 422",
}
REPLAYED: Node = {
    "Idempotent-Replayed": {
        "description": "`true` where the request was carried out before and this is its stored reply",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


_JOB: Node = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "last_run": {"type": ["string", "null"], "description": "When it ended, in UTC"},
        "succeeded": {"type": ["boolean", "null"]},
        "next_run": {"type": "string"},
    },
    "required": ["name", "last_run", "succeeded", "next_run"],
}
_JOBS: Node = {"type": "array", "items": _JOB, "description": "The scheduled jobs, with `details`"}


def _ok(*states: str, **more: Node) -> Node:
    properties = {"status": {"type": "string", "enum": list(states)}, **more}
    schema = {"type": "object", "properties": properties, "required": ["status"]}
    return {"description": "It is", "content": {"application/json": {"schema": schema}}}


def _health(operation_id: str, summary: str, description: str, **replies: Node) -> Node:
    responses = {"200": _ok("ok"), **replies}
    common = {"tags": ["Health"], "security": [], "responses": responses}
    return {"get": {"operationId": operation_id, "summary": summary, "description": description, **common}}


HEALTH: Node = {
    "/": _health("get_health", "Health", "Whether the server is there; asks nothing of the database."),
    "/health/live": _health("get_liveness", "Alive", "Whether the server answers; asks nothing of the database."),
    "/health/ready": _health(
        "get_readiness",
        "Ready",
        "Whether requests should go to this server: it is not stopping, and the database answers, can be written to "
        "and has every migration. `busy`: new requests wait for those that run.",
        **{"200": _ok("ok", "busy", jobs=_JOBS), "503": {"$ref": "#/components/responses/Unavailable"}},
    ),
}
