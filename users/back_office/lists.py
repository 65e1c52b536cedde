"""What all lists and forms of the back office share."""

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.contrib.admin import helpers
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from crm_project.validation import MAX_BIGINT

MAX_SEARCH = 1000  # characters, as in the API; SQLite fails at 50,000
TRIES = 3  # of saving a form in case of conflicts
LOOKUPS = ("", "__exact", "__isnull", "__id__exact", "__id__isnull")  # the lookups of Django's own filters


class ReadOnly:
    """A list without adding, changing and deleting; a base class before ``ModelAdmin``."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return false."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false."""
        return False


class ListPage:
    """A list that accepts only its own filters and search; a base class before ``ModelAdmin``.

    Django accepts any lookup; some would reveal fields that are not shown, others are errors of the database. A search
    that is rejected finds nothing, so that an action on all rows cannot change more than intended.

    A valid form that conflicts with a change stored in the meantime is validated again and shows the conflict.
    """

    list_filter: ClassVar[Any]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form of a new row."""
        return retry_on_conflict(request, lambda: super(ListPage, self).add_view(request, *args, **kwargs))  # type: ignore[misc]

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form of a row."""
        return retry_on_conflict(request, lambda: super(ListPage, self).change_view(request, *args, **kwargs))  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the related rows, or delete a row with them."""
        return retry_on_conflict(request, lambda: super(ListPage, self).delete_view(request, *args, **kwargs))  # type: ignore[misc]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether the query string may contain the lookup; PostgreSQL accepts no NUL."""
        return "\0" not in value and lookup in set(self._lookups())

    def _lookups(self) -> Iterator[str]:
        for item in self.list_filter:
            if isinstance(item, str):
                yield from (f"{item}{lookup}" for lookup in LOOKUPS)
            else:
                yield item.parameter_name  # of a ``SimpleListFilter``

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Run an action, unless ids are invalid."""
        if has_invalid_ids(request):
            messages.error(request, "Invalid selection. Select rows of the list.")
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, *args, **kwargs)  # type: ignore[misc]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Return the rows found; none if the search is too long for the database."""
        if len(search_term) > MAX_SEARCH:
            messages.error(request, f"The search has more than {MAX_SEARCH:,} characters. Use fewer.")
            return queryset.none(), False
        result: tuple[Any, bool] = super().get_search_results(request, queryset, search_term)  # type: ignore[misc]
        return result


def retry_on_conflict(request: HttpRequest, view: Callable[[], Any]) -> Any:
    """Return the view's reply; call it again if its write violates a constraint because of a concurrent change."""
    if request.method != "POST":  # reading needs no lock
        return view()
    before = len(messages.get_messages(request))
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return view()
        except IntegrityError:
            # Reading the messages removes those of the failed try; the earlier ones are added again.
            for message in list(storage := cast(Any, messages.get_messages(request)))[:before]:
                storage.add(message.level, message.message, message.extra_tags)
    messages.error(request, "Not saved: someone else made a change at the same time. Review and try again.")
    return HttpResponseRedirect(request.get_full_path())


def has_invalid_ids(request: HttpRequest) -> bool:
    """Return whether a posted action contains an invalid id."""
    selected = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    return not all(re.fullmatch(r"\d{1,19}", number, re.ASCII) and int(number) <= MAX_BIGINT for number in selected)
