"""What has no column: remainders, messages, notes, tags and owners, whole exports of other programs."""

from tests.import_cases.case import NOTE, Case, ExpectedLead, Step, case, lead, one_of

ANN_REMAINDERS = ("pre-approved", "ann.work@example.com", "555-555-0199", "$1,900/mo")


def with_remainders() -> list[ExpectedLead]:
    """Return the leads of remainders.csv."""
    return [
        lead(
            "Ann",
            "Ng",
            email="ann@example.com",
            phone="555-555-0101",
            budget=(None, None),
            created_at="2024-05-13T00:00:00",
            note=ANN_REMAINDERS,
        ),
        lead("Jane", "Doe", budget=(None, 450_000), note=("John Doe",)),
    ]


MOVED = ("Timeframe: 0-3 months", "Address 1 - Street: 12 Elm St", "Address 1 - City: Springfield", "Agent")
NOTES_OF_GUS = "Called 3x; wants a loft,\nnear the park. Budget firm."


def moved(first: str, last: str, *note: str, **fields: object) -> ExpectedLead:
    """Return a lead of follow-up-boss-move.csv."""
    return lead(
        first, last, email=f"{first}.{last}@example.com".lower(), tags="vip, buyer", note=(*MOVED, *note), **fields
    )


CASES: list[Case] = [
    case("remainders.csv", leads=with_remainders()),
    case("remainders.csv", *NOTE, name="remainders.csv, unknown columns too", leads=with_remainders()),
    Case(
        "remainders.csv, without users",
        (Step("remainders.csv", NOTE, code=1, says=["--user"]),),
        [],
        boss=False,
    ),
    case(
        "messages.csv",
        *NOTE,
        leads=[lead("Ann", "Ng", interest="Wants to see 12 Elm St", own_notes=["Called twice.\nWants a garden."])],
    ),
    case(
        "message-beside-interest.csv",
        *NOTE,
        leads=[lead("Ann", "Ng", interest="condo", note=("Comments: Call after six",))],
    ),
    case(
        "follow-up-boss-move.csv",
        *NOTE,
        leads=[
            moved(
                "Ed",
                "Vo1",
                "Email 2: ed.home@example.com",
                "Phone 2: (555) 555-0199",
                "Relationship 1 - Name: Bo Vo",
                "Message: Please call me",
                status="hot prospect",
                phone="(555) 555-0110",
                budget=(None, 350_000),
                interest="99 Oak St",
                own_notes=["Has a dog", "Called twice. Wants a garden."],
            ),
            moved("Gus", "Li2", status="sphere", own_notes=[NOTES_OF_GUS]),
            moved(
                "Kim",
                "Ng3",
                status="closed",
                closed_at="2024-09-10T10:00:00",
                created_at="2024-09-10T10:00:00",
                interest="Please call me",
            ),
            moved("Quin", "Po4", status="closed", closed_at="2024-09-17T10:00:00", own_notes=[NOTES_OF_GUS]),
            moved("Ann", "Su5", "Relationship 1 - Name: Pat Su5", status="negotiation"),
            moved("Quin", "Po6", status="closed", closed_at="2024-08-26T10:00:00", own_notes=[NOTES_OF_GUS]),
        ],
    ),
    Case(
        "tags-and-owner.csv",
        (Step("tags-and-owner.csv", code=1, says=["Favourite colour"]),),
        [],
        on_page=False,  # which puts unknown columns into the note by itself
    ),
    Case(
        "tags-and-owner.csv, with notes",
        (Step("tags-and-owner.csv", NOTE),),
        [
            lead("Ann", "Ng", tags="vip, buyer", note=("Favourite colour: green",)),
            lead("Bo", "Li", note=("nobody@example.com",)),
        ],
        users=("Sam Agent",),
    ),
    case(
        "pipedrive-leads.csv",
        *NOTE,
        leads=[
            lead(
                "Ann",
                "Ng",
                email="ann@example.com",
                phone="+15555550101",
                source="Manually created",
                created_at="2024-05-13T15:22:11",
                note=("Sam Agent",),
                cell="Ann Ng lead 450000 USD Sam Agent Hot",
            )
        ],
    ),
    case(
        "spanish-portal.csv",
        *NOTE,
        leads=[
            lead(
                "Ana",
                "García López",
                email="ana@example.com",
                phone="600 000 000",
                status=one_of("new", "nuevo"),
                note=None,
                cell="Idealista 350000",
            )
        ],
    ),
]
