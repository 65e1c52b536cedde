"""``manage.py verify``: is what is stored twice the same both times?"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from maintenance.integrity import checks
from maintenance.integrity.repair import repair

SHOWN = 60  # characters of a value


class Command(BaseCommand):
    """May run beside the server. Exit codes: 0 no differences (any more), 1 some are left."""

    help = (
        "Make search columns, keys, counts and accounts of imports anew, and print where they differ from what is "
        "stored. Exit codes: 0 no differences, or all mended; 1 differences."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to mend."""
        parser.add_argument("--repair", action="store_true", help="store what is right, in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line for each difference, then one with what was looked at."""
        number, found = 0, []
        for one in checks.differences():
            number += 1
            if options["repair"]:
                found.append(one._replace(stored=None, right=None))  # a million of them must not hold as many texts
            self.stdout.write(f"{one.where}: {one.column} is {shown(one.stored)}, should be {shown(one.right)}")
        left = number
        if found:
            unmended = repair(found)
            left = len(unmended)
            for one in unmended:
                self.stdout.write(f"{one.where}: {one.column} was left, because another has {shown(one.right)}")
        looked_at = ", ".join(f"{count:,} {noun}" for noun, count in checks.checked().items())
        ended = f"{number:,} differences, {number - left:,} mended" if number else "no differences"
        self.stdout.write(f"{looked_at}: {ended}")
        if left:
            sys.exit(1)


def shown(value: Any) -> str:
    """A value on one line, cut where it is long."""
    text = str(value) if isinstance(value, int) or value is None else repr(str(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
