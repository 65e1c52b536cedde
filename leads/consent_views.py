"""``/api/leads/{lead_id}/consents``: statements about whether a lead may be contacted."""

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.errors import or_404, or_409
from crm_project.http.pagination import PAGING, optional_page
from crm_project.http.schema import operation
from crm_project.http.schema_components import LOCATION, OPTIONAL_PAGE
from crm_project.http.serializers import RowSerializer, RuleSerializer
from crm_project.http.timestamps import iso
from crm_project.http.viewsets import RuleViewSet
from leads import consents
from leads.consents import TOO_MANY, Consent, TooManyConsents
from leads.views import NO_LEAD, active_lead, by_api

OUT = ("id", "lead_id", "channel", "state", "wording", "evidence", "created_at", "created_by")


def consent_out(consent: Consent) -> dict[str, Any]:
    """Return a statement as the API shows it."""
    row = {field: getattr(consent, field) for field in OUT[:-1]}
    return row | {"created_at": iso(consent.created_at), "created_by": consent.user_id}


class ConsentRecordSerializer(RowSerializer):
    """A statement about consent. `created_by` is a user's id."""

    field_rules = consents.RULES
    about = {name: dict(consents.RULES[name].schema) for name in ("channel", "state")}
    columns = {"created_by": "user_id"}

    class Meta:
        model = Consent
        fields = OUT

    def to_representation(self, instance: Consent) -> dict[str, Any]:
        """Return the object of the response."""
        return consent_out(instance)


class ConsentCreateSerializer(RuleSerializer):
    """A new statement about consent."""

    field_rules = consents.RULES
    output_class = ConsentRecordSerializer


class ConsentViewSet(RuleViewSet):
    """The statements of consent of one active lead."""

    tag = "Leads"
    queryset = Consent.objects.all()
    serializer_class = ConsentRecordSerializer
    input_classes = {"create": ConsentCreateSerializer}
    strict_actions = ("list", "create")
    query_parameters = {"list": PAGING}
    dry_run_actions = ("create",)

    @operation("list_consents", "List a lead's statements of consent", "The statements", parameters=OPTIONAL_PAGE)
    def list(self, request: Request, lead_id: str) -> Response:
        """Return the statements, latest first; one page with `page` or `size`. The latest statement about a channel, or
        about `all`, is in force.
        """
        number = self.path_id("lead_id", NO_LEAD)
        page = optional_page(request.query_params)
        active_lead(number)
        rows = Consent.objects.of_leads([number])
        if page:
            rows = rows[page.offset : page.offset + page.size]
        return Response([consent_out(row) for row in rows])

    @operation(
        "create_consent",
        "Record a statement of consent",
        "The statement",
        201,
        refusals={409: f"{TOO_MANY}; nothing was stored"},
        parameters=[LOCATION],
    )
    def create(self, request: Request, lead_id: str) -> Response:
        """Store a statement. Statements are never changed or deleted."""
        number = self.path_id("lead_id", NO_LEAD)
        serializer = self.validate_body()
        with or_404(NO_LEAD), or_409(TooManyConsents):
            serializer.instance = Consent.objects.record(number, serializer.validated_data, by_api(request))
        headers = {"Location": f"/api/leads/{number}/consents"}
        return Response(serializer.data, status.HTTP_201_CREATED, headers=headers)
