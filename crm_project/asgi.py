"""The ASGI application. All views are synchronous, so WSGI is faster."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

from crm_project.database_url import configure_for_requests

application = get_asgi_application()

from crm_project.operations.secret_key import check_secret_key_once  # noqa: E402  needs the apps

check_secret_key_once()
settings.DATABASES["default"].update(settings.REQUEST_DATABASE)  # through the pooler, if there is one
for database in settings.DATABASES.values():
    configure_for_requests(database, settings.THREADS + 1)  # one for an import in the background
