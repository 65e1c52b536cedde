"""The page that corrects or deletes one activity of a lead: its author may, and who may change or delete activities."""

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from activities.back_office.log_form import LogForm
from activities.changing import change_activity, delete_activity
from activities.limits import LeadFull
from activities.models import Activity
from activities.validators import CREATE_RULES
from leads.models import Lead
from users.audit import Actor, Channel
from users.models import User

CHANGE, DELETE = "activities.change_activity", "activities.delete_activity"


def may(user: User, activity: Activity, permission: str) -> bool:
    """Return whether the user is the author, or has the permission for activities of others."""
    return activity.user_id == user.pk or user.has_perm(permission)


def respond(request: HttpRequest, site: dict[str, Any], lead: Lead, activity_id: int) -> HttpResponse:
    """Show the form, or save or delete; raise a 404 for an activity that is not the lead's, or of a deleted lead."""
    user = cast(User, request.user)
    activity = Activity.objects.of_active_leads().filter(pk=activity_id, lead=lead).first()
    if activity is None:
        raise Http404
    is_deletion = "_delete" in request.POST
    may_change, may_delete = may(user, activity, CHANGE), may(user, activity, DELETE)
    if not (may_delete if is_deletion else may_change):
        raise PermissionDenied
    if is_deletion:
        return _delete(request, user, activity)
    initial = {name: getattr(activity, name) for name in CREATE_RULES}
    initial["activity_date"] = activity.activity_date.isoformat()
    form = LogForm(request.POST if request.method == "POST" else None, initial=initial, plans=False)
    if request.method == "POST" and form.is_valid():
        try:
            change_activity(activity.pk, form.cleaned_data["activity"], Actor.of(user, Channel.ADMIN))
        except Activity.DoesNotExist:
            raise Http404 from None
        except LeadFull as full:
            form.add_error("title", f"{full}.")
        else:
            messages.success(request, "Activity saved.")
            return HttpResponseRedirect(_lead_page(lead.pk))
    context = {**site, "title": f"Activity of {lead}", "lead": lead, "log_form": form, "activity": activity}
    return TemplateResponse(request, "activities/activity_page.html", {**context, "may_delete": may_delete})


def _delete(request: HttpRequest, user: User, activity: Activity) -> HttpResponse:
    try:
        delete_activity(activity.pk, Actor.of(user, Channel.ADMIN))
    except Activity.DoesNotExist:
        raise Http404 from None
    messages.success(request, "Activity deleted. The history has what it was.")
    return HttpResponseRedirect(_lead_page(activity.lead_id))


def _lead_page(lead_id: int) -> str:
    return f"{reverse('admin:leads_lead_change', args=[lead_id])}#activities"
