"""What needs to be understood: dates, names, statuses, the columns of lead ads."""

from dataclasses import replace

from tests.import_cases.case import MIDNIGHT, NOTE, NOW, Case, ExpectedLead, case, cells, lead, one_of

CHICAGO = {"TIME_ZONE": "America/Chicago"}
MORNING = "2024-05-13T10:22:00"
EXACTLY = "2024-05-13T10:22:11"
DATES = {
    MIDNIGHT: ("45425", "13-May-24", "13.05.24", "20240513", "Monday, May 13, 2024", "5/13/24", "2024-W20-1"),
    MORNING: (
        "May 13, 2024, 10:22 AM",
        "May 13 2024 10:22AM",
        "2024/05/13 10:22",
        "2024-05-13T10:22",
        "May 13th, 2024 at 10:22am",
    ),
    EXACTLY: (
        "2024-05-13 10:22:11 UTC",
        "5/13/2024, 10:22:11 AM",
        "2024-05-13T10:22:11.000+0000",
        "2024-05-13T10:22:11Z[UTC]",
    ),
    "2024-05-13T10:22:11.123456": ("2024-05-13T10:22:11.1234567Z",),
    "2024-05-13T22:22:00": ("2024-05-13 10:22 PM",),
    "2024-05-13T04:52:11": ("2024-05-13T10:22:11+05:30",),
    "2024-05-13T15:22:11": (
        "2024-05-13T10:22:11-05:00",
        "2024-05-13 10:22:11 -0500",
        "Mon May 13 2024 10:22:11 GMT-0500 (Central Daylight Time)",
        "5/13/2024 10:22:11 AM -05:00",
    ),
    "2024-05-13T15:22:00": ("5/13/2024 10:22 AM EST",),
    "2024-05-13T17:22:11": ("2024-05-13 10:22:11 PDT",),
    "2024-05-13T15:02:11": ("1715612531", "1715612531000"),
    "2024-09-13T10:22:00": ("13 Sept 2024 10:22",),
}
DATE_OF = {cell: moment for moment, texts in DATES.items() for cell in texts}


def dated(number: int, cell: str) -> ExpectedLead:
    """Return the lead that a row of dates.csv becomes."""
    name = f"P{number}"
    if cell == "45425.432":  # a little after 10:22, as the fraction of a day says it
        return lead(name, "Ng", created_at=lambda value: f"{value:%Y-%m-%dT%H:%M}" == MORNING[:16])
    if cell in DATE_OF:
        return lead(name, "Ng", created_at=DATE_OF[cell])
    if cell == "13 mai 2024":  # that day, or not understood
        return lead(name, "Ng", note=None)
    return lead(name, "Ng", created_at=NOW, note=(f"Created: {cell}",))


NAMES = {
    "John & Jane Smith": ("John & Jane", "Smith"),
    "Smith, John & Jane": ("John & Jane", "Smith"),
    "Smith Jr., John": ("John", "Smith Jr."),
    "Smith, John Jr.": ("John", "Smith Jr."),
    "Smith, John, Jr.": ("John", "Smith Jr."),
    "Smith,John": ("John", "Smith"),
    "St. James, Mary": ("Mary", "St. James"),
    "Mary St. James": ("Mary", "St. James"),
    "Leonardo da Vinci": ("Leonardo", "da Vinci"),
    "Anna Maria van der Berg-Smith": ("Anna Maria", "van der Berg-Smith"),
    "Juan Carlos de la Rosa": ("Juan Carlos", "de la Rosa"),
    "Ann  Ng": ("Ann", "Ng"),
    "Ann\tNg": ("Ann", "Ng"),
    "J. R. R. Tolkien": ("J. R. R.", "Tolkien"),
    "Al Pacino": ("Al", "Pacino"),
    "Bo Ma": ("Bo", "Ma"),
    "Yo-Yo Ma": ("Yo-Yo", "Ma"),
}
DESIGNATED = {
    "John Smith, Realtor": ("John", "Smith", "Realtor"),
    "John Smith, CRS, GRI": ("John", "Smith", "CRS, GRI"),
    "John Smith, DDS": ("John", "Smith", "DDS"),
    "John Smith, Broker": ("John", "Smith", "Broker"),
    "Ann Ng, PMP": ("Ann", "Ng", "PMP"),
    "Ann Ng Esq": ("Ann", "Ng", "Esq"),
}
WITH_REMAINDER = {
    "Jane Doe, John Doe": ("Jane", "Doe", "John Doe"),
    "John Smith (buyer)": ("John", "Smith", "buyer"),
    "John Smith - Zillow": ("John", "Smith", "Zillow"),
    "Ng Ann (李安)": ("Ng", "Ann", "李安"),
    "John Smith, ABC Realty": ("John", "Smith", "ABC Realty"),
    "ann@example.com": ("", "", "ann@example.com"),
    "Ann Ng <ann@example.com>": ("Ann", "Ng", "ann@example.com"),
}


def named(number: int, cell: str) -> ExpectedLead:
    """Return the lead that a row of names.csv becomes; of a cell that no rule speaks of, no word may be lost."""
    email = f"n{number}@example.com"
    if cell in NAMES:
        return lead(*NAMES[cell], email=email)
    if cell in DESIGNATED:
        first, last, titles = DESIGNATED[cell]
        return lead(first, one_of(f"{last} {titles}", f"{last}, {titles}"), email=email)
    if cell in WITH_REMAINDER:
        first, last, text = WITH_REMAINDER[cell]
        return lead(first, last, email=email, note=(text,))
    if cell.startswith("+1"):
        return lead("", "", email=email, note=None, cell=cell)
    return ExpectedLead({"email": email}, note=None, cell=cell)


STATUSES = {
    "new": range(7),
    "contacted": range(7, 15),
    "qualified": range(15, 18),
    "negotiation": range(18, 22),
    "closed": (*range(22, 29), 41),
    "lost": range(29, 37),
    "sphere": (37, 38),
    "active": (39,),
}
STATUS_OF = {number: status for status, numbers in STATUSES.items() for number in numbers} | {40: "new"}


def with_status(number: int, status: str, note: bool = True) -> ExpectedLead:
    """Return the lead that a row of statuses.csv becomes."""
    closed = {"closed_at": "2022-03-04T00:00:00" if number == 41 else "2024-05-01T00:00:00"}
    text = ("Stage: Attempted to Contact - Left Voicemail 3x",) if number == 40 else ()
    return lead(f"P{number}", "Ng", status=status, note=text if note else None, **closed if status == "closed" else {})


CHOSEN = {37: "contacted", 38: "contacted", 2: "qualified"}
AS_THEY_ARE = {0: "lead", 3: "hot lead", 25: "sold", 28: "closed", 40: "new"}


def as_it_is(number: int) -> ExpectedLead:
    """A lead of statuses.csv with the status of its row; a closing date of one that is not closed is in its note."""
    expected = with_status(number, AS_THEY_ARE[number]) if number in AS_THEY_ARE else lead(f"P{number}", "Ng")
    return replace(expected, note=None)


CASES: list[Case] = [
    case(
        "dates.csv",
        *NOTE,
        leads=[dated(number, cell) for number, cell in enumerate(cells("dates.csv", "Created"))],
    ),
    case(
        "dates-serial-numbers.xlsx",
        leads=[
            lead("Ann", lambda value: True, created_at=MIDNIGHT),
            lead("Bo", lambda value: True, created_at="2024-05-13T12:00:00"),
        ],
    ),
    *(
        case(
            "dates-closing-no-zone.csv",
            *options,
            name=name,
            settings=settings,
            leads=[
                lead("Ann", "Ng", status="closed", closed_at="2026-11-01T04:30:00"),
                lead(
                    "Bo",
                    "Li",
                    status="closed",
                    closed_at="2026-11-15T06:00:00",
                    created_at="2024-01-13T06:00:00",
                ),
                lead("Cy", "Oh", status="closed", created_at="2024-01-02T00:00:00", closed_at="2024-01-02T00:00:00"),
            ],
        )
        for name, options, settings in (
            ("the office's time zone", (), CHICAGO),
            ("one import's time zone", ("--timezone", "America/Chicago"), {}),
        )
    ),
    case(
        "dates-unread.csv",
        *NOTE,
        repairs=3,
        leads=[
            lead("Ann", "Ng", created_at=NOW, note=("Created: last week",)),
            lead("Bo", "Li", created_at=NOW, note=("Created: 2024-02-31",)),
            lead("Cy", "Oh", created_at=NOW, note=("Created: 19999",)),
            lead("Di", "Po", created_at=MIDNIGHT),
        ],
    ),
    case(
        "names.csv",
        *NOTE,
        leads=[named(number, cell) for number, cell in enumerate(cells("names.csv", "Name"))],
    ),
    case(
        "names-last-name-first.csv",
        *NOTE,
        leads=[
            lead("Gabriel José", "García Márquez"),
            lead("Anna Maria", "van der Berg"),
            lead("Ann", "Ng"),
            lead("Bo", "Li"),
            lead("Jane", "Doe", note=("John Doe",)),
            lead("Cy", "Oh Jr."),
        ],
    ),
    case(
        "statuses.csv",
        *NOTE,
        says=["Sphere", "Past Client"],
        leads=[with_status(number, STATUS_OF[number]) for number in range(42)],
    ),
    case(
        "statuses.csv",
        *NOTE,
        *("--map-status", "Sphere=contacted", "--map-status", "Hot=qualified"),
        name="statuses.csv, some chosen",
        leads=[with_status(number, CHOSEN.get(number, STATUS_OF[number])) for number in range(42)],
    ),
    case(
        "statuses.csv",
        *NOTE,
        "--status-as-is",
        name="statuses.csv, as they are",
        leads=[as_it_is(number) for number in range(42)],
    ),
    case(
        "facebook-lead-ads.csv",
        *NOTE,
        leads=[
            lead(
                "Ann",
                "Ng",
                source="Facebook",
                phone="+15555550101",
                created_at="2024-05-13T15:22:11",
                note=("Ad", "Set", "Camp", "Form"),
            ),
            lead(
                "Bo",
                "Li",
                source="Instagram",
                phone="+15555550102",
                created_at="2024-05-13T16:22:11",
                note=("Ad", "Set", "Camp", "Form"),
            ),
        ],
    ),
    case(
        "facebook-test-lead.csv",
        *NOTE,
        report={"left_out": 1},
        leads=[lead("Ann", "Ng", source="Instagram", note=None)],
    ),
]
