"""Possible duplicates of a lead, by the rules of the import."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project import validation
from crm_project.http.errors import ValidationFailed
from crm_project.http.schema import operation
from crm_project.http.viewsets import RuleViewSet
from crm_project.validation import with_location
from leads import included, validators
from leads.duplicates import DuplicateIndex
from leads.models import Lead
from leads.search_keys import compute_search_keys
from leads.serializers import INCLUDE, DuplicateSerializer, lead_out
from leads.views import NO_LEAD, active_lead, included_keys

FIELDS = ("email", "phone", "first_name", "last_name")
RULES = {name: validators.CREATE_RULES[name] for name in FIELDS}


class DuplicateViewSet(RuleViewSet):
    """Active leads that may be the same person."""

    tag = "Leads"
    queryset = Lead.objects.active()
    serializer_class = DuplicateSerializer
    strict_actions = ("list", "search")
    query_parameters = {"list": ("include",), "search": ("include", *FIELDS)}

    @operation("list_duplicates", "List possible duplicates of a lead", "The others", parameters=[INCLUDE])
    def list(self, request: Request, lead_id: str) -> Response:
        """Return the other active leads that have its email address and no other name, or its phone number and name."""
        lead = active_lead(self.path_id("lead_id", NO_LEAD))
        return self._matches({name: getattr(lead, name) for name in FIELDS}, lead.pk)

    @operation(
        "find_duplicates",
        "Find possible duplicates",
        "The leads",
        response=DuplicateSerializer(many=True),
        parameters=[INCLUDE, *(OpenApiParameter(name, dict(rule.schema)) for name, rule in RULES.items())],
    )
    def search(self, request: Request) -> Response:
        """Return the active leads that a new lead with these values may duplicate."""
        query = request.query_params
        clean, errors = validation.validate({name: query.get(name, "") for name in FIELDS}, RULES)
        if errors:
            raise ValidationFailed(with_location(errors, "query"))
        return self._matches(clean)

    def _matches(self, values: Mapping[str, Any], lead_id: int | None = None) -> Response:
        include = included_keys(self.request)
        keys = compute_search_keys(**{**values, "source": ""})
        found = DuplicateIndex([keys]).matches(keys, values["first_name"], values["last_name"])
        matches = sorted((pk, match) for pk, match in found if pk != lead_id)
        leads = Lead.objects.active().in_bulk([pk for pk, _ in matches])
        pairs = [(lead_out(leads[pk]), match) for pk, match in matches if pk in leads]
        included.add_to([row for row, _ in pairs], include)
        return Response([{"lead": row, "match": match} for row, match in pairs])
