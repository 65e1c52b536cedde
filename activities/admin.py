"""The list of activities in the back office, and the pages of leads, where activities are logged."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from activities.back_office import listing
from activities.back_office.lead_page import LeadPage
from activities.models import Activity
from leads.back_office.paginator import CappedPaginator
from leads.models import Lead
from users.back_office.lists import ReadOnly

admin.site.register(Lead, LeadPage)


@admin.register(Activity)
class ActivityAdmin(ReadOnly, ModelAdmin):
    """A list, latest first. Activities are logged on the page of their lead."""

    list_display = ("title", "activity_type", "lead", "user_name", "activity_date", "duration")
    list_select_related = ("lead",)
    list_filter = listing.FILTERS
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ("activity_date",)
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any) -> CappedPaginator:
        """Return a paginator that counts at most ``paginator.MAX`` rows."""
        return CappedPaginator(queryset, per_page, *args, exact_count=listing.exact_count(request.GET))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the list's own filters only."""
        return lookup in listing.PARAMETERS
