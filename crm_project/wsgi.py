"""The WSGI application, for any WSGI server; ``make run`` serves it through ``crm_project/server.py``."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from crm_project.database_url import limit_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

limit_statements(settings.DATABASES["default"])
application = get_wsgi_application()
