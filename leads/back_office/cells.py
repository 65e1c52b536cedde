"""What the cells of the list say: names, money and times for reading."""

from datetime import UTC, date, datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from leads.models import Lead
from leads.validators import PIPELINE

NOTHING, NOW = "–", "just now"
MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


def name(lead: Lead) -> SafeString:
    """The name, and below it what is looked for."""
    return _two_lines(str(lead), lead.property_interest or "")


def contact(lead: Lead) -> SafeString:
    """E-mail and telephone, ready to be used."""
    lines = []
    if lead.email:
        lines.append(format_html('<a href="mailto:{0}">{0}</a>', lead.email))
    if lead.phone:
        lines.append(format_html('<a href="tel:{}">{}</a>', lead.phone.replace(" ", ""), lead.phone))
    return format_html(
        '<span class="crm-lines">{}</span>', format_html_join("", "<span>{}</span>", ((x,) for x in lines))
    )


def status(lead: Lead, choices: list[str]) -> SafeString:
    """A coloured label; where there are choices, a list to choose from that looks like one.

    Beside it stands what its reader saw, the version and the status: what is saved later is for that version alone.
    """
    if not choices:
        return label(lead.status)
    options = format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        (
            (word, SafeString(" selected") if word == lead.status else "", word.capitalize())
            for word in dict.fromkeys([*choices, lead.status])
        ),
    )
    return format_html(
        '<select name="status-{id}" class="crm-status" data-status="{status}" aria-label="Status of {lead}"'
        ' autocomplete="off">{options}</select><input type="hidden" name="seen-{id}" value="{version} {status}">',
        id=lead.pk,
        status=lead.status,
        lead=lead,
        options=options,
        version=lead.version,
    )


def label(word: str) -> SafeString:
    """A status as a coloured label."""
    kind = word if word in PIPELINE else "other"
    return format_html('<span class="crm-status" data-status="{}">{}</span>', kind, word.capitalize())


def budget(lead: Lead) -> SafeString | str:
    """Both ends: "300,000" over "– 450,000"; "from 300,000"; "up to 450,000"."""
    low, high = lead.budget_min, lead.budget_max
    if low is None and high is None:
        return NOTHING
    if low is None:
        return f"up to {high:,}"
    if high is None:
        return f"from {low:,}"
    if low == high:
        return f"{low:,}"
    return format_html(
        '<span class="crm-lines crm-range"><span>{}</span> <span>– {}</span></span>', f"{low:,}", f"{high:,}"
    )


def activities(lead: Any, today: date) -> SafeString | str:
    """How long ago the last activity was, and how many there are."""
    if not lead.activity_count:
        return NOTHING
    last = day_ago(lead.last_activity, today)
    count = counted(lead.activity_count, "activity", "activities")
    return format_html('<span class="crm-lines"><span>{}</span> <span class="crm-below">{}</span></span>', last, count)


def ago(moment: datetime, now: datetime) -> SafeString:
    """How long ago, with the moment itself for who points at it."""
    exact = f"{moment.astimezone(UTC):%d %b %Y, %H:%M} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, span(moment, now))


def day_ago(day: date | None, today: date) -> SafeString | str:
    """How long ago a day was; one to come is told by its date."""
    if day is None:
        return NOTHING
    days = (today - day).days
    said = {0: "today", 1: "yesterday"}.get(days) or (f"{day:%d %b %Y}" if days < 0 else _days(days) + " ago")
    return format_html('<time datetime="{}" title="{}">{}</time>', day.isoformat(), f"{day:%d %b %Y}", said)


def span(moment: datetime, now: datetime) -> str:
    """An age in its largest unit: "4 minutes", "3 days", "2 years"."""
    seconds = max(int((now - moment).total_seconds()), 0)
    if seconds < MINUTE:
        return NOW
    if seconds < HOUR:
        return counted(seconds // MINUTE, "minute")
    if seconds < DAY:
        return counted(seconds // HOUR, "hour")
    return _days(seconds // DAY)


def _days(days: int) -> str:
    if days < 60:
        return counted(days, "day")
    return counted(days // 30, "month") if days < 730 else counted(days // 365, "year")


def excerpt(text: str, length: int) -> str:
    """The text, or its first ``length`` characters and an ellipsis.

    Django's ``truncatechars`` normalizes the whole text first, which takes seconds for 20,000 combining marks.
    """
    return text if len(text) <= length else text[:length].rstrip() + "…"


def counted(number: int, unit: str, units: str = "") -> str:
    """How many of something: "1 lead", "2,000 leads"."""
    return f"{number:,} {unit if number == 1 else units or unit + 's'}"


def _two_lines(first: str, second: str) -> SafeString:
    below = format_html('<span class="crm-below">{}</span>', second[:80]) if second else ""
    return format_html('<span class="crm-lines"><span>{}</span>{}</span>', first, below)
