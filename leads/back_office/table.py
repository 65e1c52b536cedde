"""The table of the list of leads: its columns, which each user chooses, and its rows.

The rows are formatted here and not by the theme's template tags, which take two thirds of the time of the whole page
(row "Leads" of ``benchmarks.pages``).
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import display
from unfold.templatetags.unfold_list import result_headers

from leads.back_office import cells
from leads.models import Lead, ListColumns
from users.models import User

CHECKBOX = "action_checkbox"
ROW = f"""<tr class="data-row"><td class="action-checkbox">\
<input type="checkbox" class="action-select" name="{ACTION_CHECKBOX_NAME}" value="{{}}" aria-label="Select {{}}"></td>\
<th scope="row" class="field-name"><a href="{{}}"{{}}>{{}}</a></th>"""
AUTOFOCUS = mark_safe(" autofocus")
CHOOSES = '{} data-popup-opener="{}"'  # Django's attribute of a link that chooses a row for a form's raw id


@display(description="Name", ordering="name_key")
def name(lead: Lead) -> SafeString:
    """Return the name and the property interest."""
    return cells.name(lead)


@display(description="Contact")
def contact(lead: Lead) -> SafeString:
    """Return email and phone."""
    return cells.contact(lead)


@display(description="Status", ordering="status")
def state(lead: Any) -> SafeString:
    """Return the status; a drop-down list for users who may change it."""
    return cells.status(lead, lead.choices)


@display(description="Source")
def source(lead: Lead) -> str:
    """Return the source."""
    return lead.source or cells.EMPTY


@display(description="Owner")
def whose(lead: Any) -> SafeString | str:
    """Return the owner's name, and the tags."""
    return cells.owner(lead)


@display(description="Budget", ordering="budget_max")  # see ``listing.order_of``
def budget(lead: Lead) -> SafeString | str:
    """Return the budget range."""
    return cells.budget(lead)


@display(description="Last activity", ordering="activity_count")  # see ``listing.order_of``
def last_activity(lead: Lead) -> SafeString | str:
    """Return the age of the last activity, the number of activities, and the next follow-up."""
    return cells.activities(lead, timezone.localdate())


@display(description="Created", ordering="created_at")
def created(lead: Lead) -> SafeString:
    """Return how long ago the lead was created."""
    return cells.time_ago(lead.created_at, timezone.now())


Column = Callable[[Any], Any]
# A link's ``o=8`` means the eighth, whichever columns are shown: a further column comes last.
COLUMNS: tuple[Column, ...] = (name, contact, state, source, whose, budget, last_activity, created)
CHOICES = {column.__name__: column for column in COLUMNS[1:]}
STANDARD = tuple(choice for choice in CHOICES if choice != "source")  # they fit a window of 1,280 pixels


def chosen_columns(user_id: int) -> list[str]:
    """Return the names of the columns that a user chose, beside the name of the lead."""
    stored = ListColumns.objects.filter(user_id=user_id).values_list("columns", flat=True).first()
    return [choice for choice in CHOICES if choice in (STANDARD if stored is None else stored)]


def save_columns(request: HttpRequest) -> None:
    """Store the columns that were posted for the user, or show the standard ones again."""
    user, given = cast(User, request.user), request.POST.getlist("column")
    columns = [choice for choice in CHOICES if choice in given]
    if columns and request.POST["_columns"] != "standard":
        ListColumns.objects.update_or_create(user=user, defaults={"columns": columns})
        messages.success(request, "Columns saved.")
    else:
        ListColumns.objects.filter(user=user).delete()
        messages.success(request, "The list has the standard columns.")


def headers(changelist: Any, chosen: list[str]) -> list[dict[str, Any]]:
    """Return the heads of the columns, with the links that sort."""
    names = [CHECKBOX, *(column.__name__ for column in COLUMNS)]
    shown = {CHECKBOX, name.__name__, *chosen}
    if len(changelist.list_display) < len(names):  # without a right to any action there are no boxes
        names = names[1:]
    return [head for key, head in zip(names, result_headers(changelist), strict=True) if key in shown]


def rows(changelist: Any, chosen: list[str]) -> Iterator[SafeString]:
    """Yield the rows. After a search, the first one has the focus of the keyboard."""
    row = ROW + "".join(f'<td class="field-{choice}">{{}}</td>' for choice in chosen) + "</tr>\n"
    columns = [CHOICES[choice] for choice in chosen]
    page, _, end = reverse("admin:leads_lead_change", args=[0]).rpartition("0")  # once for all rows
    if changelist.preserved_filters:
        end += f"?{changelist.preserved_filters}"
    focus = AUTOFOCUS if changelist.query else ""
    for lead in changelist.result_list:
        shown = [column(lead) for column in columns]
        extra = format_html(CHOOSES, focus, lead.pk) if changelist.is_popup else focus
        yield format_html(row, lead.pk, lead, f"{page}{lead.pk}{end}", extra, cells.name(lead), *shown)
        focus = ""
