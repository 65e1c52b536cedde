"""The rows of the earlier server under our rules: clean values, and every problem with the mend it would get.

Three judges, one a table, each fed with its rows in the order of their ids. ``judge`` returns the row to store (with
the mends made), or ``None`` where it is to be left out, and the problems. A problem whose ``after`` is ``BEYOND``
cannot be mended.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.hashers import identify_hasher, make_password

from activities import rules as activity_rules
from crm_project import values
from crm_project.values import BIGGEST, Invalid, Rule
from leads import rules as lead_rules
from maintenance.legacy_migration import fixes as mends
from maintenance.legacy_migration.issues import HIDDEN
from maintenance.legacy_migration.tables import SHAPES
from users import rules as user_rules
from users.hashers import as_django

LONGEST_HASH = 128
BEYOND = object()
LEFT_OUT = "(left out)"

Row = dict[str, Any]


class Wrong(NamedTuple):
    """One problem: the column (by our name), what is there, why it is refused, and what ``--fix`` makes of it."""

    column: str
    value: Any
    reason: str
    after: Any


def identity(value: object) -> int:
    """A row's number."""
    return values.integer(value, 1, BIGGEST)


def moment(value: object) -> datetime:
    """A timestamp; without a zone it is UTC."""
    try:
        if not isinstance(value, str) or value[4:5] != "-":
            raise ValueError
        parsed = datetime.fromisoformat(value.strip())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("datetime_parsing", "not a timestamp such as 2025-10-07 18:10:00") from None


def known_hash(value: object) -> str:
    """A password hash that one of our hashers reads."""
    if not isinstance(value, str) or len(value) > LONGEST_HASH:
        raise Invalid("value_error", "not a password hash that can be verified here")
    encoded = as_django(values.clean(value))
    try:
        identify_hasher(encoded).decode(encoded)
    except Exception:  # whatever a damaged hash makes the libraries say
        raise Invalid("value_error", "not a password hash that can be verified here") from None
    return value


def author(value: object) -> str:
    """The author's name as of writing."""
    return values.text(value, mends.LONGEST_AUTHOR, shortest=1)


def _plain(value: object) -> object:
    """PostgreSQL's NUMERIC as the number it is."""
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class Judge:
    """What the three have in common: the rules, the mends, and ids of their own."""

    rules: Mapping[str, Rule]
    mends: Mapping[str, mends.Mend]
    numbers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.last: int | None = None

    def judge(self, row: Row) -> tuple[Row | None, list[Wrong]]:
        """The row to store, and every problem with it."""
        for column in self.numbers:
            row[column] = _plain(row[column])
        clean, problems = values.judge(row, self.rules)
        wrong = [self._mended(str(problem.loc[0]), problem.msg, row, clean) for problem in problems]
        return clean, wrong + self._repeated(row, clean)

    def _mended(self, column: str, reason: str, row: Row, clean: Row) -> Wrong:
        mend = self.mends.get(column)
        if mend is None:
            return Wrong(column, row[column], sentence(reason), BEYOND)
        clean[column] = mend(row[column], row, clean)
        return Wrong(column, row[column], sentence(reason), clean[column])

    def _repeated(self, row: Row, clean: Row) -> list[Wrong]:
        last, self.last = self.last, clean.get("id", self.last)
        if "id" in clean and last == clean["id"]:
            return [Wrong("id", row["id"], "another row has the same id", BEYOND)]
        return []


def sentence(message: str) -> str:
    """Pydantic's message without its prefix."""
    return message.removeprefix("Value error, ")


class Users(Judge):
    """Users, whose names and addresses are all kept in mind: an office has few."""

    rules = {
        **{"id": Rule(identity), "password": Rule(known_hash), "is_active": Rule(values.boolean)},
        "username": Rule(user_rules.username),
        **{name: user_rules.REGISTRATION[name] for name in ("email", "first_name", "last_name")},
        "created_at": Rule(moment),
    }
    mends = mends.USERS

    def __init__(self) -> None:
        super().__init__()
        self.usernames: dict[str, int] = {}
        self.emails: dict[str, int] = {}
        self.names: dict[int, str] = {}  # id -> "First Last", or the user name

    def judge(self, row: Row) -> tuple[Row | None, list[Wrong]]:
        """As all do; names and addresses that are equal without regard to case are problems too."""
        row.setdefault("is_active", True)
        clean, wrong = super().judge(row)
        wrong = [w._replace(value=HIDDEN, after=HIDDEN) if w.column == "password" else w for w in wrong]
        if clean is None or any(w.after is BEYOND for w in wrong):
            return clean, wrong
        clean["password"] = clean["password"] or make_password(None)
        wrong += self._unlike_others(row, clean)
        self.names[clean["id"]] = f"{clean['first_name']} {clean['last_name']}".strip() or clean["username"]
        return clean, wrong

    def _unlike_others(self, row: Row, clean: Row) -> list[Wrong]:
        wrong = []
        if owner := self.usernames.get(values.key(clean["username"])):
            while values.key(clean["username"]) in self.usernames:
                clean["username"] = mends.with_id(clean["username"], clean["id"])
            reason = f"user {owner} has the same user name (in any case)"
            wrong.append(Wrong("username", row["username"], reason, clean["username"]))
        if owner := self.emails.get(values.key(clean["email"])):
            clean["email"] = ""
            wrong.append(Wrong("email", row["email"], f"user {owner} has the same e-mail (in any case)", ""))
        self.usernames[values.key(clean["username"])] = clean["id"]
        if clean["email"]:
            self.emails[values.key(clean["email"])] = clean["id"]
        return wrong


class Leads(Judge):
    """Leads, whose ids and counts are kept in the order of the ids: sixteen bytes for each."""

    rules = {
        "id": Rule(identity),
        **{name: lead_rules.CREATE[name] for name in SHAPES["leads"].columns if name in lead_rules.CREATE},
        "source": Rule(lead_rules.source),  # a stored lead may have none
        **{"is_active": Rule(values.boolean), "created_at": Rule(moment), "updated_at": Rule(moment)},
    }
    mends = mends.LEADS
    numbers = ("budget_min", "budget_max")

    def __init__(self) -> None:
        super().__init__()
        self.ids = array("q")
        self.recorded = array("i")  # activity_count as the source has it
        self.counted = array("i")  # activities that were stored

    def judge(self, row: Row) -> tuple[Row | None, list[Wrong]]:
        """As all do, then what concerns two columns."""
        clean, wrong = super().judge(row)
        if clean is None or any(w.after is BEYOND for w in wrong):
            return clean, wrong
        self.ids.append(clean["id"])
        self.recorded.append(row["activity_count"])
        self.counted.append(0)
        for problem in lead_rules.check_budgets(clean):
            given = f"{clean['budget_min']} … {clean['budget_max']}"
            clean["budget_min"], clean["budget_max"] = clean["budget_max"], clean["budget_min"]
            after = f"{clean['budget_min']} … {clean['budget_max']}"
            wrong.append(Wrong("budget_max", given, sentence(problem.msg), after))
        return clean, [self._keep_email(w, clean) if w.column == "email" else w for w in wrong]

    def _keep_email(self, wrong: Wrong, clean: Row) -> Wrong:
        address = mends.tidy(wrong.value, 500)
        interest = clean["property_interest"] or ""
        kept = f"{interest}\nE-mail: {address}".strip()
        if not address or len(kept) > lead_rules.LONGEST_TEXT:
            return wrong
        clean["property_interest"] = kept
        return wrong._replace(after="(moved to property_interest)")

    def has(self, lead_id: int) -> bool:
        """Whether there was a lead of that number."""
        place = bisect_left(self.ids, lead_id)
        return place < len(self.ids) and self.ids[place] == lead_id

    def count(self, lead_id: int) -> None:
        """Note one stored activity of a lead that there is."""
        self.counted[bisect_left(self.ids, lead_id)] += 1

    def miscounted(self) -> Iterator[tuple[int, int, int]]:
        """Every lead whose recorded count is not the number of its activities: its id and the two."""
        counts = zip(self.ids, self.recorded, self.counted, strict=True)
        yield from ((lead_id, recorded, real) for lead_id, recorded, real in counts if recorded != real)


class Activities(Judge):
    """Activities, which need their lead and their user."""

    rules = {
        **{"id": Rule(identity), "lead_id": Rule(identity), "user_id": Rule(identity)},
        **{name: activity_rules.CREATE[name] for name in SHAPES["activities"].columns if name in activity_rules.CREATE},
        **{"created_at": Rule(moment), "user_name": Rule(author)},
    }
    numbers = ("duration",)

    def __init__(self, users: Users, leads: Leads) -> None:
        super().__init__()
        self.users, self.leads = users, leads
        orphaned = {"lead_id": mends.blank, "user_id": mends.blank}
        self.mends = {**mends.ACTIVITIES, **orphaned, "user_name": self._author}

    def _author(self, value: Any, row: Row, clean: Row) -> str:
        return mends.tidy(value, mends.LONGEST_AUTHOR) or self.users.names.get(clean.get("user_id", 0), "")

    def judge(self, row: Row) -> tuple[Row | None, list[Wrong]]:
        """As all do; an orphan is left out."""
        clean, wrong = super().judge(row)
        orphaned = [w._replace(after=LEFT_OUT) for w in wrong if w.column in ("lead_id", "user_id")]
        if clean and not orphaned and not self.leads.has(clean["lead_id"]):
            orphaned.append(Wrong("lead_id", row["lead_id"], "there is no such lead", LEFT_OUT))
        if clean and clean.get("user_id") and clean["user_id"] not in self.users.names:
            orphaned.append(Wrong("user_id", row["user_id"], "there is no such user", LEFT_OUT))
        others = [w for w in wrong if w.column not in ("lead_id", "user_id")]
        return (None if orphaned else clean), orphaned + others
