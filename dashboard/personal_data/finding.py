"""Who a person is to us: the leads that are theirs, and their account."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q, QuerySet

from activities.importing.match import NO_USER
from activities.legacy.tables import SHAPES
from activities.models import Activity
from crm_project import values
from dashboard.personal_data.traits import Name, Traits
from dashboard.signatures import SIGNED
from leads import erasing, rules
from leads.models import ImportRun, ImportUpdate, Lead, LeadChange
from users.models import User

ACTIVITIES, LEGACY = "activities", "legacy"  # kinds of imports beside those of leads
OF_A_PERSON = (*rules.PERSONAL, "name")  # what an import of leads may set of them
OF_EACH_ACTIVITY = ("title", "notes")  # what an import of activities may set for all of them


class Person(NamedTuple):
    """What an e-mail address stands for.

    ``spellings`` are the forms in which it was met. ``lead_ids`` are the leads that have it, active or deleted, with
    those that they were merged with; ``formerly`` other leads that once had it, which may be somebody else's. ``users``
    are the accounts that have it as e-mail or as user name. ``traits`` are the leads' and the accounts', those they
    once had too. ``texts`` is what the leads' personal columns held, word for word; ``runs`` are the imports that wrote
    them or their activities, ``files`` the SHA-256 of what these read; ``authored`` are the imports with activities of
    the accounts; ``taken_over`` is what the earlier server's database was called, once it was taken over.
    """

    email: str
    email_key: str
    spellings: frozenset[str]
    lead_ids: tuple[int, ...]
    formerly: tuple[int, ...]
    users: tuple[User, ...]
    traits: Traits
    texts: frozenset[str]
    runs: frozenset[int]
    files: frozenset[str]
    authored: frozenset[int]
    taken_over: frozenset[str]

    def told_in(self, text: str) -> bool:
        """Whether what somebody typed has them in it."""
        return self.traits.told_in(text)

    def told_in_row(self, cells: Sequence[str]) -> bool:
        """Whether a row of a list is theirs."""
        return self.traits.told_in_row(cells)

    def tells_of_nobody_else(self, cells: Sequence[str]) -> bool:
        """Whether a row that is theirs could not be a namesake's."""
        return self.traits.tells_of_nobody_else(cells)

    def surely_told_in_row(self, cells: Sequence[str]) -> bool:
        """Whether a row is theirs, to be shown to them; to be thrown away it need not be sure."""
        return self.told_in_row(cells) and self.tells_of_nobody_else(cells)

    def told_apart_in(self, texts: Collection[str]) -> set[str]:
        """First and last name, if both are among the texts."""
        return self.traits.told_apart_in(texts)

    def has_problem(self, run: ImportRun, problem: Mapping[str, Any]) -> bool:
        """Whether a problem of an import is about them, whatever the value: their user name, or a row of theirs.

        What is taken over from the earlier server keeps its ids, also where the first attempts were refused.
        """
        if run.kind == ACTIVITIES and problem.get("reason") == NO_USER:
            return values.key(str(problem.get("value"))) in self._user_names
        if run.kind != LEGACY or run.file_name not in self.taken_over:
            return False
        table, row_id = str(problem.get("table")).lower(), problem.get("id")
        if table in SHAPES["users"].names:
            return row_id in {user.pk for user in self.users}
        if table in SHAPES["leads"].names:
            return row_id in self.lead_ids
        return isinstance(row_id, int) and Activity.objects.of_leads(self.lead_ids).filter(pk=row_id).exists()

    def set_by(self, run: ImportRun) -> set[str]:
        """Which values that an import set for all its rows stand, or stood, in a lead of theirs or in its activities.

        A file that was tried first, and imported then, has one SHA-256.
        """
        set_for_all = _set_for_all(run)
        if run.pk not in self.runs and run.sha256 not in self.files:
            return set()
        if run.kind == ACTIVITIES:
            return {set_for_all[field] for field in OF_EACH_ACTIVITY if field in set_for_all}
        personal = (value for field, value in set_for_all.items() if field in OF_A_PERSON)
        return {text for text in personal if " ".join(text.split()) in self.texts}

    def signed(self, run: ImportRun) -> set[str]:
        """The names by which an import named them as the author of its rows."""
        by_id, default = run.options.get("author_id"), str(run.options.get("user", ""))
        if by_id is None:
            names = {default, _set_for_all(run).get("user", "")}
            return {name for name in names if name and self._is_author(run.pk, name)}
        return {default} if by_id in {user.pk for user in self.users} else set()

    def _is_author(self, run_id: int, name: str) -> bool:
        """Whether a user name is theirs now, or nobody's any more in an import of activities of theirs."""
        taken = User.objects.filter(username_key=values.key(name))
        return values.key(name) in self._user_names or (run_id in self.authored and not taken.exists())

    @property
    def _user_names(self) -> set[str]:
        return {user.username_key for user in self.users}


def _set_for_all(run: ImportRun) -> dict[str, str]:
    """The texts that an import set for all its rows, by their fields."""
    given = run.options.get("constants")
    told = given.items() if isinstance(given, dict) else ()
    return {field: value for field, value in told if isinstance(value, str)}


def admin_log(model: type[models.Model], ids: Iterable[int]) -> "models.QuerySet[LogEntry]":
    """What Django's admin noted down about these rows of ``model``: among other things what each was called."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    return about.filter(object_id__in=[str(pk) for pk in ids]).order_by("pk")


def log_of(whom: Person) -> "models.QuerySet[LogEntry]":
    """What the admin noted down about their leads, and what else it called by the address: it cuts what is longer."""
    longest = LogEntry._meta.get_field("object_repr").max_length
    named = _called("object_repr", (spelling[:longest] for spelling in whom.spellings))
    leads = admin_log(Lead, whom.lead_ids).order_by().values("pk")
    return LogEntry.objects.filter(Q(pk__in=leads) | named).order_by("pk")


def signatures_of(whom: Person) -> "list[QuerySet[Any]]":
    """What others' accounts signed with the address, in the order of ``SIGNED``.

    Names are as of writing, and an account may have another by now. No index finds them: this walks through the tables.
    """
    own = [user.pk for user in whom.users]
    return [
        model.objects.filter(_called(column, whom.spellings)).exclude(**{f"{user}__in": own}).order_by("pk")
        for _, model, user, column in SIGNED
    ]


def _called(field: str, spellings: Iterable[str]) -> Q:
    """By the address, as it was written somewhere; SQLite compares without regard to case in ASCII alone."""
    called = Q()
    for spelling in spellings:
        called |= Q(**{f"{field}__iexact": spelling})
    return called


def person(email: str) -> Person:
    """Everything that an address leads to. Raises ``values.Invalid`` for what is no address.

    No index finds deleted leads, nor addresses in the history: this walks through those tables, once.
    """
    key = values.key(values.email(email))
    ids = _with_merged(Lead.objects.filter(email_key=key).values_list("pk", "merged_into"))
    formerly = tuple(pk for pk in erasing.once_with(key) if pk not in ids)
    users = tuple(User.objects.filter(Q(email_key=key) | Q(username_key=key)).order_by("pk"))
    had, names = _had(ids)
    texts = {" ".join(text.split()) for field in had.values() for text in field if text}
    whole = ((first, last) for first, last in names if first and last)
    texts.update(form for first, last in whole for form in (f"{first} {last}", f"{last} {first}", f"{last}, {first}"))
    runs = _runs_of([*ids])
    imported = Activity.objects.filter(user__in=users, import_run__isnull=False).order_by().distinct()
    legacy = ImportRun.objects.filter(kind=LEGACY, state=ImportRun.State.DONE)
    spelt = {email.strip(), key, *had["email"], *(name for user in users for name in (user.email, user.username))}
    return Person(
        email=email.strip(),
        email_key=key,
        spellings=frozenset(spelling for spelling in spelt if values.key(spelling) == key),
        lead_ids=tuple(sorted(ids)),
        formerly=formerly,
        users=users,
        traits=Traits(
            {key, *had["email"], *(user.email for user in users)},
            had["phone"],
            names | {(user.first_name, user.last_name) for user in users},
        ),
        texts=frozenset(texts),
        runs=frozenset(runs),
        files=frozenset(ImportRun.objects.filter(pk__in=runs).values_list("sha256", flat=True)),
        authored=frozenset(imported.values_list("import_run_id", flat=True)),
        taken_over=frozenset(legacy.values_list("file_name", flat=True)),
    )


def _had(lead_ids: Collection[int]) -> tuple[dict[str, set[str]], set[Name]]:
    """What the personal columns of leads hold, and held once; of each lead any first name with any last name."""
    had: dict[str, set[str]] = {field: set() for field in rules.PERSONAL}
    firsts: defaultdict[int, set[str]] = defaultdict(set)
    lasts: defaultdict[int, set[str]] = defaultdict(set)

    def note(lead_id: int, field: str, value: object) -> None:
        if isinstance(value, str) and value != erasing.ERASED:
            had[field].add(value)
            if field in ("first_name", "last_name"):
                (firsts if field == "first_name" else lasts)[lead_id].add(value)

    for lead_id, *row in Lead.objects.filter(pk__in=lead_ids).values_list("pk", *had):
        for field, value in zip(had, row, strict=True):
            note(lead_id, field, value)
    for lead_id, told in LeadChange.objects.filter(lead_id__in=lead_ids).values_list("lead_id", "changes"):
        for field in had.keys() & told.keys():
            for value in told[field]:
                note(lead_id, field, value)
    leads = firsts.keys() | lasts.keys()
    return had, {(first, last) for lead in leads for first in firsts[lead] or {""} for last in lasts[lead] or {""}}


def _runs_of(lead_ids: Sequence[int]) -> set[int]:
    """The imports that wrote these leads or activities of theirs, whether or not that was undone since."""
    told = (
        Lead.objects.filter(pk__in=lead_ids, import_run__isnull=False).values_list("import_run", flat=True),
        ImportUpdate.objects.filter(lead_id__in=lead_ids).values_list("run", flat=True),
        LeadChange.objects.filter(lead_id__in=lead_ids, import_run__isnull=False).values_list("import_run", flat=True),
        Activity.objects.of_leads(lead_ids).filter(import_run__isnull=False).values_list("import_run", flat=True),
    )
    return {run for runs in told for run in runs.order_by().distinct()}


def _with_merged(leads: Iterable[tuple[int, int | None]]) -> set[int]:
    """The leads, those they were merged into, and all that was merged into these."""
    survivors = {merged_into or pk for pk, merged_into in leads}
    return set(Lead.objects.filter(Q(pk__in=survivors) | Q(merged_into__in=survivors)).values_list("pk", flat=True))
