"""Activities in the back office, to look at, and the leads' pages, where they are logged."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from activities.back_office import listing
from activities.back_office.lead_page import LeadPage
from activities.models import Activity
from leads.back_office.paginator import CappedPaginator
from leads.models import Lead

admin.site.register(Lead, LeadPage)


@admin.register(Activity)
class ActivityAdmin(ModelAdmin):
    """A read-only list, latest first."""

    list_display = ("title", "activity_type", "lead", "user_name", "activity_date", "duration")
    list_select_related = ("lead",)
    list_filter = listing.ALL
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ("activity_date",)
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any) -> CappedPaginator:
        """Counts no further than people leaf."""
        return CappedPaginator(queryset, per_page, *args, known=listing.known_count(request.GET))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The list's own filters alone."""
        return lookup in listing.PARAMETERS

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Not here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        return False
