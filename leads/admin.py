"""Leads in the admin: the same rules and the same writes as the API's."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from crm_project import values
from leads import rules
from leads.models import Lead
from leads.querysets import LeadQuerySet
from users.admin import add_problems


class LeadForm(forms.ModelForm):
    """A lead's own fields, judged by ``rules.check``."""

    class Meta:
        model = Lead
        fields = tuple(rules.UPDATE)

    def clean(self) -> dict[str, Any]:
        """The clean values; problems go to their fields."""
        cleaned = super().clean() or {}
        stored = self.instance if self.instance.pk else None
        clean, problems = rules.check(cleaned, partial=True, stored=stored)
        add_problems(self, problems)
        return {**cleaned, **clean}


@admin.register(Lead)
class LeadAdmin(admin.ModelAdmin):
    """Look, search and edit; a lead is deleted softly, by taking "active" away."""

    form = LeadForm
    list_display = ("__str__", "email", "phone", "status", "source", "activity_count", "is_active", "created_at")
    list_filter = ("is_active",)
    readonly_fields = ("activity_count", "created_at", "updated_at", "closed_at", "version")
    search_fields = ("search",)
    search_help_text = "Words in names, e-mail or phone"
    list_per_page = 50
    show_full_result_count = False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[LeadQuerySet, bool]:
        """The API's ``q``."""
        return queryset.matching(values.words(search_term)), False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes a lead for good."""
        return False

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        """Write through the queryset, which keeps version, closing date, search text and keys right."""
        clean = {field: form.cleaned_data[field] for field in (form.changed_data if change else rules.CREATE)}
        saved = Lead.objects.change(obj.pk, clean) if change else Lead.objects.add(clean)
        obj.__dict__.update(saved.__dict__)
