"""``/api/users``."""

from django.urls import path

from users.views import AccountViewSet, MeViewSet, TokenViewSet

urlpatterns = [
    path("users/register", AccountViewSet.as_view({"post": "register"})),
    path("users/token", TokenViewSet.as_view({"post": "token"})),
    path("users/login", AccountViewSet.as_view({"post": "login"})),
    path("users/me", MeViewSet.as_view({"get": "me"})),
]
