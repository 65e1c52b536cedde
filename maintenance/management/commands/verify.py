"""``manage.py verify``: compare everything that is stored twice, and repair differences on request."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from maintenance.integrity.checks import count_records, find_inconsistencies
from maintenance.integrity.repair import repair

MAX_LENGTH = 60  # characters of a printed value


class Command(BaseCommand):
    """May run beside the server. Exit codes: 0 no differences remain, 1 differences remain."""

    help = (
        "Compute search columns, keys, counts and totals of imports anew, and print where the stored values differ. "
        "Exit codes: 0 no differences, or all repaired; 1 differences."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--repair``."""
        parser.add_argument("--repair", action="store_true", help="store the expected values, in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each difference, and one with the number of records."""
        total, found = 0, []
        for one in find_inconsistencies():
            total += 1
            if options["repair"]:
                found.append(one._replace(stored=None, expected=None))  # saves the memory of a million texts
            self.stdout.write(f"{one.record}: {one.column} is {shorten(one.stored)}, should be {shorten(one.expected)}")
        unresolved = repair(found) if found else []
        for one in unresolved:
            self.stdout.write(f"{one.record}: {one.column} not repaired, another has {shorten(one.expected)}")
        remaining = len(unresolved) if found else total
        records = ", ".join(f"{count:,} {noun}" for noun, count in count_records().items())
        result = f"{total:,} differences, {total - remaining:,} repaired" if total else "no differences"
        self.stdout.write(f"{records}: {result}")
        if remaining:
            sys.exit(1)


def shorten(value: Any) -> str:
    """Return a value on one line, cut to ``MAX_LENGTH``."""
    text = str(value) if isinstance(value, int) or value is None else repr(str(value))
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"
