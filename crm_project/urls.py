"""The whole URL map. Routes have no trailing slash; ``ApiManners`` serves the other form alike."""

from django.contrib import admin
from django.urls import include, path

from crm_project.api.health import health
from crm_project.api.schema import docs, openapi, redoc

urlpatterns = [
    path("", health),
    path("openapi.json", openapi, name="openapi"),
    path("docs", docs, name="docs"),
    path("redoc", redoc, name="redoc"),
    path("admin/", admin.site.urls),
    path("api/", include("users.urls")),
    path("api/", include("leads.urls")),
    path("api/", include("activities.urls")),
    path("api/", include("dashboard.urls")),
]

handler400 = "crm_project.api.errors.bad_request"
handler404 = "crm_project.api.errors.not_found"
handler500 = "crm_project.api.errors.server_error"
