"""The models and pages that the dashboard registers in the back office."""

from typing import cast

from django.contrib import admin

from dashboard.account_log import AccountEventAdmin
from dashboard.reports import page
from dashboard.site import BackOffice

__all__ = ["AccountEventAdmin"]

cast(BackOffice, admin.site).add_page("reports/", page.show, "reports")
