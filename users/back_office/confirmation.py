"""The page that asks before an action on users or their keys runs."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

TEMPLATE = "users/confirm.html"
CONFIRMED = "confirmed"  # a field of the page
MAX_ROWS = 500
Action = Callable[[Any, HttpRequest, Any], HttpResponse | None]


class Question(NamedTuple):
    """The texts of the page. ``button`` is the verb in its title as well."""

    button: str
    effect: str
    dangerous: bool = False


DEACTIVATE = Question(
    "Deactivate", "They can no longer log in, and their sessions and tokens end. What they did stays.", dangerous=True
)
REACTIVATE = Question("Reactivate", "They can log in again with their password.")
UNLOCK = Question("Unlock", "They can log in again at once. Earlier failed logins no longer count.")
UNLOCK_ADDRESS = Question("Unlock", "Everybody can log in from there again at once. Earlier failures no longer count.")
APPROVE = Question("Approve", "They can log in and see all leads.")
DECLINE = Question("Decline", "The account is deactivated and no longer waits for approval.", dangerous=True)
REVOKE = Question("Revoke", "Programs that use the key can no longer log in. This cannot be undone.", dangerous=True)


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the request was sent from the page that asks."""
    return request.POST.get(CONFIRMED) == "1"


def ask(
    request: HttpRequest, question: Question, site: dict[str, Any], rows: Iterable[Any], kind: str, **fields: Any
) -> HttpResponse:
    """Return the page that asks; it sends ``fields`` and the ids of ``rows`` to the address of this request."""
    rows = list(rows)
    what = f"1 {kind}" if len(rows) == 1 else f"{len(rows):,} {kind}s"
    title = f"{question.button} {what}?"
    context = {**site, "title": title, "question": question, "rows": rows, "fields": fields}
    return TemplateResponse(request, TEMPLATE, context)


def confirmed(question: Question) -> Callable[[Action], Action]:
    """Make an action of a list ask first. It then runs on the rows that the page has shown."""

    def decorate(action: Action) -> Action:
        @wraps(action)
        def asking(self: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
            if is_confirmed(request):
                return action(self, request, rows)
            chosen = list(rows[: MAX_ROWS + 1])
            if len(chosen) > MAX_ROWS:
                messages.error(request, f"At most {MAX_ROWS} can be changed at once. Narrow the list.")
                return None
            site = {**self.admin_site.each_context(request), "opts": self.opts}
            kind = str(self.opts.verbose_name)
            return ask(request, question, site, chosen, kind, action=request.POST.get("action", ""))

        return asking

    return decorate
