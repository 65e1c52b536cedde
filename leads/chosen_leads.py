"""The leads of a bulk request: given by their ids, or by the list's filters and the number that the client expects."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, cast

from django.http import QueryDict
from rest_framework import status

from crm_project import json_schema, validation
from crm_project.http import reply_options
from crm_project.http.errors import ApiError
from crm_project.http.serializers import Checked, RuleSerializer
from crm_project.validation import MAX_BIGINT, MISSING, FieldError, FieldRule, InvalidValue, with_location
from leads.filters import LeadFilter, replace_me
from leads.models import Lead
from leads.querysets import LeadQuerySet
from leads.selection import Agreed, ExactIds, ExpectedSize, LeadsMissing, SelectionChanged

MAX_IDS = 1000
MAX_FILTERED = 50_000
MATCHES_ALL = {"updated_since": 0}  # values of filters that every lead matches
NO_CONDITION = ("tz", "deleted")  # parameters that do not narrow the active leads


class ChosenLeads(NamedTuple):
    """Active leads, and the check to run once their rows are locked (see ``LeadQuerySet.update_leads``)."""

    leads: LeadQuerySet
    agreed: Agreed

    @classmethod
    def of_ids(cls, ids: Sequence[int]) -> "ChosenLeads":
        """Return the choice of the leads with these ids, all of which must exist."""
        unique = tuple(dict.fromkeys(ids))
        return cls(Lead.objects.active().filter(pk__in=unique), ExactIds(unique))

    def check_size(self) -> None:
        """Raise a 413 for more than ``MAX_FILTERED`` leads. Call it before any row is locked."""
        if self.leads.order_by()[: MAX_FILTERED + 1].count() > MAX_FILTERED:
            _raise_too_many(MAX_FILTERED)


def refusal(error: LeadsMissing | SelectionChanged) -> ApiError:
    """Return the 404 for missing leads, or the 409 for leads that are not those that the client expects."""
    if isinstance(error, LeadsMissing):
        return ApiError(status.HTTP_404_NOT_FOUND, "Some leads were not found", more={"ids": error.ids})
    size = error.selection.size
    leads = "1 lead" if size == 1 else f"{size} leads"
    return ApiError(status.HTTP_409_CONFLICT, f"The filter finds {leads} now; nothing was changed")


def ids_of(value: object) -> tuple[int, ...]:
    """Return the ids of a list without repetitions. Raise ``InvalidValue`` if it is empty, a 413 above ``MAX_IDS``."""
    if not isinstance(value, list | tuple):
        raise InvalidValue("list_type", "Input should be a valid list")
    if not value:
        raise InvalidValue("too_short", "List should have at least 1 item after validation, not 0")
    if len(value) > MAX_IDS:
        _raise_too_many(MAX_IDS)
    return tuple(dict.fromkeys(validation.integer(item, 1, MAX_BIGINT) for item in value))


def ids_in_query(values: Sequence[str]) -> tuple[int, ...]:
    """Return the ids of a query parameter that is repeated or separated by commas."""
    return ids_of([text for value in values for text in value.split(",") if text.strip()])


def _raise_too_many(limit: int) -> NoReturn:
    raise ApiError(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, f"At most {limit:,} leads can be changed in one request")


def _number(value: object) -> int:
    return validation.integer(value, 0, MAX_BIGINT)


def _filter(value: object) -> Any:
    if not isinstance(value, dict):
        raise InvalidValue("dict_type", "Input should be a valid dictionary")
    return value


def _as_query(given: Mapping[str, Any]) -> QueryDict:
    """Return the filters of a JSON object as query parameters of the list."""
    query = QueryDict(mutable=True)
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        query.setlist(name, ["" if one is None else one if isinstance(one, str) else _as_text(one) for one in values])
    return query


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else repr(value)


IDS = {
    "type": "array",
    "items": json_schema.IDENTIFIER,
    "minItems": 1,
    "maxItems": MAX_IDS,
    "examples": [[7, 8]],
}
_filter_about = "Filters of the list of leads, by name. A list is several values of one; at least one filter"
_expected_about = "The number of leads that the client expects the filter to find; a 409 if it finds another number"


class ChosenLeadsSerializer(RuleSerializer):
    """Either `ids`, or `filter` and `expected`."""

    optional = True
    field_rules = {
        "ids": FieldRule(ids_of, schema=IDS),
        "filter": FieldRule(
            _filter, schema={"type": "object", "additionalProperties": True, "description": _filter_about}
        ),
        "expected": FieldRule(_number, schema=json_schema.integer(0, MAX_FILTERED, description=_expected_about)),
    }

    def check(self, row: object) -> Checked:
        """Return the clean values with a ``ChosenLeads`` as ``chosen``, and all errors."""
        clean, errors = super().check(row)
        if errors or not isinstance(row, dict):
            return clean, errors
        ids, given, expected = (clean.pop(name, None) for name in ("ids", "filter", "expected"))
        if ids is not None and (given is not None or expected is not None):
            name = "filter" if given is not None else "expected"
            message = "Value error, send ids, or filter and expected"
            return clean, [FieldError("value_error", (name,), message, row[name])]
        if ids is not None:
            return {**clean, "chosen": ChosenLeads.of_ids(ids)}, []
        for name, value in (("ids" if expected is None else "filter", given), ("expected", expected)):
            if value is None:
                return clean, [FieldError(MISSING[0], (name,), MISSING[1], row)]
        leads, errors = self._find(cast(dict[str, Any], given))
        return {**clean, "chosen": ChosenLeads(leads, ExpectedSize(cast(int, expected)))}, errors

    def _find(self, given: dict[str, Any]) -> tuple[LeadQuerySet, list[FieldError]]:
        """Return the active leads that match the filters, and the errors of the filters."""
        extra = reply_options.unknown_fields(given, LeadFilter.base_filters)
        filters, errors = LeadFilter.validate(
            _as_query({name: value for name, value in given.items() if name in LeadFilter.base_filters})
        )
        errors = [error._replace(loc=error.loc[1:], input=given.get(str(error.loc[-1]))) for error in errors]
        errors += [error._replace(loc=error.loc[1:]) for error in extra]
        conditions = {
            name: value
            for name, value in filters.items()
            if value is not None and name not in NO_CONDITION and MATCHES_ALL.get(name) != value
        }
        if not errors and not conditions:
            errors = [FieldError("value_error", (), "Value error, the filter has no condition", given)]
        if errors:
            return Lead.objects.none(), with_location(errors, "filter")
        user_id = self.context["request"].user.pk
        return LeadFilter.find(replace_me(filters, user_id)).active(), []
