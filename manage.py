#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError, ProgrammingError


def main() -> None:
    """Run a management command; a malformed setting, or a database that is away, is one clear line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration: {error}")
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        missing = type(error.__cause__).__name__ == "UndefinedTable"
        if "--traceback" in sys.argv or (isinstance(error, ProgrammingError) and not missing):
            raise
        reason = " ".join(str(error).partition("\nLINE")[0].split())
        sys.exit(f"The database cannot be used (is it there, and was `manage.py migrate` run?): {reason}")


if __name__ == "__main__":
    main()
