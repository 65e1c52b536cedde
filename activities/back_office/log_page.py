"""The page that logs an activity, moves the status and plans the next step with one save; also to finish a follow-up.

Today's page opens it, and goes on with the next lead afterwards.
"""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format

from activities.back_office import consent_page
from activities.back_office.log_form import LogForm
from activities.follow_ups import work
from activities.follow_ups.querysets import AlreadyDone, TooManyFollowUps
from activities.limits import LeadFull
from activities.models import FollowUp
from crm_project.validation import MAX_BIGINT
from leads.back_office import choices
from leads.models import Lead
from users.audit import Actor, Channel
from users.models import User

NOT_LOGGED = "Not logged: this lead is deleted."
ALREADY_DONE = "Not saved. This follow-up is done already. Save again to log the activity without it."
TODAY = "today"  # the value of ``back`` for the start page
OUTCOMES = ("Reached", "Left a message", "No answer", "Asked to call later", "Not interested", "Wrong number")
CHANGE = "activities.change_activity"


def open_follow_ups(lead: Lead) -> Any:
    """Return the open follow-ups of a lead, the next one first, with their assignees."""
    return FollowUp.objects.open().filter(lead=lead).due_first().select_related("assignee")


def may_change(user: User, follow_up: FollowUp) -> bool:
    """Return whether it is the user's own, made or assigned, or there is the permission for those of others."""
    return user.pk in (follow_up.created_by_id, follow_up.assignee_id) or user.has_perm(CHANGE)


def respond(request: HttpRequest, site: dict[str, Any], lead: Lead, may_set_status: bool) -> HttpResponse:
    """Show the form, or store everything."""
    follow_up = _follow_up(request, lead)
    posted = request.POST if request.method == "POST" else None
    statuses = choices.statuses() if may_set_status and lead.is_active else []
    initial = {"status": lead.status}
    if follow_up and follow_up.kind:
        initial["activity_type"] = follow_up.kind
    form = LogForm(
        posted,
        initial=initial,
        statuses=dict.fromkeys([*statuses, lead.status]) if statuses else (),
        is_optional=follow_up is not None,
    )
    if posted is not None and form.is_valid():
        try:
            return _save(request, lead, follow_up, form.cleaned_data)
        except (LeadFull, TooManyFollowUps) as full:
            form.add_error("title", f"{full}.")
        except (Lead.DoesNotExist, FollowUp.DoesNotExist):
            form.add_error("title", NOT_LOGGED)
        except AlreadyDone:
            form.add_error("title", ALREADY_DONE)
            follow_up = None
    context = {
        **site,
        "title": f"Done: {follow_up.title}" if follow_up else f"Log an activity: {lead}",
        "lead": lead,
        "log_form": form,
        "follow_up": follow_up,
        "back": _back(request),
        "outcomes": OUTCOMES,
        **consent_page.context(lead),
    }
    return TemplateResponse(request, "activities/log_activity.html", context)


def store(
    user: User, lead_id: int, actor: Actor, parts: Mapping[str, Any], follow_up: FollowUp | None = None
) -> list[str]:
    """Store what a valid form has, in one transaction, and return messages that say what was stored.

    Raises what ``work.log`` and ``complete`` raise. A caller that stores more in the same transaction shows the
    messages after it, or they would remain when it is rolled back.
    """
    planned = parts["follow_up"] and {**parts["follow_up"], "assignee_id": user.pk}
    activity, status = parts["activity"], parts["status"]
    stored = []
    if follow_up:
        work.complete(follow_up.pk, user, actor, activity, status, planned)
        stored.append(f"Done: {follow_up.title}.")
    else:
        work.log(lead_id, user, actor, activity, status, planned)
    if activity:
        stored.append("Activity logged.")
    if planned:
        stored.append(f"Follow-up planned for {date_format(planned['due_on'])}.")
    return stored


def _save(request: HttpRequest, lead: Lead, follow_up: FollowUp | None, parts: Mapping[str, Any]) -> HttpResponse:
    if parts["status"] == lead.status:
        parts = {**parts, "status": None}
    user = cast(User, request.user)
    try:
        for message in store(user, lead.pk, Actor.of(user, Channel.ADMIN), parts, follow_up):
            messages.success(request, message)
    except AlreadyDone:
        if parts["activity"] or parts["follow_up"]:
            raise  # these entries must not be lost
        messages.warning(request, "This follow-up is done already.")
    if _back(request) == TODAY:
        return HttpResponseRedirect(reverse("admin:index"))
    return HttpResponseRedirect(reverse("admin:leads_lead_change", args=[lead.pk]) + "#activities")


def _back(request: HttpRequest) -> str:
    return TODAY if TODAY in (request.POST.get("back"), request.GET.get("back")) else ""


def _follow_up(request: HttpRequest, lead: Lead) -> FollowUp | None:
    """Return the follow-up that is to be finished; raise a 404 if it is not the lead's, or not the user's to finish."""
    given = request.POST.get("follow_up") or request.GET.get("follow_up") or ""
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < 19 and int(given) <= MAX_BIGINT):
        raise Http404
    follow_up = FollowUp.objects.filter(pk=int(given), lead=lead).first()
    if follow_up is None or not may_change(cast(User, request.user), follow_up):
        raise Http404
    return follow_up
