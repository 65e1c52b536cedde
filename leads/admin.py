"""The list of leads in the back office: same rules and same writes as the API."""

from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from crm_project import validation
from leads import filters as api
from leads.back_office import cells, filters, inline_status, listing, saved_views
from leads.back_office.actions import ACTIONS, LAST_EDIT, undo_last_edit
from leads.back_office.import_runs import ImportRunAdmin
from leads.back_office.listing import LeadChangeList
from leads.back_office.paginator import CappedPaginator
from leads.models import Lead
from leads.querysets import LeadQuerySet
from users.audit import Actor, Channel
from users.back_office.lists import MAX_SEARCH, ListPage
from users.models import User

__all__ = ["ImportRunAdmin", "LeadAdmin"]


class LeadAdmin(ListPage, ModelAdmin):
    """The list of leads and its actions. ``activities.back_office.lead_page`` adds the page of one lead."""

    actions = ACTIONS
    list_display = ("name", "contact", "state", "source", "whose", "budget", "last_activity", "created")
    list_filter = filters.FILTERS
    list_filter_submit = True
    list_fullwidth = True
    list_max_show_all = 0
    list_before_template = "leads/back_office/before_list.html"
    list_after_template = "leads/back_office/after_list.html"
    ordering = ("-created_at", "-id")
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    search_fields = ("search",)
    search_help_text = "Search name, email or phone"
    list_per_page = 50
    show_full_result_count = False

    class Media:
        js = ("leads/statuses.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LeadChangeList]:
        """Return the list that adds the last activities."""
        return LeadChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any) -> CappedPaginator:
        """Return a paginator that counts at most ``paginator.MAX`` rows, or none if the count is stored."""
        return CappedPaginator(queryset, per_page, *args, exact_count=listing.exact_count(request.GET, queryset))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the list's own filters only: any other could read all leads."""
        return lookup in filters.PARAMETERS

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, or save the statuses that were changed in it."""
        if request.method == "POST" and "_statuses" in request.POST:
            if not self.has_change_permission(request):
                raise PermissionDenied
            inline_status.save(request, Actor.of(cast(User, request.user), Channel.ADMIN))
            return HttpResponseRedirect(request.get_full_path())
        if request.method == "POST" and "_undo_edit" in request.POST:
            if not self.has_change_permission(request):
                raise PermissionDenied
            undo_last_edit(request)
            return HttpResponseRedirect(request.get_full_path())
        for name, act in (("_save_view", saved_views.save), ("_delete_view", saved_views.delete)):
            if request.method == "POST" and name in request.POST:
                if not self.has_view_permission(request):
                    raise PermissionDenied
                act(request)
                return HttpResponseRedirect(request.get_full_path())
        last_edit = request.session.get(LAST_EDIT, {}).get("what", "")
        return super().changelist_view(request, {"title": "Leads", "last_edit": last_edit, **(extra_context or {})})

    @display(description="Name", ordering="name_key")
    def name(self, lead: Lead) -> str:
        """Return the name and the property interest."""
        return cells.name(lead)

    @display(description="Contact")
    def contact(self, lead: Lead) -> str:
        """Return email and phone."""
        return cells.contact(lead)

    @display(description="Status", ordering="status")
    def state(self, lead: Any) -> str:
        """Return the status; a drop-down list for users who may change it."""
        return cells.status(lead, lead.choices)

    @display(description="Owner")
    def whose(self, lead: Any) -> str:
        """Return the owner's name, and the tags."""
        return cells.owner(lead)

    @display(description="Budget", ordering="budget_max")  # see ``listing.order_of``
    def budget(self, lead: Lead) -> str:
        """Return the budget range."""
        return cells.budget(lead)

    @display(description="Last activity", ordering="activity_count")  # see ``listing.order_of``
    def last_activity(self, lead: Lead) -> str:
        """Return the age of the last activity and the number of activities."""
        return cells.activities(lead, timezone.now().date())

    @display(description="Created", ordering="created_at")
    def created(self, lead: Lead) -> str:
        """Return how long ago the lead was created."""
        return cells.time_ago(lead.created_at, timezone.now())

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[LeadQuerySet, bool]:
        """Return what the API finds with ``q``."""
        if len(search_term) > MAX_SEARCH:
            return super().get_search_results(request, queryset, search_term)  # which shows an error
        try:
            terms = api.search_terms(search_term)
        except validation.InvalidValue:
            return queryset.none(), False
        return queryset.search_terms(terms) if terms else queryset, False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false: leads are only soft-deleted."""
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may export leads."""
        return cast(User, request.user).has_perm("leads.export_leads")
