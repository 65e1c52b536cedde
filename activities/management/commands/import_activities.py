"""``manage.py import_activities FILE…``: import files of activities for stored leads."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from activities import exporting
from activities.importing.columns import ACTIVITIES
from activities.importing.nested import nested
from activities.importing.run import ActivityImport, ActivityOptions
from crm_project.validation import normalized_key
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import Source
from leads.management.commands.import_leads import EPILOG, common
from leads.management.commands.import_leads import Command as ImportLeads
from users.models import User


class Command(ImportLeads):
    """The same as ``import_leads``, but for what a row is."""

    importer = ActivityImport
    help = (
        "Import activities from CSV, TSV, XLSX, JSON or JSON Lines files ('-' is standard input). A row "
        "has lead_email, or lead_name and lead_phone, which one active lead must have; lead_id counts where they agree "
        "with that lead, or where the file names this installation, as our exports do. It has user (the author's user "
        "name), activity_type, title, notes, duration (minutes), activity_date, created_at. What export_leads "
        "--with-activities writes is read back. " + EPILOG
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        """Who the author is where a row does not say."""
        parser.add_argument("--user", default="", metavar="NAME", help="the author of every row that names none")
        parser.add_argument(
            "--ids-are-ours",
            action="store_true",
            help="believe lead_id alone, although the file does not name this installation",
        )

    def wanted(self, options: dict[str, Any]) -> ActivityOptions:
        """Return the options of the import from those of the command."""
        user = options["user"].strip()
        if user and not User.objects.filter(username_key=normalized_key(user)).exists():
            raise CommandError(f"--user: there is no user {user!r}", returncode=2)
        return ActivityOptions(user=user, ids_are_ours=options["ids_are_ours"], **common(options, ACTIVITIES))

    def open(self, name: str, format: str | None, hints: FormatOptions) -> Source:
        """Return the source with that name, or a source of the activities in a file of leads."""
        return nested(super().open(name, format, hints), exporting.ACTIVITIES.name, exporting.NESTED)
