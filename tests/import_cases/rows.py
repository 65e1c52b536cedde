"""Which rows are leads: no name, footers, short rows, deleted in the source, consent, quotes."""

from tests.import_cases.case import NOTE, SKIP_ERRORS, Case, case, lead

CONVERTED = "2024-05-13T15:22:10"
DELETED = ("deleted in the source",)

CASES: list[Case] = [
    case(
        "no-identity.csv",
        *SKIP_ERRORS,
        code=3,
        problems={3: "no name, email or phone", 4: "no name, email or phone"},
        leads=[
            lead("Ann", "Ng"),
            lead("Madonna", ""),
            lead("", "", phone="555-555-0102"),
            lead("", "", email="bo@example.com"),
        ],
    ),
    case(
        "no-identity.csv",
        name="no-identity.csv, all or nothing",
        code=1,
        problems={3: "no name, email or phone", 4: "no name, email or phone"},
        leads=[],
    ),
    case(
        "salesforce-footer.csv",
        report={"left_out": 3},
        leads=[lead("Ann", "Ng", status="new"), lead("Bo", "Li", status="contacted")],
    ),
    case(
        "salesforce-footer.xlsx",
        report={"left_out": 2},
        leads=[lead("Ann", "Ng", budget_max=300_000), lead("Bo", "Li", budget_max=400_000)],
    ),
    case("total-row.csv", report={"left_out": 1}, leads=[lead("Ann", "Ng"), lead("Bo", "Li")]),
    case(
        "sign-in-sheet-sections.xlsx",
        report={"left_out": 2},
        leads=[lead("Ann", "Ng"), lead("Bo", "Li"), lead("Cy", "Oh"), lead("Di", "Po"), lead("Madonna", "")],
    ),
    case("header-repeated.csv", report={"left_out": 1}, leads=[lead("Ann", "Ng"), lead("Bo", "Li")]),
    case(
        "short-rows.csv",
        leads=[
            lead("Ann", "Ng", interest="condo"),
            lead("Bo", "Li", phone="", interest=None),
            lead("Cy", "Oh", interest=None),
        ],
    ),
    case(
        "trailing-commas.csv",
        *SKIP_ERRORS,
        code=3,
        problems={5: "call back!"},
        leads=[lead("Ann", "Ng"), lead("Cy", "Oh")],
    ),
    case("deleted-flag.csv", report={"skipped": 1}, says=DELETED, leads=[lead("Ann", "Ng")]),
    case(
        "deleted-flag.csv",
        "--with-deleted",
        name="deleted-flag.csv, with the deleted",
        report={"created": 2},
        leads=[lead("Ann", "Ng", is_active=True), lead("Bo", "Li", is_active=False)],
    ),
    case(
        "salesforce-deleted.csv",
        *NOTE,
        report={"skipped": 1},
        says=DELETED,
        leads=[lead("Ann", "Ng", status="closed", closed_at=CONVERTED, created_at=CONVERTED, note=None)],
    ),
    case(
        "salesforce-deleted.csv",
        *NOTE,
        "--with-deleted",
        name="salesforce-deleted.csv, with the deleted",
        report={"created": 2},
        leads=[lead("Ann", "Ng", is_active=True, note=None), lead("Bo", "Li", is_active=False, note=None)],
    ),
    # Leads have no consent yet: what a file says of it is in the note.
    case(
        "do-not-call.csv",
        *NOTE,
        leads=[
            lead("Ann", "Ng", note=("Do Not Call: true", "Email Opt Out: true")),
            lead("Bo", "Li", note=None),
            lead("Cy", "Oh", note=("Do Not Call: true",)),
        ],
    ),
    case(
        "do-not-contact.csv",
        *NOTE,
        leads=[
            lead("Ann", "Ng", note=("Unsubscribed: Yes",)),
            lead("Bo", "Li", note=("SMS Opt Out: Yes",)),
            lead("Cy", "Oh", note=("Do Not Contact: Yes",)),
            lead("Di", "Po", note=None),
        ],
    ),
    case(
        "backslash-quotes.csv",
        leads=[
            lead("Ann", "Ng", status="qualified", source="Zillow", interest='wants a "cosy, quiet" place'),
            lead("Bo", "Li", status="new", source="Web", interest="plain"),
        ],
    ),
    case(
        "filtered-rows.xlsx",
        says=["hidden"],
        leads=[lead("Ann", "Ng"), lead("Old", "Lead")],
    ),
]
