"""The site of the back office: Django's admin with our home page and navigation."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.apps import apps
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
from leads.back_office.saved_views import views_for
from users import permissions
from users.back_office import password_links, second_factor, second_factor_session
from users.back_office.own_sessions import own_sessions
from users.back_office.passwords import OwnPasswordView, redirect_to_password_change
from users.back_office.reauthentication import confirm_password, password_required
from users.back_office.reminders import calendar_link, reminders
from users.models import User

Item = dict[str, Any]
Page = Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]

# The sidebar: title, icon, name of the page, required permission.
PAGES = (
    ("Leads", "groups", "leads_lead_changelist", "leads.view_lead"),
    ("Activities", "event_note", "activities_activity_changelist", "activities.view_activity"),
    ("Imports", "upload_file", "leads_importrun_changelist", "leads.view_importrun"),
    ("Users", "badge", "users_user_changelist", "users.view_user"),
    ("API keys", "key", "users_apikey_changelist", "users.change_user"),
    ("Groups", "shield_person", "auth_group_changelist", "auth.view_group"),
    ("Personal data", "person_search", "personal_data", "users.handle_personal_data"),
    ("Account events", "manage_search", "users_accountevent_changelist", "users.view_accountevent"),
)


class BackOffice(UnfoldAdminSite):
    """The site at ``/admin/``."""

    index_title = "Home"
    index_template = "dashboard/home.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._added: list[URLPattern] = []

    def get_urls(self) -> Any:
        """Return Django's URLs, and the pages that belong to no model."""
        own = [
            *second_factor.urls(self),
            path("sessions/", self.admin_view(own_sessions), name="own_sessions"),
            path("reminders/", self.admin_view(reminders), name="reminders"),
            path("reminders/calendar/", self.admin_view(calendar_link), name="calendar_link"),
            path("confirm-password/", self.admin_view(confirm_password), name="confirm_password"),
            *self._added,
        ]
        return own + password_links.urls() + super().get_urls()

    def add_page(self, route: str, page: Page, name: str) -> None:
        """Add a page that belongs to no model; the ``admin`` modules of the apps call this."""

        def view(request: HttpRequest) -> HttpResponseBase:
            return page(request, self.each_context(request))

        self._added.append(path(route, self.admin_view(view), name=name))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Deny: no form uses autocompletion, and invalid requests could cause errors."""
        raise PermissionDenied

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the home page."""
        return super().index(request, {**home.context(request), **(extra_context or {})})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show the lists of an app, under its name alone."""
        title = apps.get_app_config(app_label).verbose_name
        return super().app_index(request, app_label, {"title": title, **(extra_context or {})})

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is staff and has passed the second factor, if they have or need one."""
        return super().has_permission(request) and second_factor_session.is_done(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Return Django's view, which also reports an expired session and logs denied requests."""
        page = super().admin_view(view, cacheable)

        @wraps(page)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method == "POST" and not request.user.is_authenticated:
                messages.warning(request, "Your session expired; nothing was saved. Log in and try again.")
            redirection = (
                second_factor_session.required_step(request)
                or redirect_to_password_change(request)
                or password_required(request)
            )
            if redirection:
                return redirection
            try:
                return page(request, *args, **kwargs)
            except PermissionDenied:
                event("permission_denied")
                raise

        return checked

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the context of all pages: also the addresses of the search and of the page for forgotten passwords."""
        return {
            **super().each_context(request),
            "forgot_password_url": password_links.forgot_password_url(request),
            "find_url": home.address("leads_lead_find") if _may_find(request) else "",
        }

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Show the page that changes the user's own password."""
        return OwnPasswordView.as_view(extra_context={**self.each_context(request), **(extra_context or {})})(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Reply 404: the theme's search finds only names of pages, which the sidebar shows."""
        raise Http404


def _may_find(request: HttpRequest) -> bool:
    """Return whether the user may view leads, and has passed the second factor, if they have or need one."""
    user = cast(User, request.user)
    return user.is_authenticated and user.has_perm("leads.view_lead") and second_factor_session.is_done(request)


# Teal, one step darker than usual where it is the background of white text.
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
    """Return the primary colour of the theme, from light to dark."""
    return dict(PALETTE)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect ``GET /favicon.ico``, which browsers request by default, to the icon."""
    return HttpResponseRedirect(static("dashboard/icon.svg"))


def icon(request: HttpRequest) -> str:
    """Return the address of the icon."""
    return static("dashboard/icon.svg")


def list_style(request: HttpRequest) -> str:
    """Return the address of the style sheet of lists."""
    return static("leads/back_office.css")


def home_style(request: HttpRequest) -> str:
    """Return the address of the style sheet of the home page."""
    return static("dashboard/home.css")


def navigation(request: HttpRequest) -> list[Item]:
    """Return the sidebar: the pages that the user may see."""
    items: list[Item] = [{"title": "Home", "icon": "home", "link": reverse("admin:index")}]
    user = cast(User, request.user)
    for title, icon, name, permission in PAGES:
        if user.has_perm(permission) and (link := home.address(name)):
            items.append({"title": title, "icon": icon, "link": link})
    if user.is_authenticated and permissions.is_manager(user):
        items.insert(1, {"title": "Reports", "icon": "monitoring", "link": reverse("admin:reports")})
    views = _saved_views(request) if _may_find(request) else []
    return [{"items": items}, *([{"title": "Saved views", "items": views}] if views else [])]


def _saved_views(request: HttpRequest) -> list[Item]:
    """Return the saved views as entries of the sidebar, each with the number of its leads."""
    leads = reverse("admin:leads_lead_changelist")
    return [
        {
            "title": view.name,
            "icon": "group" if view.is_shared else "bookmark",
            "link": f"{leads}?{view.query}",
            "badge": view.size,
            "active": lambda _, view=view: view.current,
        }
        for view in views_for(request)
    ]
