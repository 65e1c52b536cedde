"""The processor time of a page of the back office: ``python -m benchmarks.pages [--leads 100000] [--save]``.

One process with the settings of production (``DEBUG`` is off, so templates are cached) answers the same request over
and over through Django's test client, with all middleware. Of each request it measures the user and system time of this
process, which noise of the machine moves little; that of PostgreSQL is not in it, that of SQLite is.
"""

import argparse
import subprocess
import sys
import time
from statistics import median, quantiles
from typing import Any

from benchmarks import fill, report
from benchmarks.servers import PROJECT, environment

WARM_UP, REQUESTS = 5, 30
PAGES = {
    "Leads": "/admin/leads/lead/",
    "Leads, a status": "/admin/leads/lead/?status=new",
    "Leads, a search": "/admin/leads/lead/?q=garcia",
    "Activities": "/admin/activities/activity/",
    "Home of a manager": "/admin/",
    "A lead": "/admin/leads/lead/77777/change/",
}
TITLE = "Pages of the back office"
EXPLAINED = f"""\
User and system time of the process for one request, through all middleware and without the server: the median, and nine
tenths, of {REQUESTS} requests after {WARM_UP}. SQLite's work is in it, PostgreSQL's is not. A superuser, 50 rows."""
DEFAULT_URLS = ("postgresql://postgres@127.0.0.1:5432/crm_bench_pages", "sqlite:////tmp/crm_bench_pages.db")


def main() -> None:
    """Measure on both databases, in a process for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--database", action="append", help="URLs of databases to measure on, which are preserved")
    parser.add_argument("--save", action="store_true", help="write benchmarks/RESULTS.md")
    options = parser.parse_args()
    lines = []
    for url in options.database or DEFAULT_URLS:
        if fill.create(url):
            command = [sys.executable, "-m", "benchmarks.fill", str(options.leads)]
            subprocess.run(command, cwd=PROJECT, env=environment(DATABASE_URL=url), check=True)
        command = [sys.executable, "-m", "benchmarks.pages", "measure"]
        env = environment(DATABASE_URL=url, ACCESS_LOG="false")
        run = subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True, text=True)
        measured = run.stdout.strip()
        database = fill.version_of(url)
        lines += [f"| {database}, {options.leads:,} leads | CPU ms | nine tenths | statements | kB |"]
        lines += ["| --- | ---: | ---: | ---: | ---: |", measured, ""]
        if not options.database:
            fill.drop(url)
    text = "\n".join(lines)
    print(text)
    if options.save:
        report.save(TITLE, f"{report.heading('both databases', 'python -m benchmarks.pages')}\n\n{EXPLAINED}\n\n{text}")


def measure() -> None:
    """Print a row of the table for each page, on the database at ``DATABASE_URL``."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from users.models import User

    settings.ALLOWED_HOSTS = ["testserver"]
    client: Any = Client()
    client.force_login(User.objects.get(username=fill.ADMIN))
    for name, path in PAGES.items():
        times = []
        for _ in range(WARM_UP + REQUESTS):
            started = time.process_time()
            reply = client.get(path)
            times.append((time.process_time() - started) * 1000)
            assert reply.status_code == 200, (path, reply.status_code)
        with CaptureQueriesContext(connection) as statements:
            reply = client.get(path)
        times = times[WARM_UP:]
        figures = f"{median(times):.1f} | {quantiles(times, n=10)[-1]:.1f} | {len(statements)}"
        print(f"| {name} | {figures} | {len(reply.content) / 1000:.0f} |")


if __name__ == "__main__":
    measure() if sys.argv[1:] == ["measure"] else main()
