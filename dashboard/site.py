"""The back office as a whole: Django's admin site with our home page and our navigation."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe
from unfold.sites import UnfoldAdminSite

from crm_project.events import event
from dashboard import home
from users.back_office import password_links, second_factor, second_factor_session
from users.back_office.own_sessions import own_sessions
from users.back_office.passwords import OwnPasswordView, redirect_to_password_change
from users.back_office.reauthentication import confirm_password, password_required

Item = dict[str, Any]
Page = Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]

# What staff find in the sidebar: title, icon, the page's name, the permission it takes.
PAGES = (
    ("Leads", "groups", "leads_lead_changelist", "leads.view_lead"),
    ("Activities", "event_note", "activities_activity_changelist", "activities.view_activity"),
    ("Imports", "upload_file", "leads_importrun_changelist", "leads.view_importrun"),
    ("Users", "badge", "users_user_changelist", "users.view_user"),
    ("Groups", "shield_person", "auth_group_changelist", "auth.view_group"),
    ("Personal data", "person_search", "personal_data", "users.handle_personal_data"),
    ("Account events", "manage_search", "users_accountevent_changelist", "users.view_accountevent"),
)


class BackOffice(UnfoldAdminSite):
    """``/admin/``."""

    index_title = "Home"
    index_template = "dashboard/home.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._added: list[URLPattern] = []

    def get_urls(self) -> Any:
        """Django's, and the pages that belong to no table."""
        own = [
            *second_factor.urls(self),
            path("sessions/", self.admin_view(own_sessions), name="own_sessions"),
            path("confirm-password/", self.admin_view(confirm_password), name="confirm_password"),
            *self._added,
        ]
        return own + password_links.urls() + super().get_urls()

    def add_page(self, route: str, page: Page, name: str) -> None:
        """Add a page that belongs to no table; the ``admin`` modules of the apps call this."""

        def inside(request: HttpRequest) -> HttpResponseBase:
            return page(request, self.each_context(request))

        self._added.append(path(route, self.admin_view(inside), name=name))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Nothing: no form of ours looks anything up in this way, and what is made up for it could be an error page."""
        raise PermissionDenied

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The home page."""
        return super().index(request, {**home.context(request), **(extra_context or {})})

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff whose second factor is done, where they have one or need one."""
        return super().has_permission(request) and second_factor_session.is_done(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Django's; who sends a form after their session has ended is told so, and what is denied is logged."""
        page = super().admin_view(view, cacheable)

        @wraps(page)
        def telling(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method == "POST" and not request.user.is_authenticated:
                messages.warning(request, "Nothing was saved: you were not logged in any more. Log in and do it again.")
            elsewhere = (
                second_factor_session.detour(request)
                or redirect_to_password_change(request)
                or password_required(request)
            )
            if elsewhere:
                return elsewhere
            try:
                return page(request, *args, **kwargs)
            except PermissionDenied:
                event("permission_denied")
                raise

        return telling

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What all pages know, and where a forgotten password is replaced."""
        return {**super().each_context(request), "forgot_password_url": password_links.forgot_password_url(request)}

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The page that changes one's own password."""
        return OwnPasswordView.as_view(extra_context={**self.each_context(request), **(extra_context or {})})(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Not offered: the frame's search knows the names of pages alone, and the sidebar has them all."""
        raise Http404


# Teal, a step darker than usual where white letters stand on it.
PALETTE = {
    "50": "oklch(98.4% .014 181)",
    "100": "oklch(95.3% .051 181)",
    "200": "oklch(91% .096 180)",
    "300": "oklch(85.5% .138 181)",
    "400": "oklch(75% .14 182)",
    "500": "oklch(62% .12 184)",
    "600": "oklch(51.1% .096 186)",
    "700": "oklch(45% .083 187)",
    "800": "oklch(40% .07 188)",
    "900": "oklch(33% .055 189)",
    "950": "oklch(25% .043 192)",
}


def palette(request: HttpRequest) -> dict[str, str]:
    """The frame's main colour, from light to dark."""
    return dict(PALETTE)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """``GET /favicon.ico``, which browsers ask for of their own accord."""
    return HttpResponseRedirect(static("dashboard/icon.svg"))


def icon(request: HttpRequest) -> str:
    """The address of the site's icon."""
    return static("dashboard/icon.svg")


def list_style(request: HttpRequest) -> str:
    """The address of the style of lists."""
    return static("leads/back_office.css")


def home_style(request: HttpRequest) -> str:
    """The address of the style of the home page."""
    return static("dashboard/home.css")


def navigation(request: HttpRequest) -> list[Item]:
    """The sidebar for whoever asks: the pages that they may see."""
    items: list[Item] = [{"title": "Home", "icon": "home", "link": reverse("admin:index")}]
    for title, icon, name, permission in PAGES:
        if request.user.has_perm(permission) and (link := home.address(name)):
            items.append({"title": title, "icon": icon, "link": link})
    return [{"items": items}]
