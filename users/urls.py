"""``/api/users``."""

from django.urls import path

from users.calendar_views import CalendarLinkViewSet
from users.key_views import KeyViewSet
from users.login_views import LoginViewSet, RenewalViewSet, TokenViewSet
from users.views import AccountViewSet, DirectoryViewSet, MeViewSet

urlpatterns = [
    path("users", DirectoryViewSet.as_view({"get": "list"})),
    path("users/register", AccountViewSet.as_view({"post": "register"})),
    path("users/token", TokenViewSet.as_view({"post": "token"})),
    path("users/token/refresh", RenewalViewSet.as_view({"post": "renew"})),
    path("users/login", LoginViewSet.as_view({"post": "login"})),
    path("users/logout", MeViewSet.as_view({"post": "logout"})),
    path("users/logout-all", MeViewSet.as_view({"post": "logout_all"})),
    path("users/me", MeViewSet.as_view({"get": "me", "patch": "change_profile"})),
    path("users/me/calendar", CalendarLinkViewSet.as_view({"get": "show", "post": "renew", "delete": "revoke"})),
    path("users/me/keys", KeyViewSet.as_view({"get": "list", "post": "create"})),
    path("users/me/keys/<key_id>", KeyViewSet.as_view({"delete": "destroy"})),
    path("users/me/password", MeViewSet.as_view({"post": "change_password"})),
]
