"""All URLs. API routes have no trailing slash; ``ApiMiddleware`` also accepts paths with one."""

from django.contrib import admin
from django.urls import include, path

from crm_project.http.docs import docs, openapi, redoc
from crm_project.http.health import health, ready
from crm_project.http.metrics_page import metrics
from dashboard.site import favicon
from users.back_office.login import change_password, login

urlpatterns = [
    # The most frequent first, because Django tries the patterns in order; "leads/vocabulary" before "leads/<lead_id>".
    path("api/", include("activities.urls")),
    path("api/", include("leads.urls")),
    path("api/", include("dashboard.urls")),
    path("api/", include("users.urls")),
    path("", health),
    path("health/live", health),
    path("health/ready", ready),
    path("metrics", metrics),
    path("openapi.json", openapi, name="openapi"),
    path("docs", docs, name="docs"),
    path("redoc", redoc, name="redoc"),
    path("admin/login/", login),  # before the admin site's own login
    path("admin/password_change/", change_password),
    path("favicon.ico", favicon),
    path("admin/", admin.site.urls),
]

handler400 = "crm_project.http.errors.bad_request"
handler404 = "crm_project.http.errors.not_found"
handler500 = "crm_project.http.errors.server_error"
