"""The list of leads in the back office: same rules and same writes as the API."""

from collections.abc import Callable
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from crm_project import validation
from leads import filters as api
from leads.back_office import filters, inline_status, listing, saved_views, table
from leads.back_office.actions import ACTIONS, LAST_EDIT, undo_last_edit
from leads.back_office.import_runs import ImportRunAdmin
from leads.back_office.listing import LeadChangeList
from leads.back_office.paginator import CappedPaginator
from leads.models import Lead
from leads.querysets import LeadQuerySet
from users.back_office.lists import MAX_SEARCH, ListPage
from users.models import User

__all__ = ["ImportRunAdmin", "LeadAdmin"]


class LeadAdmin(ListPage, ModelAdmin):
    """The list of leads and its actions. ``activities.back_office.lead_page`` adds the page of one lead."""

    actions = ACTIONS
    list_display = table.COLUMNS
    list_filter = filters.FILTERS
    list_filter_submit = True
    filters_address = "filters/"  # their fields would take a quarter of the time of row "Leads" of ``benchmarks.pages``
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

    # The forms of the list beside the actions: the name of the button, what it does, and the permission for it.
    forms: ClassVar[dict[str, tuple[Callable[[HttpRequest], None], str]]] = {
        "_statuses": (inline_status.save, "change"),
        "_undo_edit": (undo_last_edit, "change"),
        "_save_view": (saved_views.save, "view"),
        "_delete_view": (saved_views.delete, "view"),
        "_columns": (table.save_columns, "view"),
    }

    class Media:
        css: ClassVar = {"all": ("leads/list.css",)}
        js = ("leads/statuses.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LeadChangeList]:
        """Return the list that adds the last activities."""
        return LeadChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any) -> CappedPaginator:
        """Return a paginator that counts at most ``paginator.MAX`` rows, or none if the count is stored."""
        exact_count, by_id = listing.exact_count(request.GET, queryset), listing.is_counted_by_id(request.GET)
        return CappedPaginator(queryset, per_page, *args, exact_count=exact_count, by_id=by_id)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the list's own filters only: any other could read all leads."""
        return lookup in filters.PARAMETERS

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, or do what one of its forms asks for."""
        for name, (act, permission) in self.forms.items():
            if request.method == "POST" and name in request.POST:
                if not getattr(self, f"has_{permission}_permission")(request):
                    raise PermissionDenied
                act(request)
                return HttpResponseRedirect(request.get_full_path())
        context = {
            "title": "Leads",
            "last_edit": request.session.get(LAST_EDIT, {}).get("what", ""),
            "may_export": self.has_export_permission(request),
            "may_deal_out": request.GET.get("owner") == api.NONE and self.has_change_permission(request),
            "may_import": request.user.has_perm("leads.import_leads"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """Return Django's URLs, that of the search box of all pages, and that of the fields of the filters."""
        return [
            path("find/", self.admin_site.admin_view(self.find_view), name="leads_lead_find"),
            path("filters/", self.admin_site.admin_view(self.filters_view), name="leads_lead_filters"),
            *super().get_urls(),
        ]

    def find_view(self, request: HttpRequest) -> HttpResponseRedirect:
        """Redirect to the lead that a search finds; to the list if it finds none or several."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = request.GET.get("q", "").strip()
        found = listing.first_found(given)
        if len(found) == 1:
            return HttpResponseRedirect(reverse("admin:leads_lead_change", args=found))
        return HttpResponseRedirect(f"{reverse('admin:leads_lead_changelist')}?{urlencode({'q': given})}")

    def filters_view(self, request: HttpRequest) -> TemplateResponse:
        """Show the fields of the filters, which the list loads when their panel is opened."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = dict(request.GET.lists())
        forms = [one(request, given, Lead, self).form() for one in filters.FILTERS]
        return TemplateResponse(request, "leads/back_office/filters.html", {"forms": forms})

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
