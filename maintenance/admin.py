"""The pages of this app in the back office."""

from typing import cast

from django.contrib import admin

from dashboard.site import BackOffice
from maintenance.privacy import pages

site = cast(BackOffice, admin.site)
site.add_page("personal-data/", pages.search, "personal_data")
site.add_page("personal-data/download/", pages.download, "personal_data_download")
site.add_page("personal-data/erase/", pages.confirm_erasure, "personal_data_erase")
