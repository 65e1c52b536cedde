"""The base class of the API's viewsets."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, ClassVar, cast

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm_project.db import replica
from crm_project.http import dry_run, idempotency, prefer, reply_options
from crm_project.http.errors import ValidationFailed
from crm_project.http.filters import RuleFilterSet
from crm_project.http.json import read
from crm_project.http.pagination import Page, PagePagination
from crm_project.http.reply_options import ReplyOptions
from crm_project.http.serializers import Row, RuleSerializer
from crm_project.validation import MAX_BIGINT, MISSING, FieldError, InvalidValue, integer

# A walk through a list, and a sync, see the state of one database, not of two that take turns.
PRIMARY_PARAMETERS = frozenset(("after", "updated_since"))


class RuleViewSet(GenericViewSet[Any]):
    """A viewset with validation by rules, bulk bodies, and idempotency keys."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    # Whether a POST with an Idempotency-Key is executed once and its response stored for a day.
    keeps_replies = True
    input_classes: ClassVar[Mapping[str, type[RuleSerializer]]] = {}  # by action; others have ``serializer_class``
    filterset_class: ClassVar[type[RuleFilterSet] | None] = None
    bulk = False  # whether ``create`` also accepts a list
    strict_actions: ClassVar[Collection[str]] = ()  # those that always refuse unknown parameters and fields
    # What an action knows beside filters, pages and ``reply_options.PARAMETERS``.
    query_parameters: ClassVar[Mapping[str, Collection[str]]] = {}
    path_schemas: ClassVar[Mapping[str, Any]] = {}  # of what in the path is not an id
    closed_to_keys = False  # whether programs with a key have no access, whatever its scopes
    dry_run_actions: ClassVar[Collection[str]] = ()  # those that ``dry_run=true`` only tries out
    array_actions: ClassVar[Collection[str]] = ()  # those whose body is an array
    replica_actions: ClassVar[Collection[str]] = ()  # those that may read from a replica of the database
    reply: ReplyOptions = reply_options.NONE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the method first, as the contract requires, then do what DRF does, then check the idempotency key."""

        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)
        self.reply = reply_options.options_of(request)
        errors = [*self.reply.errors]
        if self.is_strict:
            errors += reply_options.unknown_parameters(request.query_params, self.known_parameters())
        if errors:
            raise ValidationFailed(errors)
        if self.action in self.dry_run_actions and dry_run.is_wanted(request):
            setattr(self, method, partial(dry_run.run, getattr(self, method)))
        elif idempotency.META in request.META and method == "post" and self.keeps_replies and request.user is not None:
            setattr(self, method, partial(idempotency.run_once, getattr(self, method)))
        elif self.action in self.replica_actions and PRIMARY_PARAMETERS.isdisjoint(request.query_params):
            setattr(self, method, partial(self._read, getattr(self, method)))

    def _read(self, handler: Callable[..., HttpResponseBase], request: Request, **values: Any) -> HttpResponseBase:
        return replica.serve_reads(cast(int, request.user.pk), partial(handler, request, **values))

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Return DRF's response. Its reference cycle is broken, so that rows are freed without garbage collection."""
        response = super().finalize_response(*args, **kwargs)
        zoned = self.reply.zoned and response.status_code < 400
        if self.reply.strict and "strict" not in self.request.GET:
            prefer.applied(response, "handling=strict")
        if isinstance(response, Response):
            if zoned:
                response.add_post_render_callback(_write_zones)
            response.add_post_render_callback(_release)
        elif zoned:
            _write_zones(response)
        return response

    @property
    def is_strict(self) -> bool:
        """Return whether unknown parameters and fields are refused."""
        return self.reply.strict or self.action in self.strict_actions

    def known_parameters(self) -> set[str]:
        """Return the query parameters that the action knows."""
        known = {*reply_options.PARAMETERS, *self.query_parameters.get(self.action, ())}
        if self.action in self.dry_run_actions:
            known.add(dry_run.PARAMETER)
        if self.action == "list" and self.filterset_class:
            known.update(self.filterset_class.base_filters)
        if self.action == "list" and self.paginator:
            known.update(name for name, *_ in cast(PagePagination, self.paginator).parameters)
        return known

    def get_serializer_class(self) -> Any:
        """Return the action's serializer of the body, or ``serializer_class``."""
        return self.input_classes.get(self.action, self.serializer_class)

    def takes_many(self) -> bool:
        """Return whether the action's body may be a list."""
        return self.bulk and self.action == "create"

    def validate_body(self) -> Any:
        """Return a serializer with the validated body. A missing body is a 422; DRF would use an empty form."""
        body = self.request.data
        if not read(self.request):
            raise ValidationFailed([FieldError(MISSING[0], ("body",), MISSING[1], None)])
        is_array = self.action in self.array_actions
        if is_array and not isinstance(body, list):
            raise ValidationFailed([FieldError("list_type", ("body",), "Input should be a valid list", body)])
        serializer = self.get_serializer(data=body, many=is_array or (self.takes_many() and isinstance(body, list)))
        extra = reply_options.unknown_fields(body, serializer_of(serializer).known_fields()) if self.is_strict else []
        try:
            serializer.is_valid(raise_exception=True)
        except ValidationFailed as failed:
            raise ValidationFailed([*failed.field_errors, *extra]) from None
        if extra:
            raise ValidationFailed(extra)
        return serializer

    def validate_query(self) -> tuple[Row, Page]:
        """Return the clean filters and the page of a list; raise a 422 with the errors of both."""
        query = self.request.query_params
        page, errors = cast(PagePagination, self.paginator).validate(query)
        filters: Row = {}
        if self.filterset_class:
            filters, filter_errors = self.filterset_class.validate(query)
            errors = [*filter_errors, *errors]
        if errors:
            raise ValidationFailed(errors)
        return filters, page

    def path_id(self, name: str, missing: str) -> int:
        """Return an id of the path; raise a 422 if it is not an integer, or a 404 with ``missing`` if it is no id."""
        given = self.kwargs[name]
        try:
            number = integer(given, -(10**40), 10**40)
        except InvalidValue as invalid:
            raise ValidationFailed([FieldError(invalid.type, ("path", name), invalid.msg, given)]) from None
        if not 0 < number <= MAX_BIGINT:
            raise NotFound(missing)
        return number


def require_permission(request: Request, permission: str) -> None:
    """Raise a 403 that names the permission if the user does not have it."""
    if not request.user.has_perm(permission):
        raise PermissionDenied(f"You need the permission {permission}")


def serializer_of(serializer: Any) -> RuleSerializer:
    """Return the serializer of one row."""
    return cast(RuleSerializer, getattr(serializer, "child", serializer))


def _write_zones(response: HttpResponse | StreamingHttpResponse) -> None:
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = map(reply_options.with_zone, response.streaming_content)  # type: ignore[arg-type]
    else:
        response.content = reply_options.with_zone(response.content)


def _release(response: Any) -> None:
    response.data, response.renderer_context = None, {}
