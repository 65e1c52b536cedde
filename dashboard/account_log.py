"""``/admin/users/accountevent/``: the audit log of accounts, for superusers. Each entry is a sentence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from crm_project import validation
from crm_project.db.append_only import Changes
from leads.back_office.filters import day, office_zone
from leads.back_office.paginator import CappedPaginator
from leads.back_office.parameter_filter import ParameterFilter, select, text_input
from leads.queries import midnight
from users.audit import AccountEvent, Action, Channel
from users.back_office.lists import ListPage, ReadOnly
from users.models import User

MAX_ACTORS = 200  # choices
# By action, with {actor} and {target}; an action without a sentence is shown by its name.
SENTENCES = {
    Action.REGISTERED: "{target} registered",
    Action.CREATED: "{actor} created the user {target}",
    Action.CHANGED: "{actor} changed the user {target}",
    Action.APPROVED: "{actor} approved the user {target}",
    Action.DEACTIVATED: "{actor} deactivated {target}",
    Action.REACTIVATED: "{actor} reactivated {target}",
    Action.UNLOCKED: "{actor} unlocked {target} after failed logins",
    Action.ADDRESS_UNLOCKED: "{actor} unlocked the IP address {target}",
    Action.RIGHTS_CHANGED: "{actor} changed the rights of {target}",
    Action.KEY_CREATED: "{actor} created a key for a program",
    Action.KEY_REVOKED: "{actor} revoked a key of {target}",
    Action.CALENDAR_LINK_CREATED: "{actor} made a link to the calendar of {target}",
    Action.CALENDAR_LINK_REVOKED: "{actor} ended the link to the calendar of {target}",
    Action.PASSWORD_SET: "{actor} set the password of {target}",
    Action.PASSWORD_LINK_MADE: "{actor} created a set-password link for {target}",
    Action.SECOND_FACTOR_ENABLED: "{actor} enabled the second factor of {target}",
    Action.SECOND_FACTOR_DISABLED: "{actor} disabled the second factor of {target}",
    Action.SECOND_FACTOR_RESET: "{actor} reset the second factor of {target}",
    Action.RECOVERY_CODES_MADE: "{actor} created recovery codes for {target}",
    Action.RECOVERY_CODE_USED: "{actor} logged in with a recovery code",
    Action.SESSION_ENDED: "{actor} ended a session of {target}",
    Action.LOGGED_OUT_EVERYWHERE: "{actor} logged {target} out everywhere",
    Action.GROUP_CREATED: "{actor} created the group {target}",
    Action.GROUP_CHANGED: "{actor} changed the group {target}",
    Action.GROUP_DELETED: "{actor} deleted the group {target}",
    Action.EXPORTED_LEADS: "{actor} exported leads",
    Action.EXPORTED_PERSONAL_DATA: "{actor} exported the personal data of {target}",
    Action.ERASED_PERSONAL_DATA: "{actor} erased the personal data of {target}",
    Action.MIGRATED_DATABASE: "{actor} migrated the database of the earlier server",
}
FIELDS = {
    "username": "User name",
    "first_name": "First name",
    "last_name": "Last name",
    "is_active": "Active",
    "is_staff": "Can log in to the back office",
    "is_superuser": "Superuser",
    "must_change_password": "Must change the password",
    "recovery_codes_left": "Recovery codes left",
    "members": "Members (user ids)",
    "lead_ids": "Lead ids",
}


class ActionFilter(ParameterFilter):
    """The action."""

    title = "Action"
    queries = {"action": lambda events, value: events.filter(action=_one_of(Action, value))}

    def fields(self) -> dict[str, forms.Field]:
        """Return all actions."""
        return {"action": select("Action", list(Action.choices))}


class ChannelFilter(ParameterFilter):
    """The interface that was used."""

    title = "Channel"
    queries = {"channel": lambda events, value: events.filter(channel=_one_of(Channel, value))}

    def fields(self) -> dict[str, forms.Field]:
        """Return all channels."""
        return {"channel": select("Channel", list(Channel.choices))}


class ActorFilter(ParameterFilter):
    """The user who did it."""

    title = "By"
    queries = {"actor": lambda events, value: events.filter(actor=validation.integer(value, 1, validation.MAX_BIGINT))}

    def fields(self) -> dict[str, forms.Field]:
        """Return the users who can log in to the back office; others are found by search."""
        users = User.objects.filter(is_staff=True).order_by("username_key").only("username")[:MAX_ACTORS]
        return {"actor": select("By", [(str(user.pk), user.username) for user in users], "Anyone")}


class TargetFilter(ParameterFilter):
    """The affected user."""

    title = "User"
    queries = {
        "target": lambda events, value: events.filter(target_user=validation.integer(value, 1, validation.MAX_BIGINT))
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return an input for the user's id: there may be too many users for a list."""
        return {"target": text_input("User id", "text", inputmode="numeric")}


class DateFilter(ParameterFilter):
    """The date."""

    title = "Date"
    queries = {
        "from": lambda events, value: events.filter(at__gte=midnight(day(value), office_zone())),
        "to": lambda events, value: events.filter(at__lt=midnight(day(value) + timedelta(days=1), office_zone())),
    }

    def fields(self) -> dict[str, forms.Field]:
        """Return two days."""
        return {"from": text_input("From", "date"), "to": text_input("To", "date")}


FILTERS = (ActionFilter, ActorFilter, TargetFilter, ChannelFilter, DateFilter)
PARAMETERS = frozenset(name for one in FILTERS for name in one.queries)


@admin.register(AccountEvent)
class AccountEventAdmin(ReadOnly, ListPage, ModelAdmin):
    """The audit log of accounts."""

    list_display = ("date", "what", "channel_name")
    list_display_links = ("date",)
    fields = readonly_fields = ("date", "what", "channel_name", "request_id")
    list_filter = FILTERS
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    search_fields = ("actor_name", "target_name", "=request_id")
    search_help_text = "User, group, IP address or request id"
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = None

    @display(description="Date")
    def date(self, entry: AccountEvent) -> datetime:
        """Return when it was done."""
        return entry.at

    @display(description="What")
    def what(self, entry: AccountEvent) -> SafeString:
        """Return the entry as a sentence, with the values before and after."""
        return format_html("<div>{}{}</div>", sentence(entry), _details(entry.changes))

    @display(description="Channel")
    def channel_name(self, entry: AccountEvent) -> str:
        """Return the interface that was used."""
        return str(dict(Channel.choices).get(entry.channel, entry.channel))

    def get_paginator(self, request: HttpRequest, queryset: Any, per_page: int, *args: Any) -> CappedPaginator:
        """Return a paginator that counts at most ``paginator.MAX`` rows."""
        return CappedPaginator(queryset, per_page, *args)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the list's own filters only."""
        return lookup in PARAMETERS

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is a superuser."""
        return bool(getattr(request.user, "is_superuser", False))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user is a superuser."""
        return self.has_module_permission(request)


def sentence(entry: AccountEvent) -> str:
    """Return the entry as a sentence; users who change their own account are named once."""
    form = SENTENCES.get(Action(entry.action), "") if entry.action in Action.values else ""
    own = entry.actor_id is not None and entry.actor_id == entry.target_user_id
    target = "their own account" if own and "{actor}" in form else entry.target_name or "a person without an account"
    return (form or f"{{actor}}: {entry.action} {{target}}").format(actor=entry.actor_name, target=target) + "."


def _details(changes: Changes) -> SafeString | str:
    """Return a line for each field; a creation has no values before, a deletion none after."""
    lines = ((_label(field), text) for field, pair in changes.items() for text in _pair(pair))
    return format_html_join("", '<div class="text-font-subtle-light dark:text-font-subtle-dark">{}: {}</div>', lines)


def _pair(pair: list[Any]) -> Iterator[str]:
    before, after = pair
    if isinstance(before, list) and isinstance(after, list):
        yield from (f"added {one}" for one in after if one not in before)
        yield from (f"removed {one}" for one in before if one not in after)
    elif before is None:
        yield _display(after)
    else:
        yield f"{_display(before)} → {_display(after)}"


def _display(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "(empty)" if value in (None, "") else str(value)


def _label(field: str) -> str:
    return FIELDS.get(field, field.replace("_", " ").capitalize())


def _one_of(choices: Any, value: str) -> str:
    if value not in choices.values:
        raise validation.InvalidValue("value_error", "Choose one of the list")
    return value
