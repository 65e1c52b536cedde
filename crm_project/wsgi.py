"""The WSGI application, for any WSGI server. ``manage.py serve`` runs it with granian."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from crm_project.database_url import longest_wait, suit_requests
from crm_project.http.gateway import Gateway

suit_requests(settings.DATABASES["default"], settings.THREADS)
application = Gateway(get_wsgi_application(), settings.THREADS, longest_wait(settings.DATABASES["default"]))
