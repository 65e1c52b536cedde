"""What the API's view sets share: the method before the token, ids in the path, one row or many in the body."""

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
    """A view set that refuses an unserved method before it asks for a token, as the earlier server did."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    # Whether a user's POST with an Idempotency-Key is carried out once and its reply kept for a day.
    keeps_replies = True
    input_classes: ClassVar[Mapping[str, type[RuleSerializer]]] = {}  # by action; ``serializer_class`` for all others
    filterset_class: ClassVar[type[RuleFilterSet] | None] = None
    bulk = False  # whether ``create`` also takes a list

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """405 first, then what DRF does (authentication, permissions), then the ``Idempotency-Key``."""
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)
        if idempotency.META in request.META and method == "post" and self.keeps_replies and request.user is not None:
            setattr(self, method, partial(idempotency.run_once, getattr(self, method)))

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """DRF's; reply and context refer to each other, so the rows would stay until a full garbage collection."""
        response = super().finalize_response(*args, **kwargs)
        if isinstance(response, Response):
            response.add_post_render_callback(_release)
        return response

    def get_serializer_class(self) -> Any:
        """The action's own serializer where it takes a body."""
        return self.input_classes.get(self.action, self.serializer_class)

    def takes_many(self) -> bool:
        """Whether the action's body may be a list."""
        return self.bulk and self.action == "create"

    def validate_body(self) -> Any:
        """A serializer with the validated body; an absent body is a 422, of which DRF makes an empty form."""
        body = self.request.data
        if not read(self.request):
            raise ValidationFailed([FieldError(MISSING[0], ("body",), MISSING[1], None)])
        serializer = self.get_serializer(data=body, many=self.takes_many() and isinstance(body, list))
        serializer.is_valid(raise_exception=True)
        return serializer

    def validate_query(self) -> tuple[Row, Page]:
        """The filters and the page of a list; everything that is wrong with either in one 422."""
        query = self.request.query_params
        page, problems = cast(PagePagination, self.paginator).validate(query)
        wanted: Row = {}
        if self.filterset_class:
            wanted, wrong = self.filterset_class.validate(query)
            problems = [*wrong, *problems]
        if problems:
            raise ValidationFailed(problems)
        return wanted, page

    def path_id(self, name: str, missing: str) -> int:
        """An id from the path: 422 where it is no integer, a 404 that says ``missing`` where no row can have it."""
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
