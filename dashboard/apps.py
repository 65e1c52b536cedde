"""The dashboard: figures about leads and activities, and the back office they greet people in."""

from django import apps
from django.contrib.admin import apps as admin


class DashboardConfig(apps.AppConfig):
    """Has no tables of its own."""

    name = "dashboard"


class BackOfficeConfig(admin.AdminConfig):
    """Django's admin, as our site."""

    default = False
    default_site = "dashboard.site.BackOffice"
