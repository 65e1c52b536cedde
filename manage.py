#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from crm_project.operations import allocator

if sys.argv[1:2] == ["serve"]:
    allocator.restart_with_settings()  # before all that it takes long to import

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError, OperationalError


def main() -> None:
    """Run a management command; a malformed setting, or a database that is away, is one clear line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")
    try:
        try:
            execute_from_command_line(sys.argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, `head` for one, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at its end
        sys.exit(1)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration: {error}")
    except (DatabaseError, InterfaceError) as error:
        # A damaged SQLite file is a DatabaseError and nothing more; the other kinds of those are mistakes of ours.
        away = type(error) in (OperationalError, InterfaceError, DatabaseError)
        missing = type(error.__cause__).__name__ == "UndefinedTable"
        if "--traceback" in sys.argv or not (away or missing):
            raise
        reason = " ".join(str(error).partition("\nLINE")[0].split())
        sys.exit(f"The database cannot be used (is it there, and was `manage.py migrate` run?): {reason}")


if __name__ == "__main__":
    main()
