"""The page that moves, reassigns, rewords or deletes a follow-up."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from activities.back_office.log_form import text_input, type_choices
from activities.back_office.log_page import may_change
from activities.follow_ups import validators
from activities.models import FollowUp
from activities.validators import MAX_TITLE
from leads.models import Lead
from users.audit import Actor, Channel
from users.back_office.forms import add_problems
from users.models import User

DELETE = "activities.delete_activity"
MAX_USERS = 200  # choices


class FollowUpForm(forms.Form):
    """What is to be done, when, and which agent does it."""

    title = forms.CharField(label="What to do", required=False, widget=text_input(maxlength=MAX_TITLE))
    kind = forms.CharField(label="As", widget=UnfoldAdminSelectWidget())
    due_on = forms.CharField(label="Day", required=False, widget=text_input(type="date"))
    due_time = forms.CharField(label="Time", required=False, widget=text_input(type="time"))
    assignee_id = forms.CharField(label="Agent", required=False, widget=UnfoldAdminSelectWidget())

    def __init__(self, data: Any, follow_up: FollowUp) -> None:
        initial = {name: getattr(follow_up, name) for name in validators.CREATE_RULES}
        initial["due_on"] = follow_up.due_on.isoformat()
        super().__init__(data, initial=initial)
        self.follow_up = follow_up
        self.fields["kind"].widget = UnfoldAdminSelectWidget(choices=type_choices(follow_up.kind))
        users = User.objects.filter(is_active=True).order_by("username_key")[:MAX_USERS]
        agents = [("", "Nobody"), *((str(user.pk), user.name) for user in users)]
        if follow_up.assignee and str(follow_up.assignee_id) not in dict(agents):
            agents.append((str(follow_up.assignee_id), follow_up.assignee.name))
        self.fields["assignee_id"].widget = UnfoldAdminSelectWidget(choices=agents)

    def clean(self) -> dict[str, Any]:
        """Return the clean values; add errors to their fields."""
        cleaned = super().clean() or {}
        values = {name: cleaned.get(name) or None for name in ("due_time", "assignee_id")}
        clean, problems = validators.validate({**cleaned, **values})
        if clean.get("assignee_id") != self.follow_up.assignee_id:
            problems += validators.check_assignee(clean.get("assignee_id"))
        add_problems(self, [problem for problem in problems if not self.has_error(str(problem.loc[0]))])
        return clean


def respond(request: HttpRequest, site: dict[str, Any], lead: Lead, follow_up_id: int) -> HttpResponse:
    """Show the form, or save or delete; raise a 404 for a follow-up that is not the lead's, or of a deleted lead."""
    user = cast(User, request.user)
    own = FollowUp.objects.of_active_leads().filter(pk=follow_up_id, lead=lead).select_related("assignee")
    if (follow_up := own.first()) is None:
        raise Http404
    is_own = user.pk in (follow_up.created_by_id, follow_up.assignee_id)
    may_delete = is_own or user.has_perm(DELETE)
    is_deletion = "_delete" in request.POST
    if not (may_delete if is_deletion else may_change(user, follow_up)):
        raise PermissionDenied
    actor, lead_page = Actor.of(user, Channel.ADMIN), reverse("admin:leads_lead_change", args=[lead.pk])
    form = FollowUpForm(request.POST if request.method == "POST" else None, follow_up)
    try:
        if is_deletion:
            FollowUp.objects.remove(follow_up.pk, actor)
            messages.success(request, "Follow-up deleted. The history has what it was.")
            return HttpResponseRedirect(lead_page)
        if request.method == "POST" and form.is_valid():
            FollowUp.objects.change(follow_up.pk, form.cleaned_data, actor)
            messages.success(request, "Follow-up saved.")
            return HttpResponseRedirect(lead_page)
    except FollowUp.DoesNotExist:
        raise Http404 from None
    context = {**site, "title": f"Follow-up of {lead}", "lead": lead, "form": form, "follow_up": follow_up}
    return TemplateResponse(request, "activities/follow_up_page.html", {**context, "may_delete": may_delete})
