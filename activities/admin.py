"""Activities in the admin: to look at. They are logged through the API, which counts them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from activities.models import Activity


@admin.register(Activity)
class ActivityAdmin(admin.ModelAdmin):
    """A read-only list, latest first."""

    list_display = ("title", "activity_type", "lead", "user_name", "activity_date", "duration")
    list_select_related = ("lead",)
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Not here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        return False
