"""The dashboard: figures about leads and activities, and the site of the back office."""

from django import apps
from django.contrib.admin import apps as admin


class DashboardConfig(apps.AppConfig):
    """An app without tables."""

    name = "dashboard"


class BackOfficeConfig(admin.AdminConfig):
    """Django's admin with our site."""

    default = False
    default_site = "dashboard.site.BackOffice"
