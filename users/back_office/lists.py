"""What holds of the back office's lists and forms, whatever they are of."""

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.contrib.admin import helpers
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from crm_project.validation import MAX_BIGINT

MAX_SEARCH = 1000  # characters, as in the API; SQLite gives up at 50,000
TRIES = 3  # of a form, where others store at the same moment
LOOKUPS = ("", "__exact", "__isnull", "__id__exact", "__id__isnull")  # what Django's own filters ask


class ListPage:
    """A list that is asked by its own filters and search alone, to be named before ``ModelAdmin``.

    Django would take any field and any comparison, of which some could be made to tell what is not shown, and others
    are an error of the database. A search that is refused finds nothing: an action on "all" must not reach more.

    A form that passed, and met in the database what somebody else stored meanwhile, is judged once more, and tells.
    """

    list_filter: ClassVar[Any]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Django's, which looks whether a name is free before it takes it."""
        return in_turn(request, lambda: super(ListPage, self).add_view(request, *args, **kwargs))  # type: ignore[misc]

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The same."""
        return in_turn(request, lambda: super(ListPage, self).change_view(request, *args, **kwargs))  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Django's, which looks what hangs on a row before it deletes it."""
        return in_turn(request, lambda: super(ListPage, self).delete_view(request, *args, **kwargs))  # type: ignore[misc]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Whether the query string may ask this; PostgreSQL takes no NUL."""
        return "\0" not in value and lookup in set(self._lookups())

    def _lookups(self) -> Iterator[str]:
        for asked in self.list_filter:
            if isinstance(asked, str):
                yield from (f"{asked}{how}" for how in LOOKUPS)
            else:
                yield asked.parameter_name  # of a ``SimpleListFilter``

    def response_action(self, request: HttpRequest, *given: Any, **named: Any) -> Any:
        """Django's, but for ids that are none."""
        if malformed(request):
            messages.error(request, "Nothing was done: choose from the list.")
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, *given, **named)  # type: ignore[misc]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Django's, for words of a length that databases take."""
        if len(search_term) > MAX_SEARCH:
            messages.error(request, f"Nothing was searched for: that is more than {MAX_SEARCH:,} characters.")
            return queryset.none(), False
        found: tuple[Any, bool] = super().get_search_results(request, queryset, search_term)  # type: ignore[misc]
        return found


def in_turn(request: HttpRequest, view: Callable[[], Any]) -> Any:
    """The view's reply; once more where a constraint met what somebody stored since the form was judged."""
    if request.method != "POST":  # a look takes no lock
        return view()
    before = len(messages.get_messages(request))
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return view()
        except IntegrityError:
            # What the view said of its success is no longer true: all messages count as shown, but the earlier ones.
            for message in list(shown := cast(Any, messages.get_messages(request)))[:before]:
                shown.add(message.level, message.message, message.extra_tags)
    messages.error(request, "Somebody else was at this at the same moment, and nothing was stored. Look again.")
    return HttpResponseRedirect(request.get_full_path())


def malformed(request: HttpRequest) -> bool:
    """Whether the ticked rows of a posted action are not all numbers that an id could be."""
    ticked = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    return not all(re.fullmatch(r"\d{1,19}", number, re.ASCII) and int(number) <= MAX_BIGINT for number in ticked)
