"""The base class of the API's viewsets."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, cast

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from crm_project.http import idempotency
from crm_project.http.errors import ValidationFailed
from crm_project.http.filters import RuleFilterSet
from crm_project.http.json import read
from crm_project.http.pagination import Page, PagePagination
from crm_project.http.serializers import Row, RuleSerializer
from crm_project.validation import MAX_BIGINT, MISSING, FieldError, InvalidValue, integer


class RuleViewSet(GenericViewSet[Any]):
    """A viewset with validation by rules, bulk bodies, and idempotency keys."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    # Whether a POST with an Idempotency-Key is executed once and its response stored for a day.
    keeps_replies = True
    input_classes: ClassVar[Mapping[str, type[RuleSerializer]]] = {}  # by action; others have ``serializer_class``
    filterset_class: ClassVar[type[RuleFilterSet] | None] = None
    bulk = False  # whether ``create`` also accepts a list

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the method first, as the contract requires, then do what DRF does, then check the idempotency key."""

        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)
        if idempotency.META in request.META and method == "post" and self.keeps_replies and request.user is not None:
            setattr(self, method, partial(idempotency.run_once, getattr(self, method)))

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Return DRF's response. Its reference cycle is broken, so that rows are freed without garbage collection."""
        response = super().finalize_response(*args, **kwargs)
        if isinstance(response, Response):
            response.add_post_render_callback(_release)
        return response

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
        serializer = self.get_serializer(data=body, many=self.takes_many() and isinstance(body, list))
        serializer.is_valid(raise_exception=True)
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


def _release(response: Any) -> None:
    response.data, response.renderer_context = None, {}
