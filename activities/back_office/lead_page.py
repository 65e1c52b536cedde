"""The page of one lead: details, activities, history and possible duplicates; and the merging of leads."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from django.contrib import messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from activities.back_office import activity_page, consent_page, follow_up_page, log_page, merge_page
from activities.back_office.lead_page_form import STORE_ANYWAY, LeadPageForm
from activities.back_office.log_form import LogForm
from activities.follow_ups.querysets import TooManyFollowUps
from activities.limits import LeadFull
from activities.models import Activity
from crm_project.validation import MAX_BIGINT
from leads.admin import LeadAdmin
from leads.back_office import cells, history
from leads.back_office.lead_form import FORM_FIELDS, REFERENCES_TO_LEADS, searched_person
from leads.back_office.listing import SEARCH
from leads.consents import Consent, TooManyConsents
from leads.models import ErasedContact, Lead
from leads.querysets import VersionConflict
from leads.validators import split_tags
from users import permissions
from users.audit import Actor, Channel
from users.models import User

ACTIVITIES = 20  # shown at a time
MAX_DUPLICATES = 10
LAST_PAGE = 10_000
VIEW_ACTIVITIES, VIEW_HISTORY = "activities.view_activity", "leads.view_leadchange"
HIDDEN = ("is_active", "seen_version")
REFUSAL = "_refusal"  # an attribute of the request
SAVED = "_saved"  # an attribute of the request: messages that say what was saved
MAX_FOLLOW_UPS = 10


class LeadPage(LeadAdmin):
    """The list of ``leads/admin.py``, and the page of one lead with its activities.

    It is part of activities because ``leads`` does not import ``activities``.
    """

    form = LeadPageForm
    fieldsets: Any = (
        ("Person", {"fields": (("first_name", "last_name"), ("email", "phone"), HIDDEN)}),
        (
            "Requirements",
            {"fields": (("status", "source"), ("owner", "tags"), ("budget_min", "budget_max"), "property_interest")},
        ),
    )
    raw_id_fields = REFERENCES_TO_LEADS
    compressed_fields = False
    change_form_template = "activities/lead_page.html"
    actions = (*LeadAdmin.actions, merge_page.merge)

    def get_urls(self) -> list[URLPattern]:
        """Return Django's URLs, and those for logging and merging."""
        own, wrap = [], self.admin_site.admin_view
        own.append(path("merge/", wrap(self.merge_view), name="leads_lead_merge"))
        own.append(path("<path:object_id>/log/", wrap(self.log_view), name="leads_lead_log"))
        route = "<path:object_id>/activities/<int:activity_id>/"
        own.append(path(route, wrap(self.activity_view), name="leads_lead_activity"))
        route = "<path:object_id>/follow-ups/<int:follow_up_id>/"
        own.append(path(route, wrap(self.follow_up_view), name="leads_lead_follow_up"))
        return own + super().get_urls()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the sections, without the hidden fields for read-only users, who would see them.

        Fields that no section names are in a section of their own, so that a new field is not forgotten.
        """
        (title, person), *rest = super().get_fieldsets(request, obj)
        if obj is not None and not self.has_change_permission(request, obj):
            person = {**person, "fields": tuple(line for line in person["fields"] if line != HIDDEN)}
        named = flatten_fieldsets(self.fieldsets)
        if others := tuple(name for name in FORM_FIELDS.values() if name not in named):
            rest.append(("Details", {"fields": others}))
        return [(title, person), *rest]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may change leads; a merged or erased lead is read-only."""
        is_closed = isinstance(obj, Lead) and (obj.merged_into_id is not None or obj.is_erased)
        return not is_closed and super().has_change_permission(request, obj)

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may merge leads."""
        return self.has_change_permission(request) and cast(User, request.user).has_perm("leads.merge_leads")

    def has_log_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may add activities."""
        return cast(User, request.user).has_perm("activities.add_activity")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form; validate again if someone else saved first, to report the conflict."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except VersionConflict:
            return super().changeform_view(request, *args, **kwargs)
        except (LeadFull, TooManyFollowUps, TooManyConsents) as full:
            setattr(request, REFUSAL, str(full))
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form's class, which is made for this request."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.may_log = self.has_log_permission(request)
        form.refusal = getattr(request, REFUSAL, "")
        return form

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        """Save through the queryset, which updates version, closing date, search text and keys."""
        actor, seen = Actor.of(cast(User, request.user), Channel.ADMIN), form.cleaned_data.get("seen_version")
        if not change:
            values = form.changed_values()
            ErasedContact.objects.forget(
                values["email"], values["phone"]
            )  # whoever was warned of that adds them knowingly
            vars(obj).update(vars(Lead.objects.create_lead(values, actor)))
            return
        clean = form.changed_values()
        is_restored = clean.get("is_active") is True
        stored = [] if is_restored else self._save_others(request, obj, form, actor)
        if clean:
            saved = Lead.objects.update_lead(obj.pk, clean, actor, None if seen is None else [seen], active=False)
            vars(obj).update(vars(saved))
            stored.insert(0, _what_was_saved(obj, clean))
        if is_restored:  # of a deleted lead nothing can be logged
            stored += self._save_others(request, obj, form, actor)
        setattr(request, SAVED, stored)

    def _save_others(self, request: HttpRequest, lead: Lead, form: Any, actor: Actor) -> list[str]:
        """Store a new activity, a follow-up and a statement of consent, and return messages that say which."""
        parts = form.log.cleaned_data if form.log else {}
        stored = []
        try:
            if parts.get("activity") or parts.get("follow_up"):
                stored += log_page.store(cast(User, request.user), lead.pk, actor, parts)
            if form.consent and (statement := form.consent.values()):
                Consent.objects.record(lead.pk, statement, actor)
                stored.append("Consent recorded.")
        except Lead.DoesNotExist:  # somebody deleted it: saving reports that as a conflict
            messages.error(request, log_page.NOT_LOGGED)
        return stored

    def response_add(self, request: HttpRequest, obj: Lead, post_url_continue: Any = None) -> HttpResponse:
        """Open the page of the new lead, where the call can be logged; or the empty form for another one."""
        messages.success(request, _what_was_saved(obj, {}))
        if "_addanother" in request.POST:
            return HttpResponseRedirect(request.path)
        if self.has_view_or_change_permission(request, obj):
            return HttpResponseRedirect(reverse("admin:leads_lead_change", args=[obj.pk]))
        return self.response_post_save_add(request, obj)

    def response_change(self, request: HttpRequest, obj: Lead) -> HttpResponse:
        """Say what was saved, and return to the page or to the list."""
        for message in getattr(request, SAVED) or ["Nothing was changed."]:
            messages.success(request, message)
        if "_continue" in request.POST:
            filters = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
            return HttpResponseRedirect(add_preserved_filters(filters, request.path))
        return self.response_post_save_change(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the values of a new lead: those of the address, and what the list was searched for."""
        searched = dict(parse_qsl(request.GET.get("_changelist_filters", ""))).get(SEARCH, "")
        # Managers add leads for others, agents their own.
        owner = {} if permissions.is_manager(user := cast(User, request.user)) else {"owner": user.pk}
        return {**owner, **searched_person(searched), **super().get_changeform_initial_data(request)}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form with the lead's activities, history and possible duplicates."""
        if lead := context.get("original"):
            if request.method == "POST":
                lead.refresh_from_db()  # an invalid form has set its values on it
            context.update(self._lead_context(request, lead))
        else:
            form = context["adminform"].form
            context.update({"similar": form.duplicates, "was_erased": form.was_erased, "store_anyway": STORE_ANYWAY})
            context["show_save_and_continue"] = False  # saving opens the page of the lead
        return super().render_change_form(request, context, *args, **kwargs)

    def log_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Log an activity, move the status and plan the next step; errors are shown with the entries."""
        lead = self.get_object(request, object_id)
        if lead is None or not self.has_view_permission(request, lead):
            raise Http404
        if not self.has_log_permission(request):
            raise PermissionDenied
        return log_page.respond(request, self._site_context(request), lead, self.has_change_permission(request, lead))

    def follow_up_view(self, request: HttpRequest, object_id: str, follow_up_id: int) -> HttpResponse:
        """Show, save or delete a follow-up of the lead."""
        lead = self.get_object(request, object_id)
        if lead is None or follow_up_id > MAX_BIGINT or not self.has_view_permission(request, lead):
            raise Http404
        return follow_up_page.respond(request, self._site_context(request), lead, follow_up_id)

    def activity_view(self, request: HttpRequest, object_id: str, activity_id: int) -> HttpResponse:
        """Show, save or delete an activity of the lead."""
        lead = self.get_object(request, object_id)
        if lead is None or activity_id > MAX_BIGINT:
            raise Http404
        if not cast(User, request.user).has_perm(VIEW_ACTIVITIES):
            raise PermissionDenied
        return activity_page.respond(request, self._site_context(request), lead, activity_id)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show all changes of the lead, in pages."""
        lead = self.get_object(request, object_id)
        if lead is None:
            raise Http404
        if not self.has_view_permission(request, lead) or not cast(User, request.user).has_perm(VIEW_HISTORY):
            raise PermissionDenied
        page = _page(request, "page")
        entries, more = history.history_page(lead, (page - 1) * history.PAGE, history.PAGE)
        site = {**self._site_context(request), "title": f"History of {lead}", "lead": lead}
        context = {**site, "entries": entries, "page": page, "more": more}
        return TemplateResponse(request, "activities/lead_history.html", context)

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        """Show the merge form, or merge leads."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        return merge_page.respond(self, request, self._site_context(request))

    def _site_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    def _lead_context(self, request: HttpRequest, lead: Lead) -> dict[str, Any]:
        has_perm = cast(User, request.user).has_perm
        entries, more = history.history_page(lead) if has_perm(VIEW_HISTORY) else ([], False)
        return {
            **self._activities(request, lead),
            "shows_history": has_perm(VIEW_HISTORY),
            "title": str(lead),
            "subtitle": None,
            "lead": lead,
            "state": cells.label(lead.status),
            "tags": split_tags(lead.tags),
            "budget": "" if lead.budget_min is lead.budget_max is None else cells.budget(lead),
            **consent_page.context(lead),
            "entries": entries,
            "more_history": more,
            "duplicates": list(Lead.objects.possible_duplicates(lead, MAX_DUPLICATES)[:MAX_DUPLICATES])
            if lead.is_active
            else [],
            "may_merge": self.has_merge_permission(request),
            "follow_ups": self._follow_ups(request, lead) if lead.is_active else [],
            # Of users who may not save the lead.
            "log_form": LogForm()
            if lead.is_active and self.has_log_permission(request) and not self.has_change_permission(request, lead)
            else None,
        }

    def _follow_ups(self, request: HttpRequest, lead: Lead) -> list[Any]:
        follow_ups: list[Any] = list(log_page.open_follow_ups(lead)[:MAX_FOLLOW_UPS])
        for follow_up in follow_ups:
            follow_up.editable = log_page.may_change(cast(User, request.user), follow_up)
        return follow_ups

    def _activities(self, request: HttpRequest, lead: Lead) -> dict[str, Any]:
        if not cast(User, request.user).has_perm(VIEW_ACTIVITIES):
            return {"shows_activities": False}
        page = _page(request, "activities")
        start = (page - 1) * ACTIVITIES
        activities: list[Any] = list(Activity.objects.of_lead(lead.pk).latest_first()[start : start + ACTIVITIES + 1])
        for activity in activities:
            activity.editable = lead.is_active and activity_page.may(
                cast(User, request.user), activity, activity_page.CHANGE
            )
        return {
            "shows_activities": True,
            "activities": activities[:ACTIVITIES],
            "activities_page": page,
            "more_activities": len(activities) > ACTIVITIES,
        }


def _what_was_saved(lead: Lead, values: Mapping[str, Any]) -> str:
    """Return a message with a link to the lead, which may not be in the list that shows the message."""
    done = "saved"
    if "is_active" in values:
        done = "restored" if values["is_active"] else "deleted. It can be restored on its page"
    return format_html('<a href="{}">{}</a> was {}.', reverse("admin:leads_lead_change", args=[lead.pk]), lead, done)


def _page(request: HttpRequest, name: str) -> int:
    """Return a page number from the query string; 1 if it is invalid."""
    number = request.GET.get(name, "")
    return min(max(int(number), 1), LAST_PAGE) if number.isascii() and number.isdecimal() and len(number) < 10 else 1
