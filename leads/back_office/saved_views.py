"""Saved views of the list of leads: a name for a query, one's own or shared with everybody."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from crm_project import validation
from leads import filters as api
from leads.back_office.filters import FILTERS, PARAMETERS
from leads.models import Lead, SavedView
from leads.sql import SearchTimeout, statement_timeout
from users.models import User

SEARCH, ORDER = "q", "o"
MAX_NAME, MAX_QUERY, MAX_VIEWS = 40, 4000, 50  # characters, characters, views of a user
MAX_COUNTED, MAX_TIME = 1000, 100  # leads of each view; milliseconds for all counts
MAX_AGE = 60  # seconds of a count
ATTRIBUTE = "saved_views"  # of a request, whose page shows the views several times


class View(NamedTuple):
    """A view as the list shows it; ``size`` is how many leads it finds, "" where counting takes too long."""

    pk: int
    name: str
    query: str
    is_own: bool
    is_shared: bool
    current: bool
    size: str


def views_for(request: HttpRequest) -> list[View]:
    """Return the user's own views and those that are shared, by name. Two statements, one where there are none.

    The sidebar of each page shows them, so the counts are those of the last minute; the list of leads counts anew.
    """
    views: list[View] | None = getattr(request, ATTRIBUTE, None)
    if views is None:
        user_id, is_list = cast(User, request.user).pk, request.path == reverse("admin:leads_lead_changelist")
        visible = Q(user_id=user_id) | Q(is_shared=True)
        stored = list(SavedView.objects.filter(visible).order_by("name", "pk")[:MAX_VIEWS])
        now = clean_query(request.GET) if is_list else None
        views = [
            View(view.pk, view.name, view.query, view.user_id == user_id, view.is_shared, view.query == now, count)
            for view, count in zip(stored, _counts([view.query for view in stored], user_id, is_list), strict=True)
        ]
        setattr(request, ATTRIBUTE, views)
    return views


def _counts(queries: list[str], user_id: int, anew: bool) -> list[str]:
    """Return the numbers of leads, from the cache of this process unless they are to be counted anew."""
    keys = {query: f"view-{user_id}-{sha256(query.encode()).hexdigest()}" for query in queries}
    known = {} if anew else cache.get_many(list(keys.values()))
    missing = [query for query, key in keys.items() if key not in known]
    if missing:
        counted = _count([_leads(query, user_id) for query in missing])
        known |= dict(zip((keys[query] for query in missing), counted, strict=True))
        cache.set_many({keys[query]: known[keys[query]] for query in missing}, MAX_AGE)
    return [known[keys[query]] for query in queries]


def clean_query(given: QueryDict) -> str:
    """Return the filters, the search and the order of a query, in one order."""
    query = QueryDict(mutable=True)
    for name in sorted({*PARAMETERS, SEARCH, ORDER} & given.keys()):
        if value := str(given[name]).strip():
            query[name] = value
    return query.urlencode()


def save(request: HttpRequest) -> None:
    """Save the query of the list under the name that was posted, in place of an own view of that name."""
    name, query, user = request.POST.get("view_name", ""), clean_query(request.GET), cast(User, request.user)
    try:
        name = validation.text(name, MAX_NAME, 1)
    except validation.InvalidValue:
        messages.error(request, f"Not saved: enter a name of at most {MAX_NAME} characters.")
        return
    own = SavedView.objects.filter(user=user)
    if len(query) > MAX_QUERY or own.exclude(name=name).count() >= MAX_VIEWS:
        messages.error(request, f"Not saved: the query is too long, or you have {MAX_VIEWS} views.")
        return
    values = {"query": query, "is_shared": request.POST.get("is_shared") == "on"}
    SavedView.objects.update_or_create(user=user, name=name, defaults=values)
    messages.success(request, f"View “{name}” saved.")


def delete(request: HttpRequest) -> None:
    """Delete an own view."""
    given = request.POST.get("_delete_view", "")
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0
    deleted, _ = SavedView.objects.filter(pk=number, user=cast(User, request.user)).delete()
    messages.success(request, "View deleted.") if deleted else messages.info(request, "There is no such view.")


def _leads(query: str, user_id: int) -> Any:
    """Return the leads that a view finds."""
    params = QueryDict(query)
    leads: Any = Lead.objects.all() if params.get("deleted") else Lead.objects.active()
    leads = leads.deleted() if params.get("deleted") else leads
    try:
        for one in FILTERS:
            for name in one.queries:
                value = params.get(name, "")
                if value and name != "deleted":
                    leads = one.queries[name](leads, str(user_id) if (name, value) == ("owner", "me") else value)
        terms = api.search_terms(params.get(SEARCH, ""))
        return leads.search_terms(terms) if terms else leads
    except validation.InvalidValue:
        return leads.none()


def _count(all_leads: Sequence[Any]) -> list[str]:
    """Return the number of leads of each view: "12", "1,000+"."""
    parts, values = [], list[Any]()
    for leads in all_leads:
        try:
            sql, given = leads.order_by().values("pk")[: MAX_COUNTED + 1].query.sql_with_params()
        except EmptyResultSet:
            sql, given = "SELECT 1 WHERE 1 = 0", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) AS part)")
        values += given
    try:
        with statement_timeout(MAX_TIME), connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)}", values)
            numbers = cursor.fetchone()
    except SearchTimeout:
        return [""] * len(parts)
    return [f"{number:,}" if number <= MAX_COUNTED else f"{MAX_COUNTED:,}+" for number in numbers]
