"""A user who leaves: who takes over what they have. Asked after an account is deactivated."""

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from crm_project.events import event
from users import directory, handover
from users.audit import Actor, Channel
from users.models import User

NOBODY = "nobody"


class Leaving:
    """The part of ``UserAdmin`` that hands over; a base class before ``ModelAdmin``."""

    def get_urls(self) -> Any:
        """Return Django's URLs, and the one of the page."""
        view = self.admin_site.admin_view(self.hand_over_view)  # type: ignore[attr-defined]
        return [path("<int:user_id>/hand-over/", view, name="users_user_hand_over"), *super().get_urls()]  # type: ignore[misc]

    def hand_over_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Ask who takes over what the user has, or hand it over."""
        user: User = self.changeable_user(request, user_id)  # type: ignore[attr-defined]
        if request.method == "POST" and self._hand_over(request, user):
            return redirect("admin:users_user_change", user.pk)
        others = [choice for choice in directory.choices() if choice[0] != str(user.pk)]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "title": f"Hand over from {user.name}",
            "person": user,
            "holdings": handover.count(user.pk),
            "choices": [*others, (NOBODY, "Nobody")],
        }
        return TemplateResponse(request, "users/hand_over.html", context)

    def _hand_over(self, request: HttpRequest, user: User) -> bool:
        given = request.POST.get("to", "")
        to_user = int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None
        if given != NOBODY and (to_user == user.pk or not directory.active_among([to_user or 0])):
            messages.error(request, "Nothing was handed over: choose an active user.")
            return False
        moved = handover.hand_over(user.pk, to_user, Actor.of(cast(User, request.user), Channel.ADMIN))
        event("handed_over", **{noun.replace(" ", "_").replace("-", "_"): number for noun, number in moved})
        messages.success(request, f"Handed over: {listed(moved)}.")
        return True

    def ask_for_successor(self, request: HttpRequest, user: User) -> bool:
        """Say what a deactivated user still has, with a link to the page; return whether there is anything."""
        if not (holdings := handover.count(user.pk)):
            return False
        link = reverse("admin:users_user_hand_over", args=[user.pk])
        text = '{} still has {}. <a class="text-link" href="{}">Hand over…</a>'
        messages.warning(request, format_html(text, user.name, listed(holdings), link))
        return True


def listed(holdings: list[tuple[str, int]]) -> str:
    """Return "12 open leads and 1 open follow-up"."""
    return " and ".join(f"{number:,} {noun.removesuffix('s') if number == 1 else noun}" for noun, number in holdings)
