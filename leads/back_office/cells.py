"""Format the cells of the list of leads: names, amounts and times."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from leads.models import Lead
from leads.validators import PIPELINE

EMPTY, JUST_NOW = "–", "just now"
SYMBOLS = {
    **{"USD": "$", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "MXN": "MX$", "BRL": "R$"},
    **{"EUR": "€", "GBP": "£", "INR": "₹", "ILS": "₪", "JPY": "¥", "KRW": "₩", "PHP": "₱", "TRY": "₺"},
}
MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


def name(lead: Lead) -> SafeString:
    """Return the name, with the property interest below it."""
    return _two_lines(str(lead), lead.property_interest or "")


def contact(lead: Lead) -> SafeString:
    """Return email and phone as links."""
    lines: list[tuple[str, str, str]] = []
    if lead.email:
        shown = SafeString(escape(lead.email).replace("@", "<wbr>@"))  # where a long one is broken
        lines.append(("mailto", lead.email, shown))
    if lead.phone:
        lines.append(("tel", lead.phone.replace(" ", ""), lead.phone))
    links = format_html_join("", '<span><a href="{}:{}">{}</a></span>', lines)
    return format_html('<span class="crm-lines">{}</span>', links)


def owner(lead: Any) -> SafeString | str:
    """Return the owner's name, with the tags below it."""
    name = lead.owner_name or EMPTY
    if not lead.tags:
        return name
    lines = '<span class="crm-lines"><span>{0}</span><span class="crm-below" title="{1}">{1}</span></span>'
    return format_html(lines, name, lead.tags)


def status(lead: Lead, choices: list[str]) -> SafeString:
    """Return a coloured label; with choices, a drop-down list that looks like one.

    A hidden field beside the list has the version and the status that were shown: a change is saved for that version
    only.
    """
    if not choices:
        return label(lead.status)
    return format_html(
        '<select name="status-{id}" class="crm-status" data-status="{status}" aria-label="Status of {lead}"'
        ' autocomplete="off">{options}</select><input type="hidden" name="seen-{id}" value="{version} {status}">',
        id=lead.pk,
        status=lead.status,
        lead=lead,
        options=_options(tuple(choices), lead.status),
        version=lead.version,
    )


@lru_cache(maxsize=100)  # a page has the same few for all of its rows
def _options(choices: tuple[str, ...], chosen: str) -> SafeString:
    """Return the options of a drop-down list; the chosen one is among them even if it is no choice."""
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        (
            (choice, SafeString(" selected") if choice == chosen else "", choice.capitalize())
            for choice in dict.fromkeys([*choices, chosen])
        ),
    )


def label(status: str) -> SafeString:
    """Return a status as a coloured label."""
    kind = status if status in PIPELINE else "other"
    return format_html('<span class="crm-status" data-status="{}">{}</span>', kind, status.capitalize())


def budget(lead: Lead) -> SafeString | str:
    """Return the range: "$300,000" over "– $450,000"; "from $300,000"; "up to $450,000"."""
    low, high = lead.budget_min, lead.budget_max
    if high is None:
        return EMPTY if low is None else f"from {money(low)}"
    if low is None:
        return f"up to {money(high)}"
    if low == high:
        return money(low)
    return format_html(
        '<span class="crm-lines crm-range"><span>{}</span> <span>– {}</span></span>', money(low), money(high)
    )


def activities(lead: Any, today: date) -> SafeString | str:
    """Return the age of the last activity, the number of activities, and the day of the next follow-up."""
    lines: list[tuple[str, str]] = []
    if lead.activity_count:
        lines.append(("crm-last", day_ago(lead.last_activity, today)))
        lines.append(("crm-below", pluralize(lead.activity_count, "activity", "activities")))
    if following := lead.next_follow_up:
        lines.append(("crm-below crm-overdue" if following < today else "crm-below", f"next: {day_text(following)}"))
    shown = format_html_join(" ", '<span class="{}">{}</span>', lines)
    return format_html('<span class="crm-lines">{}</span>', shown) if lines else EMPTY


def time_ago(moment: datetime, now: datetime) -> SafeString:
    """Return how long ago a moment was, with the exact time as the tooltip."""
    exact = time_with_zone(moment)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, elapsed(moment, now))


def time_with_zone(moment: datetime) -> str:
    """Return a time in the office's zone, and the zone: "30 Nov 2026, 12:04 CET"."""
    local = timezone.localtime(moment)
    return f"{day_text(local.date())}, {local:%H:%M %Z}"


def day_text(day: date) -> str:
    """Return a day as the office writes it: "30 Nov 2026"."""
    return _formatted(day, get_format("DATE_FORMAT"))


@lru_cache(maxsize=1000)  # the rows of a page have the same days; a tenth of row "Leads" of ``benchmarks.pages``
def _formatted(day: date, form: str) -> str:
    return date_format(day, form)


def money(amount: int) -> str:
    """Return an amount in the office's currency: "$300,000", "CHF 300,000"."""
    symbol = currency()
    return f"{symbol}\N{NO-BREAK SPACE}{amount:,}" if symbol == settings.CURRENCY else f"{symbol}{amount:,}"


def currency() -> str:
    """Return the symbol of the office's currency, or its code: "$", "CHF"."""
    return SYMBOLS.get(settings.CURRENCY, settings.CURRENCY)


def day_ago(day: date | None, today: date) -> SafeString | str:
    """Return how long ago a day was; for a future day, its date."""
    if day is None:
        return EMPTY
    days = (today - day).days
    text = {0: "today", 1: "yesterday"}.get(days) or (day_text(day) if days < 0 else _days(days) + " ago")
    return format_html('<time datetime="{}" title="{}">{}</time>', day.isoformat(), day_text(day), text)


def elapsed(moment: datetime, now: datetime) -> str:
    """Return the time since a moment in its largest unit: "just now", "4 minutes ago", "3 days ago", "2 years ago"."""
    seconds = max(int((now - moment).total_seconds()), 0)
    if seconds < MINUTE:
        return JUST_NOW
    if seconds < HOUR:
        return pluralize(seconds // MINUTE, "minute") + " ago"
    if seconds < DAY:
        return pluralize(seconds // HOUR, "hour") + " ago"
    return _days(seconds // DAY) + " ago"


def _days(days: int) -> str:
    if days < 60:
        return pluralize(days, "day")
    return pluralize(days // 30, "month") if days < 730 else pluralize(days // 365, "year")


def excerpt(text: str, length: int) -> str:
    """Return the text, or its first ``length`` characters and an ellipsis.

    Django's ``truncatechars`` normalizes the whole text first, which takes seconds for 20,000 combining marks.
    """
    return text if len(text) <= length else text[:length].rstrip() + "…"


def pluralize(number: int, unit: str, units: str = "") -> str:
    """Return a number with its unit: "1 lead", "2,000 leads"."""
    return f"{number:,} {unit if number == 1 else units or unit + 's'}"


def _two_lines(first: str, second: str) -> SafeString:
    if not second:
        return format_html('<span class="crm-lines"><span>{}</span></span>', first)
    lines = '<span class="crm-lines"><span>{}</span><span class="crm-below">{}</span></span>'
    return format_html(lines, first, second[:80])
