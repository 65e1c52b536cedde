"""The WSGI application, for any WSGI server. ``manage.py serve`` runs it with granian."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from crm_project.database_url import configure_for_requests, max_wait
from crm_project.http.gateway import Gateway, Load, no_load

django_application = get_wsgi_application()

from crm_project.operations.secret_key import check_secret_key_once  # noqa: E402  needs the apps

check_secret_key_once()
settings.DATABASES["default"].update(settings.REQUEST_DATABASE)  # through the pooler, if there is one
for database in settings.DATABASES.values():
    configure_for_requests(database, settings.THREADS + 1)  # one for an import in the background
load: Load = no_load
if settings.METRICS_NETWORKS:
    from crm_project import metrics  # not at the top: see its docstring

    metrics.count_events()
    load = metrics.count_load
application = Gateway(django_application, settings.THREADS, max_wait(settings.DATABASES["default"]), load)
