"""``manage.py import_follow_ups FILE…``: import files of open and done follow-ups for stored leads."""

from argparse import ArgumentParser
from typing import Any

from activities import exporting
from activities.importing.columns import FOLLOW_UPS
from activities.importing.follow_ups import FollowUpImport
from activities.importing.nested import nested
from activities.importing.run import ActivityOptions
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import Source
from leads.management.commands.import_leads import EPILOG, common
from leads.management.commands.import_leads import Command as ImportLeads


class Command(ImportLeads):
    """The same as ``import_leads``, but for what a row is."""

    importer = FollowUpImport
    help = (
        "Import follow-ups from CSV, TSV, XLSX, JSON or JSON Lines files ('-' is standard input). A row has its lead "
        "as those of import_activities have, title, kind and due_on; it may have due_time (HH:MM), assignee (user "
        "name, email address or full name), done_at, created_at and created_by (user name). What export_leads "
        "--with-activities writes is read back. " + EPILOG
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        """Add the option that says whether ids of leads are those of this installation."""
        parser.add_argument(
            "--ids-are-ours",
            action="store_true",
            help="believe lead_id alone, although the file does not name this installation",
        )

    def wanted(self, options: dict[str, Any]) -> ActivityOptions:
        """Return the options of the import from those of the command."""
        return ActivityOptions(ids_are_ours=options["ids_are_ours"], **common(options, FOLLOW_UPS))

    def open(self, name: str, format: str | None, hints: FormatOptions) -> Source:
        """Return the source with that name, or a source of the follow-ups in a file of leads."""
        source = super().open(name, format, hints)
        return nested(source, exporting.FOLLOW_UPS.name, exporting.NESTED_FOLLOW_UP)
